//! What people ask of the store: how the sources do, how long the queue is, what is due next.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Error, Store};
use crate::time::{DAY, Timestamp};

/// A source as `feeds` shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FeedLine {
    /// The configured address.
    pub url: String,
    /// The feed's own title.
    pub title: Option<String>,
    /// The name of its [state](crate::domain::health::State); paused.
    pub health: String,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not fine, and what to do.
    pub reason: Option<String>,
    /// Where it is asked instead of its configured address.
    pub moved_to: Option<String>,
    /// When entries may have been lost last.
    pub lost_at: Option<Timestamp>,
    /// When it was asked last.
    pub polled_at: Option<Timestamp>,
    /// When it was read last.
    pub worked_at: Option<Timestamp>,
    /// When it last had a new entry.
    pub news_at: Option<Timestamp>,
    /// When it is asked next; none while it is paused.
    pub due_at: Option<Timestamp>,
    /// Why then: rhythm, cache, backoff, server.
    pub due_reason: String,
    /// Entries stored in the last seven days.
    pub week: u32,
    /// Hits in the last seven days.
    pub hits: u32,
}

impl FeedLine {
    /// It was asked, and has not answered once.
    pub fn has_never_worked(&self) -> bool {
        self.worked_at.is_none() && self.polled_at.is_some()
    }
}

/// A source as the commands that name one know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The configured address.
    pub url: String,
    /// The feed's own title.
    pub title: Option<String>,
    /// The name of its [state](crate::domain::health::State).
    pub health: String,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not fine.
    pub reason: Option<String>,
    /// It is not polled until somebody resumes it.
    pub paused: bool,
    /// False when the config no longer names it.
    pub active: bool,
    /// When it was asked last.
    pub polled_at: Option<Timestamp>,
    /// When it was read last.
    pub worked_at: Option<Timestamp>,
    /// When it is asked next.
    pub due_at: Option<Timestamp>,
    /// Why then: rhythm, cache, backoff, server.
    pub due_reason: String,
}

/// A watch as `watches` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchLine {
    /// Its name.
    pub name: String,
    /// It makes no alerts until somebody resumes it.
    pub paused: bool,
    /// Articles found in the last seven days that it has hit.
    pub hits: u32,
    /// Alerts made in the last seven days.
    pub alerts: u32,
    /// When the last article was found that it has hit.
    pub last_hit: Option<Timestamp>,
    /// When its last mail was sent.
    pub last_mail: Option<Timestamp>,
}

/// The store in figures, as `status` shows it.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Figures {
    /// Sources by health.
    pub feeds: Vec<(String, u32)>,
    /// Pages waiting to be read.
    pub pages: u32,
    /// Open alerts.
    pub alerts: u32,
    /// Messages waiting.
    pub waiting: u32,
    /// When the oldest of them was composed.
    pub oldest_waiting: Option<Timestamp>,
    /// Why it was not sent at its last try.
    pub waiting_for: Option<String>,
    /// Watches that make no alerts until somebody resumes them.
    pub paused: Vec<String>,
    /// Messages sent in the last day.
    pub sent_today: u32,
    /// Messages that were given up.
    pub dead: u32,
    /// Articles stored.
    pub articles: u32,
    /// Bytes of the database.
    pub bytes: i64,
    /// When the last poll ended.
    pub last_poll: Option<Timestamp>,
    /// The next poll.
    pub next_poll: Option<Timestamp>,
}

/// Every active source, those in trouble first, then by address.
pub fn feeds(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<FeedLine>> {
    let mut statement = connection.prepare(
        "WITH week AS MATERIALIZED (
             SELECT feed_id, count(*) AS entries, sum((SELECT count(*) FROM hits WHERE entry_id = entries.id)) AS hits
             FROM entries INDEXED BY entries_found WHERE found_at > ?1 AND forgotten = 0 GROUP BY feed_id)
         SELECT f.url, f.title, iif(f.paused, 'paused', f.health), f.health_since, f.reason, f.polled_at,
             f.worked_at, f.news_at, iif(f.paused, NULL, f.due_at), f.due_reason,
             ifnull(w.entries, 0), ifnull(w.hits, 0), f.moved_to, f.lost_at
         FROM feeds f LEFT JOIN week w ON w.feed_id = f.id WHERE f.active = 1
         ORDER BY CASE f.health WHEN 'gone' THEN 0 WHEN 'failing' THEN 1 WHEN 'new' THEN 2 WHEN 'lossy' THEN 3
             WHEN 'silent' THEN 4 WHEN 'moved' THEN 5 ELSE 6 END, f.url",
    )?;
    let rows = statement.query_map([(now - 7 * DAY).millis()], |row| {
        let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
        Ok(FeedLine {
            url: row.get(0)?,
            title: row.get(1)?,
            health: row.get(2)?,
            since: Timestamp::from_millis(row.get(3)?),
            reason: row.get(4)?,
            polled_at: at(5)?,
            worked_at: at(6)?,
            news_at: at(7)?,
            due_at: at(8)?,
            due_reason: row.get(9)?,
            week: row.get(10)?,
            hits: row.get(11)?,
            moved_to: row.get(12)?,
            lost_at: at(13)?,
        })
    })?;
    rows.collect()
}

