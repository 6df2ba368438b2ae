//! What failed, and how often: the tries of pages and of mails, for people who ask why.
//!
//! It is written apart from the settle that it is about: for want of room, or for a fault in here, nothing
//! that matters may fail.

use rusqlite::{Connection, params};

use super::Store;
use crate::domain::text;
use crate::time::Timestamp;

/// So many different reasons in a row are kept of one page or mail, the newest.
const KEPT: u32 = 32;
/// Characters of a reason.
const LONGEST: usize = 300;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The page of this entry.
    Page(i64),
    /// This message.
    Mail(i64),
}

impl Tried {
    fn row(self) -> (&'static str, i64) {
        match self {
            Self::Page(entry) => ("page", entry),
            Self::Mail(message) => ("mail", message),
        }
    }
}

/// Tries that failed one after the other, for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failed {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u32,
    /// When the first of them failed.
    pub first_at: Timestamp,
    /// And the last.
    pub last_at: Timestamp,
}

impl Store {
    /// Notes tries that failed. That they could not be noted is nobody's trouble.
    pub(super) async fn note_tries(&self, failed: Vec<(Tried, String)>, now: Timestamp) {
        if failed.is_empty() {
            return;
        }
        let noted = self.write(move |tx| {
            failed.iter().try_for_each(|(tried, reason)| note(tx, *tried, &text::cut(reason, LONGEST), now))
        });
        let _ = noted.await;
    }
}

fn note(tx: &Connection, tried: Tried, reason: &str, now: Timestamp) -> rusqlite::Result<()> {
    let (kind, row) = tried.row();
    let again = tx
        .prepare_cached(
            "UPDATE tries SET count = count + 1, last_at = ?3 WHERE reason = ?4
                 AND id = (SELECT max(id) FROM tries WHERE kind = ?1 AND row_id = ?2)",
        )?
        .execute(params![kind, row, now.millis(), reason])?;
    if again > 0 {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO tries (kind, row_id, first_at, last_at, reason) VALUES (?1, ?2, ?3, ?3, ?4)",
    )?
    .execute(params![kind, row, now.millis(), reason])?;
    tx.prepare_cached(
        "DELETE FROM tries WHERE kind = ?1 AND row_id = ?2 AND id <= (
             SELECT id FROM tries WHERE kind = ?1 AND row_id = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
    )?
    .execute(params![kind, row, KEPT])?;
    Ok(())
}

/// The failed tries of a page or a mail, oldest first.
pub fn of(connection: &Connection, tried: Tried) -> rusqlite::Result<Vec<Failed>> {
    let (kind, row) = tried.row();
    let sql =
        "SELECT reason, count, first_at, last_at FROM tries WHERE kind = ?1 AND row_id = ?2 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![kind, row], |row| {
        Ok(Failed {
            reason: row.get(0)?,
            count: row.get(1)?,
            first_at: Timestamp::from_millis(row.get(2)?),
            last_at: Timestamp::from_millis(row.get(3)?),
        })
    })?;
    rows.collect()
}
