//! What other processes ask of the daemon, in columns of their own and small transactions.
//!
//! The daemon sees by `PRAGMA data_version` that something was written, and heeds it; a settle that
//! is under way takes the earlier of its plan and the request.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::{Error, FILE_NAME, Store, hosts};
use crate::time::Timestamp;

/// A request of another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Poll the source of this address as soon as its host allows.
    Poll(String),
    /// Stop, or go on, polling the source of this address.
    PauseSource(String, bool),
    /// Stop, or go on, making alerts for the watch of this name.
    PauseWatch(String, bool),
}

/// Leaves a request in the store of `dir`, beside the daemon; false when there is no such source or watch.
pub fn ask(dir: &Path, request: &Request, now: Timestamp) -> Result<bool, Error> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Err(Error::Missing(path));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = super::connect(&path, flags)?;
    Ok(write(&connection, request, now)? > 0)
}

fn write(connection: &Connection, request: &Request, now: Timestamp) -> rusqlite::Result<usize> {
    match request {
        Request::Poll(url) => connection.execute(
            "UPDATE feeds SET asked_at = ?2 WHERE url = ?1 AND active = 1",
            params![url, now.millis()],
        ),
        Request::PauseSource(url, paused) => connection.execute(
            "UPDATE feeds SET paused = ?2, asked_at = iif(?2, NULL, ?3) WHERE url = ?1",
            params![url, paused, now.millis()],
        ),
        Request::PauseWatch(name, paused) => {
            connection.execute("UPDATE watches SET paused = ?2 WHERE name = ?1", params![name, paused])
        }
    }
}

impl Store {
    /// Heeds what other processes have asked for.
    pub async fn heed_requests(&self) -> Result<(), Error> {
        self.write(|tx| {
            tx.execute(
                "UPDATE feeds SET asked_at = NULL, due_at = min(ifnull(due_at, asked_at), asked_at)
                 WHERE asked_at IS NOT NULL AND owner IS NULL AND paused = 0 AND active = 1
                     AND (due_reason <> 'server' OR due_at IS NULL)",
                [],
            )?;
            // Whoever is paused no longer makes its host due.
            hosts::refresh_all(tx)
        })
        .await
    }

    /// Asks again, as soon as their hosts allow, those of these sources that do not work at present.
    pub async fn retry_failing(&self, urls: Vec<String>, now: Timestamp) -> Result<(), Error> {
        let asked = move |tx: &Connection| {
            for url in &urls {
                tx.prepare_cached(
                    "UPDATE feeds SET asked_at = ?2 WHERE url = ?1 AND active = 1 AND health <> 'fine'",
                )?
                .execute(params![url, now.millis()])?;
            }
            Ok(())
        };
        self.write(move |tx| asked(tx)).await?;
        self.heed_requests().await
    }

    /// The watches that are paused at present, by id.
    pub async fn paused_watches(&self) -> Result<Vec<i64>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT id FROM watches WHERE paused = 1")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }
}
