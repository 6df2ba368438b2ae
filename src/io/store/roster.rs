//! The configuration's side of the store: which sources, watches and recipients there are.
//!
//! What is removed from the configuration stays in the store, inactive: a pack that vanishes for a
//! second during a deploy loses nothing.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::{Error, Store, hosts, records};
use crate::time::Timestamp;

/// What the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Address and host of each source.
    pub sources: Vec<(String, String)>,
    /// Name and recipients of each watch, in the config's order.
    pub watches: Vec<(String, Vec<String>)>,
    /// Who is told of trouble.
    pub administrators: Vec<String>,
}

/// The rows of what the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The feed of each source's address.
    pub feeds: HashMap<String, i64>,
    /// Watch and its subscriptions, in the config's order.
    pub watches: Vec<(i64, Vec<i64>)>,
}

impl Store {
    /// Makes the store know what the configuration names, and takes from workers what that changes:
    /// whoever reads an entry under the old watches has lost it.
    pub async fn enrol(&self, roster: Roster, now: Timestamp) -> Result<Rows, Error> {
        self.write(move |tx| enrol(tx, &roster, now)).await
    }
}

fn enrol(tx: &Connection, roster: &Roster, now: Timestamp) -> rusqlite::Result<Rows> {
    let mut rows = Rows::default();
    let named: Vec<String> = roster.sources.iter().map(|(url, _)| url.clone()).collect();
    for (url, host) in &roster.sources {
        records::adopt(tx, url, &named)?;
        rows.feeds.insert(url.clone(), feed(tx, url, host, now)?);
    }
    retire(tx, "feeds", rows.feeds.values().copied())?;
    tx.execute(
        "UPDATE feeds SET due_at = NULL, claim = claim + 1, owner = NULL WHERE active = 0 AND due_at IS NOT NULL",
        [],
    )?;
    let mut subscriptions = Vec::new();
    for (position, (name, recipients)) in roster.watches.iter().enumerate() {
        let watch = watch(tx, name, position)?;
        let own: rusqlite::Result<Vec<i64>> =
            recipients.iter().map(|address| subscription(tx, Some(watch), address)).collect();
        let own = own?;
        subscriptions.extend(&own);
        rows.watches.push((watch, own));
    }
    for address in &roster.administrators {
        subscriptions.push(subscription(tx, None, address)?);
    }
    retire(tx, "watches", rows.watches.iter().map(|(id, _)| *id))?;
    retire(tx, "subscriptions", subscriptions.into_iter())?;
    take_away_reads(tx, now)?;
    hosts::refresh_all(tx)?;
    // Somebody who is new may have to hear of what is not over.
    super::outbox::refresh_recipients(tx)?;
    Ok(rows)
}

fn feed(tx: &Connection, url: &str, host: &str, now: Timestamp) -> rusqlite::Result<i64> {
    let host = hosts::ensure(tx, host)?;
    // A source that comes back goes on where it was, due at once.
    tx.query_row(
        "INSERT INTO feeds (url, host_id, added_at, health_since, due_at, due_reason)
         SELECT ?1, ?2, ?3, ?3, max(?3, held_until), iif(held_until > ?3, 'server', 'rhythm') FROM hosts WHERE id = ?2
         ON CONFLICT (url) DO UPDATE SET active = 1, host_id = iif(moved_to IS NULL, ?2, host_id),
             due_at = iif(active = 0, excluded.due_at, due_at)
         RETURNING id",
        params![url, host, now.millis()],
        |row| row.get(0),
    )
}

fn watch(tx: &Connection, name: &str, position: usize) -> rusqlite::Result<i64> {
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    tx.query_row(
        "INSERT INTO watches (name, position) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET position = ?2 RETURNING id",
        params![name, position],
        |row| row.get(0),
    )
}

fn subscription(tx: &Connection, watch: Option<i64>, address: &str) -> rusqlite::Result<i64> {
    let recipient: i64 = tx.query_row(
        "INSERT INTO recipients (address) VALUES (?1) ON CONFLICT (address) DO UPDATE SET address = ?1 RETURNING id",
        [address],
        |row| row.get(0),
    )?;
    tx.query_row(
        "INSERT INTO subscriptions (watch_id, recipient_id) VALUES (?1, ?2)
         ON CONFLICT (recipient_id, ifnull(watch_id, 0)) DO UPDATE SET active = 1 RETURNING id",
        params![watch, recipient],
        |row| row.get(0),
    )
}

/// Marks as active what is named, and as inactive what is not.
fn retire(tx: &Connection, table: &str, named: impl Iterator<Item = i64>) -> rusqlite::Result<()> {
    tx.execute("CREATE TEMP TABLE IF NOT EXISTS named (id INTEGER PRIMARY KEY)", [])?;
    tx.execute("DELETE FROM temp.named", [])?;
    for id in named {
        tx.prepare_cached("INSERT OR IGNORE INTO temp.named (id) VALUES (?1)")?.execute([id])?;
    }
    let sql = format!("UPDATE {table} SET active = (id IN (SELECT id FROM temp.named))");
    tx.execute(&sql, [])?;
    Ok(())
}

/// Their hosts stay held until the request that is under way has ended.
fn take_away_reads(tx: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE entries SET claim = claim + 1, owner = NULL, due_at = ?1, attempts = max(attempts - 1, 0)
         WHERE owner IS NOT NULL",
        [now.millis()],
    )?;
    Ok(())
}
