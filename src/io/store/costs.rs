//! What each statement costs, for whoever asks with `RUST_LOG=habar::io::store::costs=trace`: its steps in
//! SQLite's machine, which do not depend on what else the computer does.

use std::collections::HashMap;

use rusqlite::trace::{StmtRef, TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};
use tracing::Level;

/// Tells of every statement of the connection, if anybody listens.
pub fn watch(connection: &mut Connection) -> rusqlite::Result<()> {
    if !tracing::enabled!(Level::TRACE) {
        return Ok(());
    }
    let mut known = HashMap::new();
    let tell = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, took) = event {
            // Without its values: they may be secrets.
            let sql = statement.sql().split_whitespace().collect::<Vec<_>>().join(" ");
            let steps = steps(&statement, &sql, &mut known);
            tracing::trace!(sql, steps, micros = took.as_micros(), "statement");
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(tell))
}

/// The steps of this run: a statement that is kept counts on.
fn steps(statement: &StmtRef<'_>, sql: &str, known: &mut HashMap<String, i32>) -> i32 {
    let all = statement.get_status(StatementStatus::VmStep);
    let before = known.insert(sql.to_owned(), all).unwrap_or(0);
    let first = statement.get_status(StatementStatus::Run) <= 1;
    if first { all } else { all.saturating_sub(before) }
}
