//! What is kept for how long: articles and sent mails go after `[store] keep`, in small steps. That an
//! entry was seen is remembered for ever, and so is what was alerted, but for its text: some 50 bytes an entry.
//!
//! Rows are deleted, not emptied: SQLite never takes back the room that shrinking leaves inside a page.
//! The file does not shrink either, what comes next takes the room of what went: in the end it is as long as
//! `keep` needs. A copy of it has that room no more.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Error, Store};
use crate::domain::feed::identity;
use crate::time::Timestamp;

/// Rows of one step: a step holds up the writer for a moment only.
const ENTRIES: u32 = 100;
const MAILS: u32 = 50;
const TRIES: u32 = 500;
const KEYS: u32 = 2000;

impl Store {
    /// Forgets one step of what is older than `horizon`; says how many rows that was.
    pub async fn forget_before(&self, horizon: Timestamp) -> Result<usize, Error> {
        self.write(move |tx| {
            let forgotten =
                forget_entries(tx, horizon)? + forget_mails(tx, horizon)? + forget_tries(tx, horizon)?;
            if forgotten == 0 {
                sweep_keys(tx)?;
            }
            Ok(forgotten)
        })
        .await
    }
}

fn forget_entries(tx: &Connection, horizon: Timestamp) -> rusqlite::Result<usize> {
    // The newest stays: its number must not be given to another.
    let old: Vec<(i64, Option<i64>, bool)> = tx
        .prepare_cached(
            "SELECT e.id, x.story_id, EXISTS (SELECT 1 FROM alerts a WHERE a.story_id = x.story_id)
                 OR EXISTS (SELECT 1 FROM alerts a WHERE a.entry_id = e.id)
             FROM entries e LEFT JOIN articles x ON x.entry_id = e.id
             WHERE e.forgotten = 0 AND e.found_at < ?1 AND ifnull(e.edited_at, 0) < ?1 AND e.due_at IS NULL
                 AND e.id < (SELECT max(id) FROM entries)
                 AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.entry_id = e.id AND a.state = 'open')
             ORDER BY e.found_at LIMIT ?2",
        )?
        .query_map(params![horizon.millis(), ENTRIES], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (entry, story, alerted) in &old {
        if *alerted {
            forget_text(tx, *entry)?;
        } else {
            forget_all(tx, *entry, *story)?;
        }
    }
    Ok(old.len())
}

fn forget_text(tx: &Connection, entry: i64) -> rusqlite::Result<()> {
    // An empty text is near no other: should the entry be edited now, that is news.
    tx.prepare_cached("UPDATE articles SET text = '' WHERE entry_id = ?1")?.execute([entry])?;
    tx.prepare_cached("UPDATE entries SET summary = '', forgotten = 1 WHERE id = ?1")?.execute([entry])?;
    Ok(())
}

fn forget_all(tx: &Connection, entry: i64, story: Option<i64>) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO seen (feed_id, ident, content, quiet)
         SELECT feed_id, ident, content, quiet FROM entries WHERE id = ?1",
    )?
    .execute([entry])?;
    let (memory, summary) = memory(tx, entry)?;
    if let Some(memory) = memory {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO seen (feed_id, ident, content, quiet)
             SELECT feed_id, ?2, ?3, quiet FROM entries WHERE id = ?1",
        )?
        .execute([entry, memory, summary])?;
    }
    // Its keys of stories stay until they are swept: nobody finds a story by them, see `stories::place`.
    for table in ["hits WHERE entry_id", "articles WHERE entry_id", "entries WHERE id"] {
        tx.prepare_cached(&format!("DELETE FROM {table} = ?1"))?.execute([entry])?;
    }
    if let Some(story) = story {
        tx.prepare_cached(
            "DELETE FROM stories WHERE id = ?1 AND id < (SELECT max(id) FROM stories)
                 AND NOT EXISTS (SELECT 1 FROM articles WHERE story_id = ?1)",
        )?
        .execute([story])?;
    }
    Ok(())
}

/// What else an entry is remembered by, and its summary as a number.
fn memory(tx: &Connection, entry: i64) -> rusqlite::Result<(Option<i64>, i64)> {
    tx.prepare_cached("SELECT place, title, published, summary FROM entries WHERE id = ?1")?.query_row(
        [entry],
        |row| {
            let (place, title): (Option<i64>, String) = (row.get(0)?, row.get(1)?);
            let published = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis);
            let summary: String = row.get(3)?;
            Ok((place.map(|place| identity::memory(place, &title, published)), identity::number(&summary)))
        },
    )
}

fn forget_mails(tx: &Connection, horizon: Timestamp) -> rusqlite::Result<usize> {
    // They come in the order of their numbers, and each is settled within days: those that have to go are the first.
    tx.prepare_cached(
        "DELETE FROM bodies WHERE message_id IN (
             SELECT b.message_id FROM (SELECT message_id FROM bodies ORDER BY message_id LIMIT ?2) b
             JOIN messages m ON m.id = b.message_id
             WHERE m.settled_at BETWEEN 1 AND ?1 AND m.state <> 'waiting')",
    )?
    .execute(params![horizon.millis(), MAILS])
}

fn forget_tries(tx: &Connection, horizon: Timestamp) -> rusqlite::Result<usize> {
    tx.prepare_cached(
        "DELETE FROM tries WHERE id IN (SELECT id FROM tries WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)",
    )?
    .execute(params![horizon.millis(), TRIES])
}

/// Keys of stories lie in no order of time. Whenever nothing else is old, the next few of them are looked at:
/// those of entries that are gone go too.
fn sweep_keys(tx: &Connection) -> rusqlite::Result<()> {
    if !tx.prepare_cached("SELECT 1 FROM seen LIMIT 1")?.exists([])? {
        return Ok(());
    }
    let from: i64 = tx
        .prepare_cached("SELECT value FROM meta WHERE key = 'keys swept'")?
        .query_row([], |row| row.get(0))
        .optional()?
        .unwrap_or(i64::MIN);
    let to: Option<i64> = tx
        .prepare_cached(
            "SELECT max(key) FROM (SELECT key FROM story_keys WHERE key > ?1 ORDER BY key LIMIT ?2)",
        )?
        .query_row(params![from, KEYS], |row| row.get(0))?;
    if let Some(to) = to {
        tx.prepare_cached(
            "DELETE FROM story_keys WHERE key > ?1 AND key <= ?2
                 AND NOT EXISTS (SELECT 1 FROM entries WHERE id = story_keys.entry_id)",
        )?
        .execute([from, to])?;
    }
    tx.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('keys swept', ?1)")?
        .execute([to.unwrap_or(i64::MIN)])?;
    Ok(())
}
