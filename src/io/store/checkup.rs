//! What `doctor` asks of the store: cheap questions whose answers tell trouble.

use rusqlite::{Connection, OptionalExtension, params};

use super::{backup, migrate};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// The store, looked over at one instant.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// The schema it has.
    pub schema: i64,
    /// The newest schema of this program.
    pub known: i64,
    /// The first fault of the file.
    pub fault: Option<String>,
    /// The first table with a row that names what is not there.
    pub dangling: Option<String>,
    /// Articles.
    pub articles: u32,
    /// Bytes of the database.
    pub bytes: u64,
    /// The latest instant at which something has happened, as far as the store knows.
    pub latest: Option<Timestamp>,
    /// When the last poll ended.
    pub last_poll: Option<Timestamp>,
    /// Sources that should have been polled half an hour ago.
    pub overdue: u32,
    /// Pages that should have been read six hours ago.
    pub pages: u32,
    /// Alerts of a first sight that are held for longer than any first sight lasts.
    pub held: u32,
    /// Mails that have waited for more than an hour.
    pub waiting: Option<Waiting>,
    /// Mails given up within a week.
    pub dead: Option<Dead>,
    /// Watches that make no alerts until somebody resumes them.
    pub paused: Vec<String>,
    /// The sources that are polled.
    pub sources: Vec<SourceHealth>,
}

/// Mails that have waited for more than an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u32,
    /// When the oldest was composed.
    pub since: Timestamp,
    /// What the last attempt at it came to.
    pub reply: String,
    /// Since then another mail was sent: the way out is open.
    pub others_go: bool,
}

/// Mails given up within a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// How many.
    pub count: u32,
    /// The recipient of the last one.
    pub to: String,
    /// What the server said to it.
    pub reply: String,
}

/// How a source does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHealth {
    /// The configured address.
    pub url: String,
    /// The name of its [state](crate::domain::health::State).
    pub health: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was added.
    pub added_at: Timestamp,
    /// It has been read at least once.
    pub has_worked: bool,
    /// Polls that failed since the last one that did not.
    pub failures: u32,
    /// It was asked at least once.
    pub was_asked: bool,
    /// Why it is not fine.
    pub reason: String,
}

/// Looks the store over.
pub fn look(connection: &Connection, now: Timestamp) -> rusqlite::Result<Checkup> {
    let fault = backup::fault(connection)?;
    let (schema, known) = (migrate::schema(connection)?, migrate::newest());
    if fault.is_some() || schema != known {
        // What a damaged or an old file answers means nothing.
        return Ok(Checkup { schema, known, fault, ..Checkup::default() });
    }
    let dangling = connection
        .query_row("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let checkup = Checkup {
        schema,
        known,
        dangling,
        waiting: waiting(connection, now)?,
        dead: dead(connection, now)?,
        paused: super::overview::paused_watches(connection)?,
        sources: sources(connection)?,
        ..Checkup::default()
    };
    counted(connection, now, checkup)
}

fn counted(connection: &Connection, now: Timestamp, checkup: Checkup) -> rusqlite::Result<Checkup> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM articles),
             (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),
             (SELECT max(at) FROM (SELECT max(polled_at) AS at FROM feeds
                 UNION ALL SELECT max(max(composed_at, settled_at)) FROM messages
                 UNION ALL SELECT max(found_at) FROM (SELECT found_at FROM entries ORDER BY id DESC LIMIT 1000))),
             (SELECT max(polled_at) FROM feeds),
             (SELECT count(*) FROM feeds WHERE active = 1 AND paused = 0 AND owner IS NULL AND due_at < ?1),
             (SELECT count(*) FROM entries WHERE due_at < ?2 AND owner IS NULL),
             (SELECT count(*) FROM alerts WHERE held = 1 AND made_at < ?3)",
        params![(now - 30 * MINUTE).millis(), (now - 6 * HOUR).millis(), (now - HOUR).millis()],
        |row| {
            let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
            Ok(Checkup {
                articles: row.get(0)?,
                bytes: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                latest: at(2)?,
                last_poll: at(3)?,
                overdue: row.get(4)?,
                pages: row.get(5)?,
                held: row.get(6)?,
                ..checkup
            })
        },
    )
}

fn waiting(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Waiting>> {
    let sql = "SELECT count(*) OVER (), composed_at, coalesce(nullif(rtrim(reply), ''), last_error, ''),
            EXISTS (SELECT 1 FROM messages s WHERE s.state = 'sent' AND s.settled_at > m.composed_at)
        FROM messages m WHERE due_at IS NOT NULL AND state = 'waiting' AND composed_at < ?1
        ORDER BY composed_at LIMIT 1";
    let waiting = |row: &rusqlite::Row<'_>| {
        Ok(Waiting {
            count: row.get(0)?,
            since: Timestamp::from_millis(row.get(1)?),
            reply: row.get(2)?,
            others_go: row.get(3)?,
        })
    };
    connection.query_row(sql, [(now - HOUR).millis()], waiting).optional()
}

fn dead(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Dead>> {
    let sql = "SELECT count(*) OVER (), r.address, rtrim(m.reply)
        FROM messages m JOIN recipients r ON r.id = m.recipient_id
        WHERE m.state = 'dead' AND m.settled_at > ?1 ORDER BY m.settled_at DESC LIMIT 1";
    let dead = |row: &rusqlite::Row<'_>| Ok(Dead { count: row.get(0)?, to: row.get(1)?, reply: row.get(2)? });
    connection.query_row(sql, [(now - 7 * DAY).millis()], dead).optional()
}

/// The sources that are polled.
pub fn sources(connection: &Connection) -> rusqlite::Result<Vec<SourceHealth>> {
    let mut statement = connection.prepare(
        "SELECT url, health, health_since, added_at, worked_at IS NOT NULL, failures, polled_at IS NOT NULL,
             ifnull(reason, '') FROM feeds WHERE active = 1 AND paused = 0 ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(SourceHealth {
            url: row.get(0)?,
            health: row.get(1)?,
            since: Timestamp::from_millis(row.get(2)?),
            added_at: Timestamp::from_millis(row.get(3)?),
            has_worked: row.get(4)?,
            failures: row.get(5)?,
            was_asked: row.get(6)?,
            reason: row.get(7)?,
        })
    })?;
    rows.collect()
}
