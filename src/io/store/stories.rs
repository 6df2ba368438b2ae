//! Stories and alerts: placing an article inside its settle, and what its alerts do then.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::story::{self, Before, By, Candidate, Key, KeyKind, Traits};
use crate::time::Timestamp;

/// An alert that a read plans for one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// Whose.
    pub subscription: i64,
    /// When it may be told at the latest.
    pub release_at: Timestamp,
    /// It belongs to a first sight and waits for what was seen with it.
    pub held: bool,
    /// It may share a mail with an alert of the subscription that is open already.
    pub gathers: bool,
}

/// Where an article stands, and where it stood.
pub(super) struct Placed {
    pub story: i64,
    /// The other story that it stood in before.
    pub left: Option<i64>,
    /// It stood there by its summary, and its page has come now: it always belonged here.
    pub late_page: bool,
}

/// Finds or opens the story of the article of `entry`.
pub(super) fn place(
    tx: &Connection,
    feed: i64,
    entry: i64,
    article: &Traits<'_>,
    now: Timestamp,
) -> rusqlite::Result<Placed> {
    let keys = story::keys(article);
    let old = before(tx, entry)?;
    let before = old.as_ref().map(|(story, full, text)| Before { story: *story, text, full: *full });
    let candidates = candidates(tx, feed, entry, &keys)?;
    let story = match story::place(article, before.as_ref(), &candidates) {
        Some(story) => story,
        None => tx
            .prepare_cached("INSERT INTO stories (first_at) VALUES (?1) RETURNING id")?
            .query_row([now.millis()], |row| row.get(0))?,
    };
    for key in keys {
        // Who came first keeps the key, until it is forgotten: stories never merge.
        tx.prepare_cached(
            "INSERT INTO story_keys (key, story_id, entry_id) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET story_id = ?2, entry_id = ?3
             WHERE NOT EXISTS (SELECT 1 FROM entries WHERE id = story_keys.entry_id)",
        )?
        .execute(params![key.hash, story, entry])?;
    }
    let (left, was_full) = old.map_or((None, false), |(left, full, _)| (Some(left), full));
    Ok(Placed { story, left: left.filter(|left| *left != story), late_page: article.full && !was_full })
}

/// The story that an entry's article stands in.
pub(super) fn of(tx: &Connection, entry: i64) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT story_id FROM articles WHERE entry_id = ?1")?
        .query_row([entry], |row| row.get(0))
        .optional()
}

fn before(tx: &Connection, entry: i64) -> rusqlite::Result<Option<(i64, bool, String)>> {
    tx.prepare_cached(
        "SELECT a.story_id, a.full, ifnull(a.text, e.summary) FROM articles a JOIN entries e ON e.id = a.entry_id
         WHERE a.entry_id = ?1",
    )?
    .query_row([entry], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    .optional()
}

fn candidates(tx: &Connection, feed: i64, entry: i64, keys: &[Key]) -> rusqlite::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for key in keys {
        let row = tx
            .prepare_cached("SELECT story_id, entry_id FROM story_keys WHERE key = ?1")?
            .query_row([key.hash], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((story, by)) = row {
            found.extend(candidate(tx, feed, entry, key.kind, story, by)?);
        }
    }
    Ok(found)
}

fn candidate(
    tx: &Connection,
    feed: i64,
    entry: i64,
    kind: KeyKind,
    story: i64,
    by: i64,
) -> rusqlite::Result<Option<Candidate>> {
    tx.prepare_cached(
        "SELECT e.feed_id = ?3, e.link, (SELECT link FROM entries WHERE id = ?2),
             ifnull(x.title, e.title), ifnull(x.text, e.summary), ifnull(x.full, 0)
         FROM entries e LEFT JOIN articles x ON x.entry_id = e.id WHERE e.id = ?1",
    )?
    .query_row(params![by, entry, feed], |row| {
        let (theirs, own): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        let site = |link: &Option<String>| link.as_deref().and_then(story::site);
        let same_site =
            (theirs.is_some() && theirs == own) || site(&theirs).is_some_and(|s| site(&own) == Some(s));
        let by = match (by == entry, row.get(0)?) {
            (true, _) => By::Itself,
            (false, true) => By::Feed,
            (false, false) if same_site => By::Site,
            (false, false) => By::Other,
        };
        Ok(Candidate { story, kind, by, title: row.get(3)?, text: row.get(4)?, full: row.get(5)? })
    })
    .optional()
}

/// Makes the alerts of an article, once for each story and subscription. One that was cancelled, its watch or
/// recipient being gone, told nobody: where they are back, another article of the story makes it anew.
pub(super) fn alert(
    tx: &Connection,
    story: i64,
    entry: i64,
    alerts: &[NewAlert],
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let mut made = 0;
    for alert in alerts {
        let release_at = if alert.gathers {
            gathered(tx, alert.subscription)?.map_or(alert.release_at, |open| open.min(alert.release_at))
        } else {
            alert.release_at
        };
        // A pause is in force from the moment it is written, whatever plan this was read under.
        let new = tx
            .prepare_cached(
                "INSERT INTO alerts (subscription_id, story_id, entry_id, made_at, release_at, held)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE NOT EXISTS (SELECT 1 FROM subscriptions s JOIN watches w ON w.id = s.watch_id
                     WHERE s.id = ?1 AND w.paused = 1)
                 ON CONFLICT (story_id, subscription_id) DO UPDATE
                 SET entry_id = ?3, made_at = ?4, release_at = ?5, held = ?6, state = 'open', message_id = NULL
                 WHERE state = 'cancelled' AND entry_id <> ?3",
            )?
            .execute(params![
                alert.subscription,
                story,
                entry,
                now.millis(),
                release_at.millis(),
                alert.held
            ])?;
        if new > 0 {
            made += 1;
            bring_forward(tx, alert.subscription, release_at)?;
        }
    }
    Ok(made)
}

