//! What the administrator is told: each trouble once, until it is over.

use rusqlite::{Connection, params};

use super::{Error, Store};
use crate::time::Timestamp;

/// A change of what the administrator has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NoticeChange {
    /// Nothing changed.
    #[default]
    None,
    /// Trouble: told once, however often it is raised.
    Raise {
        /// What kind of trouble, in words.
        kind: String,
        /// What has it: a source's address, a message.
        subject: String,
        /// What happened and what to do.
        message: String,
    },
    /// This trouble is over; should it come again, it is told again.
    Ended {
        /// What kind of trouble it was.
        kind: String,
        /// What had it.
        subject: String,
    },
    /// Every trouble of this subject is over; should it come again, it is told again.
    Over {
        /// What had it.
        subject: String,
    },
}

/// A page that broke its reader: nothing ends it.
pub const PAGE_BROKEN: &str = "page broken";
/// A mail that was given up: ends when it is sent after all, or dropped.
pub const MAIL_NOT_DELIVERED: &str = "mail not delivered";

/// What the trouble of a mail that was given up is called.
pub fn mail_subject(message_id: &str, to: &str) -> String {
    format!("{message_id} to {to}")
}

/// The mail has gone after all, or is to go no more: that it was given up is no trouble any longer.
pub(super) fn end_of_mail(tx: &Connection, message_id: &str, to: &str) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE notices SET state = 'over' WHERE kind = ?1 AND subject = ?2 AND state <> 'over'",
    )?
    .execute(params![MAIL_NOT_DELIVERED, mail_subject(message_id, to)])?;
    Ok(())
}

/// What nothing ends is over this long after it was told of.
const PASSES: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// Troubles of the same quarter of an hour share a mail.
const GATHER: std::time::Duration = std::time::Duration::from_mins(15);

/// Writes the change, and makes the administrator due.
pub(super) fn apply(tx: &Connection, change: &NoticeChange, now: Timestamp) -> rusqlite::Result<()> {
    match change {
        NoticeChange::None => Ok(()),
        NoticeChange::Ended { kind, subject } => {
            tx.prepare_cached(
                "UPDATE notices SET state = 'over' WHERE kind = ?1 AND subject = ?2 AND state <> 'over'",
            )?
            .execute([kind, subject])?;
            Ok(())
        }
        NoticeChange::Over { subject } => {
            tx.prepare_cached("UPDATE notices SET state = 'over' WHERE subject = ?1 AND state <> 'over'")?
                .execute([subject])?;
            Ok(())
        }
        NoticeChange::Raise { kind, subject, message } => {
            let release_at = gathered(tx, now)?;
            let raised = tx
                .prepare_cached(
                    "INSERT INTO notices (kind, subject, message, since, release_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (kind, subject) DO UPDATE SET message = ?3, since = ?4, release_at = ?5, state = 'open'
                     WHERE state = 'over'",
                )?
                .execute(params![kind, subject, message, now.millis(), release_at])?;
            if raised > 0 { call_administrators(tx, kind, subject, release_at) } else { Ok(()) }
        }
    }
}

/// No notice waits longer than its quarter of an hour.
pub(super) fn clamp(tx: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    tx.execute("UPDATE notices SET release_at = ?1 WHERE release_at > ?1", [(now + GATHER).millis()])?;
    Ok(())
}

/// The release that an open notice waits for already, else one of its own.
fn gathered(tx: &Connection, now: Timestamp) -> rusqlite::Result<i64> {
    let own = (now + GATHER).millis();
    tx.prepare_cached(
        "SELECT min(release_at) FROM notices WHERE state = 'open' AND state <> 'over' AND release_at >= ?1",
    )?
    .query_row([now.millis()], |row| Ok(row.get::<_, Option<i64>>(0)?.map_or(own, |open| open.min(own))))
}

fn call_administrators(tx: &Connection, kind: &str, subject: &str, at: i64) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM notice_told WHERE notice_id = (SELECT id FROM notices WHERE kind = ?1 AND subject = ?2)",
        params![kind, subject],
    )?;
    tx.execute(
        "UPDATE recipients SET due_at = min(ifnull(due_at, ?1), ?1)
         WHERE id IN (SELECT recipient_id FROM subscriptions WHERE watch_id IS NULL AND active = 1)",
        [at],
    )?;
    Ok(())
}

impl Store {
    /// Raises a notice, or ends one, outside any stage's settle.
    pub async fn notice(&self, change: NoticeChange, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| apply(tx, &change, now)).await
    }

    /// The same for several, which so share a mail.
    pub async fn notices(&self, changes: Vec<NoticeChange>, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| changes.iter().try_for_each(|change| apply(tx, change, now))).await
    }

    /// Ends the notices of what happened once and was told long ago.
    pub async fn end_notices(&self, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            let sql =
                "UPDATE notices SET state = 'over' WHERE state = 'told' AND state <> 'over' AND kind IN (?1, ?2) AND since < ?3";
            tx.execute(sql, params![PAGE_BROKEN, MAIL_NOT_DELIVERED, (now - PASSES).millis()]).map(drop)
        })
        .await
    }
}

/// Open or told trouble, for `status`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Notice {
    /// What kind.
    pub kind: String,
    /// What has it.
    pub subject: String,
    /// What happened and what to do.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// All trouble that is not over, oldest first.
pub fn current(connection: &Connection) -> rusqlite::Result<Vec<Notice>> {
    let sql = "SELECT kind, subject, message, since FROM notices WHERE state <> 'over' ORDER BY since, id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Notice {
            kind: row.get(0)?,
            subject: row.get(1)?,
            message: row.get(2)?,
            since: Timestamp::from_millis(row.get(3)?),
        })
    })?;
    rows.collect()
}