const KNOWN: &str = "SELECT url, title, health, health_since, reason, paused, active, polled_at, worked_at, due_at, due_reason
    FROM feeds";

/// Every source that the config names, by address.
pub fn known(connection: &Connection) -> rusqlite::Result<Vec<Known>> {
    let mut statement = connection.prepare(&format!("{KNOWN} WHERE active = 1 ORDER BY url"))?;
    statement.query_map([], known_source)?.collect()
}

/// The source of this address, also one that the config no longer names.
pub fn known_by(connection: &Connection, url: &str) -> rusqlite::Result<Option<Known>> {
    connection.query_row(&format!("{KNOWN} WHERE url = ?1"), [url], known_source).optional()
}

fn known_source(row: &Row<'_>) -> rusqlite::Result<Known> {
    let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
    Ok(Known {
        url: row.get(0)?,
        title: row.get(1)?,
        health: row.get(2)?,
        since: Timestamp::from_millis(row.get(3)?),
        reason: row.get(4)?,
        paused: row.get(5)?,
        active: row.get(6)?,
        polled_at: at(7)?,
        worked_at: at(8)?,
        due_at: at(9)?,
        due_reason: row.get(10)?,
    })
}

/// Every active watch, in the config's order.
pub fn watches(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<WatchLine>> {
    let mut statement = connection.prepare(
        "WITH hit AS (
             SELECT h.watch_id, sum(e.found_at > ?1) AS week, max(e.found_at) AS last
             FROM hits h JOIN entries e ON e.id = h.entry_id GROUP BY h.watch_id),
         alert AS (
             SELECT s.watch_id, count(*) AS week FROM alerts a JOIN subscriptions s ON s.id = a.subscription_id
             WHERE a.made_at > ?1 GROUP BY s.watch_id),
         mail AS (
             SELECT s.watch_id, max(m.settled_at) AS last FROM messages m JOIN subscriptions s ON s.id = m.subscription_id
             WHERE m.state = 'sent' GROUP BY s.watch_id)
         SELECT w.name, w.paused, ifnull(hit.week, 0), ifnull(alert.week, 0), hit.last, mail.last
         FROM watches w LEFT JOIN hit ON hit.watch_id = w.id LEFT JOIN alert ON alert.watch_id = w.id
             LEFT JOIN mail ON mail.watch_id = w.id
         WHERE w.active = 1 ORDER BY w.position, w.id",
    )?;
    let rows = statement.query_map([(now - 7 * DAY).millis()], |row| {
        let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
        Ok(WatchLine {
            name: row.get(0)?,
            paused: row.get(1)?,
            hits: row.get(2)?,
            alerts: row.get(3)?,
            last_hit: at(4)?,
            last_mail: at(5)?,
        })
    })?;
    rows.collect()
}
/// No mail is under way for longer, even when somebody had it tried anew.
const LONGEST_WAY: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// The watches that make no alerts until somebody resumes them.
pub fn paused_watches(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT name FROM watches WHERE paused = 1 AND active = 1 ORDER BY position")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// The store in figures.
pub fn figures(connection: &Connection, now: Timestamp) -> rusqlite::Result<Figures> {
    let mut statement = connection.prepare(
        "SELECT iif(paused, 'paused', health), count(*) FROM feeds WHERE active = 1 GROUP BY 1 ORDER BY 1",
    )?;
    let feeds = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let paused = paused_watches(connection)?;
    connection.query_row(
        "SELECT (SELECT count(*) FROM entries WHERE due_at IS NOT NULL),
             (SELECT count(*) FROM alerts WHERE state = 'open'),
             (SELECT count(*) FROM messages WHERE state = 'waiting' AND due_at IS NOT NULL),
             (SELECT min(composed_at) FROM messages WHERE state = 'waiting' AND due_at IS NOT NULL),
             (SELECT count(*) FROM recipients r CROSS JOIN messages m ON m.recipient_id = r.id AND m.composed_at > ?2
                 WHERE m.state = 'sent' AND m.settled_at > ?1),
             (SELECT count(*) FROM messages WHERE state = 'dead'),
             (SELECT count(*) FROM articles),
             (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),
             (SELECT max(polled_at) FROM feeds),
             (SELECT min(due_at) FROM feeds WHERE active = 1 AND paused = 0),
             (SELECT last_error FROM messages WHERE state = 'waiting' AND due_at IS NOT NULL
                 ORDER BY composed_at LIMIT 1)",
        params![(now - DAY).millis(), (now - LONGEST_WAY).millis()],
        |row| {
            let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
            Ok(Figures {
                feeds,
                pages: row.get(0)?,
                alerts: row.get(1)?,
                waiting: row.get(2)?,
                oldest_waiting: at(3)?,
                waiting_for: row.get(10)?,
                paused,
                sent_today: row.get(4)?,
                dead: row.get(5)?,
                articles: row.get(6)?,
                bytes: row.get(7)?,
                last_poll: at(8)?,
                next_poll: at(9)?,
            })
        },
    )
}

/// The first polls of a start, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Sources that were asked.
    pub asked: u32,
    /// Those of them that answered with a feed, or that it is unchanged.
    pub answered: u32,
    /// Sources that are still to be asked.
    pub left: u32,
}

