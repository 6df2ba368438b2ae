//! What is remembered of sources that are no feeds: a note of their own making, and the addresses that a sitemap had
//! when it was seen first, which are remembered by their hashes alone.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::feeds::DueFeed;
use super::lease::{self, Lease, Table};
use super::{Error, Store};

/// The note of a feed, as its last settle left it.
pub fn note(connection: &Connection, feed: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT CAST(value AS TEXT) FROM meta WHERE key = ?1")?
        .query_row([key(feed)], |row| row.get(0))
        .optional()
}

/// Those of these entries that are known, by the hash of their id, with the hash of what they say; None for what was
/// old when it was seen first. A site may have many times more than one poll lists.
pub fn stored(
    connection: &Connection,
    feed: i64,
    idents: &[i64],
) -> rusqlite::Result<HashMap<i64, Option<i64>>> {
    let mut statement = connection.prepare_cached(
        "SELECT content FROM entries WHERE feed_id = ?1 AND ident = ?2
         UNION ALL SELECT iif(quiet = 0, content, NULL) FROM seen WHERE feed_id = ?1 AND ident = ?2 LIMIT 1",
    )?;
    let mut stored = HashMap::new();
    for ident in idents {
        if let Some(content) = statement.query_row([feed, *ident], |row| row.get(0)).optional()? {
            stored.insert(*ident, content);
        }
    }
    Ok(stored)
}

impl Store {
    /// Remembers a part of the old addresses of a giant sitemap; the rest comes with the settle.
    pub async fn remember(&self, lease: &Lease<DueFeed>, idents: Vec<i64>) -> Result<(), Error> {
        let (id, claim) = (lease.id, lease.claim);
        self.settle(move |tx| {
            if lease::is_ours(tx, Table::Feeds, id, claim)? { remember(tx, id, &idents) } else { Ok(()) }
        })
        .await
    }
}

pub(super) fn remember(tx: &Connection, feed: i64, idents: &[i64]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT OR IGNORE INTO seen (feed_id, ident, content, quiet) VALUES (?1, ?2, 0, 1)",
    )?;
    for ident in idents {
        statement.execute(params![feed, ident])?;
    }
    Ok(())
}

pub(super) fn write_note(tx: &Connection, feed: i64, note: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key(feed), note])?;
    Ok(())
}

fn key(feed: i64) -> String {
    format!("note of feed {feed}")
}
