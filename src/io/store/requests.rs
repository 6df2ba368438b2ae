//! What other processes ask of the daemon, in columns of their own and small transactions.
//!
//! The daemon sees by `PRAGMA data_version` that something was written, and heeds it; a settle that
//! is under way takes the earlier of its plan and the request. What is asked while no daemon runs is heeded
//! at the next start.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use rustix::fs::Access;

use super::{Error, FILE_NAME, Store, hosts, migrate, notices};
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
    /// Do this with the mail of this number, if it waits or was given up.
    Mail(i64, MailRequest),
}

/// What can be asked of a mail that waits or was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailRequest {
    /// Try it at once, and for five more days.
    Retry,
    /// The same, whatever way may have taken it before: that can make a second copy.
    RetryAnyWay,
    /// Send it no more; what it tells counts as told.
    Drop,
}

impl MailRequest {
    const ALL: [Self; 3] = [Self::Retry, Self::RetryAnyWay, Self::Drop];

    /// The word that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RetryAnyWay => "retry-any-way",
            Self::Drop => "drop",
        }
    }
}

/// A request that came to something, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heeded {
    /// What was asked.
    pub what: &'static str,
    /// Of which source (its address) or mail (its Message-ID and recipient).
    pub subject: String,
}

impl fmt::Display for Heeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.subject)
    }
}

/// Leaves a request in the store of `dir`, beside the daemon; false when there is no such source, watch or
/// mail, or the mail is past it.
pub fn ask(dir: &Path, request: &Request, now: Timestamp) -> Result<bool, Error> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Err(Error::Missing(path));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // SQLite opens what may not be written for reading, and says at the first write that the disk fails.
    // To open the file here would, at its closing, take this process's locks from it.
    rustix::fs::access(&path, Access::READ_OK | Access::WRITE_OK)
        .map_err(|e| super::cannot_open(&path, &e.into()))?;
    let connection = super::connect(&path, flags)?;
    migrate::refuse_older(&connection, &path)?;
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
        Request::Mail(id, what) => connection.execute(
            "UPDATE messages SET asked = ?2, asked_at = ?3 WHERE id = ?1 AND state IN ('waiting', 'dead')",
            params![id, what.as_str(), now.millis()],
        ),
    }
}

impl Store {
    /// Heeds what other processes have asked for; says what that was.
    pub async fn heed_requests(&self) -> Result<Vec<Heeded>, Error> {
        self.write(|tx| {
            let mut heeded = heed_polls(tx)?;
            heeded.extend(heed_mail(tx, None)?);
            // Whoever is paused no longer makes its host due.
            hosts::refresh_all(tx)?;
            Ok(heeded)
        })
        .await
    }

    /// Asks anew, since they are asked otherwise from now on: what they had of validators was given to another request,
    /// and those that do not work at present are due as soon as their hosts allow.
    pub async fn ask_otherwise(&self, urls: Vec<String>, now: Timestamp) -> Result<(), Error> {
        let asked = move |tx: &Connection| {
            for url in &urls {
                tx.prepare_cached(
                    "UPDATE feeds SET etag = NULL, last_modified = NULL, body_hash = NULL,
                         asked_at = iif(failures > 0 OR health = 'new', ?2, asked_at) WHERE url = ?1 AND active = 1",
                )?
                .execute(params![url, now.millis()])?;
            }
            heed_polls(tx)?;
            hosts::refresh_all(tx)
        };
        self.write(move |tx| asked(tx)).await
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

fn heed_polls(tx: &Connection) -> rusqlite::Result<Vec<Heeded>> {
    let mut statement = tx.prepare_cached(
        "UPDATE feeds SET asked_at = NULL, due_at = min(ifnull(due_at, asked_at), asked_at)
         WHERE asked_at IS NOT NULL AND owner IS NULL AND paused = 0 AND active = 1
             AND (due_reason <> 'server' OR due_at IS NULL)
         RETURNING url",
    )?;
    let urls = statement.query_map([], |row| row.get(0))?;
    urls.map(|url| Ok(Heeded { what: "poll", subject: url? })).collect()
}

/// A mail that something was asked of.
struct Asked {
    id: i64,
    what: MailRequest,
    message_id: String,
    to: String,
}

/// Heeds what was asked of mails, or of this one.
///
/// A retry waits for a delivery that is under way: two at once would be two copies. A drop takes the mail from
/// whoever holds it; should the server have taken it all the same, that will be written.
pub(super) fn heed_mail(tx: &Connection, only: Option<i64>) -> rusqlite::Result<Vec<Heeded>> {
    let mut heeded = Vec::new();
    while let Some(asked) = next_asked(tx, only)? {
        match asked.what {
            MailRequest::Retry => retry(tx, asked.id, false)?,
            MailRequest::RetryAnyWay => retry(tx, asked.id, true)?,
            MailRequest::Drop => {
                drop_mail(tx, asked.id)?;
                notices::end_of_mail(tx, &asked.message_id, &asked.to)?;
            }
        }
        let subject = notices::mail_subject(&asked.message_id, &asked.to);
        heeded.push(Heeded { what: asked.what.as_str(), subject });
    }
    Ok(heeded)
}

fn next_asked(tx: &Connection, only: Option<i64>) -> rusqlite::Result<Option<Asked>> {
    tx.prepare_cached(
        "SELECT m.id, m.asked, m.message_id, r.address FROM messages m JOIN recipients r ON r.id = m.recipient_id
         WHERE m.asked IN ('retry', 'retry-any-way', 'drop') AND m.state IN ('waiting', 'dead') AND (m.owner IS NULL OR m.asked = 'drop')
             AND m.id = ifnull(?1, m.id)
         ORDER BY m.id LIMIT 1",
    )?
    .query_row([only], |row| {
        let word: String = row.get(1)?;
        let what = MailRequest::ALL.into_iter().find(|what| what.as_str() == word);
        Ok(Asked {
            id: row.get(0)?,
            what: what.unwrap_or(MailRequest::Retry),
            message_id: row.get(2)?,
            to: row.get(3)?,
        })
    })
    .optional()
}

fn retry(tx: &Connection, id: i64, any_way: bool) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE messages SET state = 'waiting', settled_at = 0, due_at = asked_at, patient_from = asked_at,
             attempts = 0, claim = claim + 1, via = iif(?2, '', via), asked = NULL, asked_at = NULL WHERE id = ?1",
    )?
    .execute(params![id, any_way])?;
    Ok(())
}

fn drop_mail(tx: &Connection, id: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(&format!(
        "UPDATE messages SET state = 'cancelled', settled_at = asked_at, due_at = NULL, owner = NULL, crashes = 0,
             claim = claim + 1, asked = NULL, asked_at = NULL,
             reply = printf({}, 'dropped by hand' || iif(trim(reply) = '', '', '; before: ' || trim(reply)))
         WHERE id = ?1",
        super::outbox::REPLY
    ))?
    .execute([id])?;
    Ok(())
}