/// When something can be claimed next, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextDue {
    /// A feed of a free host.
    pub poll: Option<Timestamp>,
    /// A page of a free host, or an entry without one.
    pub read: Option<Timestamp>,
    /// A recipient.
    pub compose: Option<Timestamp>,
    /// A message.
    pub deliver: Option<Timestamp>,
}

impl Store {
    /// When something can be claimed next.
    pub async fn next_due(&self) -> Result<NextDue, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT (SELECT min(poll_at) FROM hosts WHERE poll_at IS NOT NULL),
                        (SELECT min(at) FROM (SELECT min(page_at) AS at FROM hosts WHERE page_at IS NOT NULL
                            UNION ALL SELECT min(due_at) FROM entries WHERE host_id IS NULL AND due_at IS NOT NULL)),
                        (SELECT min(due_at) FROM recipients WHERE due_at IS NOT NULL),
                        (SELECT min(due_at) FROM messages WHERE due_at IS NOT NULL)",
                )?
                .query_row([], |row| {
                    let at =
                        |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
                    Ok(NextDue { poll: at(0)?, read: at(1)?, compose: at(2)?, deliver: at(3)? })
                })
        })
        .await
    }

    /// True when something that was held as a process died can run, which it does alone.
    pub async fn has_suspects(&self, now: Timestamp) -> Result<bool, Error> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM feeds f JOIN hosts h ON h.id = f.host_id
                            WHERE f.crashes > 0 AND f.paused = 0 AND f.due_at <= ?1 AND h.poll_at <= ?1)
                        OR EXISTS (SELECT 1 FROM entries e LEFT JOIN hosts h ON h.id = e.host_id
                            WHERE e.crashes > 0 AND e.due_at <= ?1 AND ifnull(h.page_at, 0) <= ?1)",
                )?
                .query_row([now.millis()], |row| row.get(0))
        })
        .await
    }

    /// When the next request must be waited for before every feed due by `due_by` has been polled and
    /// every due page been read; none: that is done. Who has asked for time is not waited for.
    pub async fn next_request(&self, now: Timestamp, due_by: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.read(move |connection| {
            let sql = "SELECT min(at) FROM (
                SELECT min(h.poll_at) AS at FROM hosts h WHERE h.held_until <= ?1 AND EXISTS (
                    SELECT 1 FROM feeds f WHERE f.host_id = h.id AND f.due_at <= ?2 AND f.paused = 0)
                UNION ALL SELECT min(h.page_at) FROM hosts h WHERE EXISTS (
                    SELECT 1 FROM entries e WHERE e.host_id = h.id AND e.due_at <= ?1)
                UNION ALL SELECT min(due_at) FROM entries WHERE host_id IS NULL AND due_at <= ?1)";
            let at: Option<i64> =
                connection.query_row(sql, params![now.millis(), due_by.millis()], |row| row.get(0))?;
            Ok(at.map(Timestamp::from_millis))
        })
        .await
    }

    /// Address and last failure of the sources that were added before `before` and have not worked once.
    pub async fn never_worked(&self, before: Timestamp) -> Result<Vec<(i64, String)>, Error> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, ifnull(reason, '') FROM feeds WHERE active = 1 AND paused = 0 AND worked_at IS NULL
                     AND failures > 0 AND added_at <= ?1 ORDER BY id",
            )?;
            statement.query_map([before.millis()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// How far the polls of a start have come: those that it found due, by `until` at the latest.
    pub async fn round(&self, start: Timestamp, until: Timestamp) -> Result<Round, Error> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE polled_at >= ?1),
                        count(*) FILTER (WHERE polled_at >= ?1 AND failures = 0),
                        count(*) FILTER (WHERE ifnull(polled_at, 0) < ?1 AND (due_at <= ?2 OR owner IS NOT NULL))
                     FROM feeds WHERE active = 1 AND paused = 0",
                )?
                .query_row([start.millis(), until.millis()], |row| {
                    Ok(Round { asked: row.get(0)?, answered: row.get(1)?, left: row.get(2)? })
                })
        })
        .await
    }

    /// When the last poll ended.
    pub async fn last_poll(&self) -> Result<Option<Timestamp>, Error> {
        self.read(|connection| {
            let at: Option<i64> =
                connection.query_row("SELECT max(polled_at) FROM feeds", [], |row| row.get(0))?;
            Ok(at.map(Timestamp::from_millis))
        })
        .await
    }

    /// Feeds that are overdue, for the spread of a start.
    pub async fn count_overdue(&self, now: Timestamp) -> Result<usize, Error> {
        self.read(move |connection| {
            connection.query_row(
                "SELECT count(*) FROM feeds WHERE due_at <= ?1 AND paused = 0",
                [now.millis()],
                |row| row.get::<_, u32>(0).map(|count| count as usize),
            )
        })
        .await
    }
}