/// The release that alerts of the subscription wait for already.
fn gathered(tx: &Connection, subscription: i64) -> rusqlite::Result<Option<Timestamp>> {
    tx.prepare_cached(
        "SELECT min(release_at) FROM alerts WHERE subscription_id = ?1 AND state = 'open' AND held = 0",
    )?
    .query_row([subscription], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp::from_millis)))
}

/// The recipient is due at the earliest release of what is open.
fn bring_forward(tx: &Connection, subscription: i64, at: Timestamp) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE recipients SET due_at = min(ifnull(due_at, ?2), ?2)
         WHERE id = (SELECT recipient_id FROM subscriptions WHERE id = ?1)",
    )?
    .execute(params![subscription, at.millis()])?;
    Ok(())
}

/// The article moved from one story to another: its alerts go with it.
///
/// An unsent one that the new story has already is dropped. A sent one counts as told there when the
/// page came late; where an edit says something else, it told what is news no longer.
pub(super) fn move_alerts(
    tx: &Connection,
    entry: i64,
    from: i64,
    to: i64,
    late_page: bool,
) -> rusqlite::Result<()> {
    if late_page {
        count_as_told(tx, entry, from, to)?;
    }
    let mine = "entry_id = ?1 AND story_id = ?2 AND state = 'open'";
    let moving: Vec<Moving> = tx
        .prepare_cached(&format!(
            "SELECT subscription_id, made_at, release_at, held FROM alerts WHERE {mine}"
        ))?
        .query_map([entry, from], |row| {
            Ok(Moving {
                subscription: row.get(0)?,
                made_at: row.get(1)?,
                release_at: row.get(2)?,
                held: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    tx.prepare_cached(&format!(
        "DELETE FROM alerts WHERE {mine} AND subscription_id IN (SELECT subscription_id FROM alerts WHERE story_id = ?3)"
    ))?
    .execute(params![entry, from, to])?;
    tx.prepare_cached(&format!("UPDATE alerts SET story_id = ?3 WHERE {mine}"))?
        .execute(params![entry, from, to])?;
    moving.iter().try_for_each(|alert| rescue(tx, from, alert))
}

/// An open alert that leaves its story.
struct Moving {
    subscription: i64,
    made_at: i64,
    release_at: i64,
    held: bool,
}

/// What was told of the one story is told of the other too, in place of an alert that waits there.
fn count_as_told(tx: &Connection, entry: i64, from: i64, to: i64) -> rusqlite::Result<()> {
    let mine = "entry_id = ?1 AND story_id = ?2";
    tx.prepare_cached(&format!(
        "DELETE FROM alerts WHERE story_id = ?3 AND state = 'open' AND subscription_id IN (
             SELECT subscription_id FROM alerts WHERE {mine} AND state = 'told')"
    ))?
    .execute(params![entry, from, to])?;
    tx.prepare_cached(&format!(
        "INSERT INTO alerts (subscription_id, story_id, entry_id, made_at, release_at, state, message_id, told_at)
         SELECT subscription_id, ?3, entry_id, made_at, release_at, state, message_id, told_at FROM alerts
         WHERE {mine} AND state <> 'open' ON CONFLICT (story_id, subscription_id) DO NOTHING"
    ))?
    .execute(params![entry, from, to])?;
    Ok(())
}

/// Another article of the story that was left may have had the same hit: it keeps an alert like the one
/// that went, which the recipient is due for already.
fn rescue(tx: &Connection, story: i64, left: &Moving) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO alerts (subscription_id, story_id, entry_id, made_at, release_at, held)
         SELECT s.id, a.story_id, min(a.entry_id), ?3, ?4, ?5
         FROM articles a JOIN hits h ON h.entry_id = a.entry_id
         JOIN subscriptions s ON s.watch_id = h.watch_id AND s.id = ?2
         WHERE a.story_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM alerts x WHERE x.subscription_id = s.id AND x.entry_id = a.entry_id)
         GROUP BY s.id
         ON CONFLICT (story_id, subscription_id) DO NOTHING",
    )?
    .execute(params![story, left.subscription, left.made_at, left.release_at, left.held])?;
    Ok(())
}

/// Lets held alerts go once every source has been polled and every page of a first sight been tried.
pub(super) fn release_held(tx: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let waiting: bool = tx
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM alerts WHERE held = 1)
                 OR EXISTS (SELECT 1 FROM entries WHERE fresh = 1)
                 OR EXISTS (SELECT 1 FROM feeds WHERE polled_at IS NULL AND active = 1 AND paused = 0)",
        )?
        .query_row([], |row| row.get(0))?;
    if waiting {
        return Ok(());
    }
    tx.execute(
        "UPDATE recipients SET due_at = min(ifnull(due_at, ?1), ?1) WHERE id IN (
             SELECT s.recipient_id FROM alerts a JOIN subscriptions s ON s.id = a.subscription_id
             WHERE a.held = 1 AND a.state = 'open')",
        [now.millis()],
    )?;
    tx.execute(
        "UPDATE alerts SET held = 0, release_at = min(release_at, ?1) WHERE held = 1",
        [now.millis()],
    )?;
    Ok(())
}
