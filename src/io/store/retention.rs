//! What is kept for how long: texts and sent mails go after `[store] keep`, in small steps; what was
//! seen and alerted is remembered for ever.

use rusqlite::params;

use super::{Error, Store};
use crate::time::Timestamp;

/// Rows of one step: a step holds up the writer for a moment only.
const STEP: u32 = 500;

impl Store {
    /// Forgets one step of what is older than `horizon`; says how many rows that was.
    pub async fn forget_before(&self, horizon: Timestamp) -> Result<usize, Error> {
        self.write(move |tx| {
            let texts = tx.execute(
                "UPDATE articles SET text = '', title = NULL WHERE entry_id IN (
                     SELECT entry_id FROM articles WHERE placed_at < ?1 AND ifnull(text, 'x') <> '' ORDER BY placed_at LIMIT ?2)",
                params![horizon.millis(), STEP],
            )?;
            let summaries = tx.execute(
                "UPDATE entries SET summary = '' WHERE id IN (
                     SELECT id FROM entries WHERE found_at < ?1 AND summary <> '' AND due_at IS NULL ORDER BY id LIMIT ?2)",
                params![horizon.millis(), STEP],
            )?;
            let mails = tx.execute(
                "DELETE FROM bodies WHERE message_id IN (
                     SELECT b.message_id FROM bodies b JOIN messages m ON m.id = b.message_id
                     WHERE m.settled_at BETWEEN 1 AND ?1 AND m.state <> 'waiting' ORDER BY b.message_id LIMIT ?2)",
                params![horizon.millis(), STEP],
            )?;
            let tries = tx.execute(
                "DELETE FROM tries WHERE id IN (SELECT id FROM tries WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)",
                params![horizon.millis(), STEP],
            )?;
            Ok(texts + summaries + mails + tries)
        })
        .await
    }
}
