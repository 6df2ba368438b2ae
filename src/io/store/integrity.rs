//! Whether the file is sound, as far as a start can afford to look.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{Error, migrate};

/// The tables that decide what is polled and what is sent to whom. They stay small beside the texts:
/// looking through them took 0.3 s where all of 1.2 GB took 15 s, more than a start may last.
const QUEUE: [&str; 10] = [
    "meta",
    "hosts",
    "feeds",
    "watches",
    "recipients",
    "subscriptions",
    "alerts",
    "messages",
    "notices",
    "notice_told",
];

/// Up to this size everything is looked through.
const SMALL: i64 = 64 * 1024 * 1024;

/// Refuses a damaged store: the whole of a small one is looked through, of a big one what the queue needs.
/// Damage in a text of a big one is met when it is read, and ends the process then.
pub fn check_quickly(connection: &Connection) -> Result<(), Error> {
    check_schema(connection)?;
    let bytes: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    if bytes <= SMALL {
        return check(connection, "PRAGMA quick_check(1)");
    }
    QUEUE.iter().try_for_each(|table| check(connection, &format!("PRAGMA quick_check({table})")))
}

/// A table under another name would be missed only when it is asked for, at each start anew.
fn check_schema(connection: &Connection) -> Result<(), Error> {
    let expected = schema(&migrate::fresh(migrate::schema(connection)?)?)?;
    let found = schema(connection)?;
    if expected.is_empty() && !found.is_empty() {
        return Err(Error::Damaged("the number of its schema is gone".to_owned()));
    }
    // What an administrator has added is theirs.
    match expected.into_iter().find(|part| !found.contains(part)) {
        Some((name, _)) => Err(Error::Damaged(format!("its schema is not what habar made: {name}"))),
        None => Ok(()),
    }
}

type Part = (String, String);

fn schema(connection: &Connection) -> Result<HashSet<Part>, Error> {
    let sql = "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql)?;
    let parts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(parts.collect::<Result<_, _>>()?)
}

fn check(connection: &Connection, pragma: &str) -> Result<(), Error> {
    let found: String = connection.query_row(pragma, [], |row| row.get(0))?;
    // Its first line names the database only.
    let what = found.lines().filter(|line| !line.starts_with("***")).collect::<Vec<_>>().join("; ");
    if found == "ok" { Ok(()) } else { Err(Error::Damaged(what)) }
}
