//! Forward-only migrations, each in a transaction of its own, with a backup before.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::Error;

/// The migrations in order; the schema's number is how many have been applied.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
];

/// "habr": marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x6861_6272;

/// Brings the store to the newest schema.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let found = refuse_newer(connection, path)?;
    let applied = usize::try_from(found).unwrap_or(0);
    let behind = applied > 0 && applied < MIGRATIONS.len();
    if behind {
        let copy = back_up(connection, path, found)?;
        tracing::info!(
            from = found,
            to = MIGRATIONS.len(),
            copy = %copy.display(),
            "the store is brought to a new schema; the copy of before can be deleted when all is well"
        );
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let schema = i64::try_from(number + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", schema)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A store in memory with nothing but the schema of this number.
pub fn fresh(schema: i64) -> Result<Connection, Error> {
    let connection = Connection::open_in_memory()?;
    for sql in MIGRATIONS.iter().take(usize::try_from(schema).unwrap_or(0)) {
        connection.execute_batch(sql)?;
    }
    Ok(connection)
}

/// The schema that the file has; an error when it is newer than this program, or no file of ours.
pub fn refuse_newer(connection: &Connection, path: &Path) -> Result<i64, Error> {
    let found = schema(connection)?;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let known = newest();
    if tables > 0 && id != APPLICATION_ID {
        return Err(Error::Damaged(format!("{} is a database of another program", path.display())));
    }
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// An error when a newer program has yet to bring the file to its schema.
pub fn refuse_older(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = refuse_newer(connection, path)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found < known {
        return Err(Error::Older { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// The schema that a file has.
pub fn schema(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The newest schema of this program.
pub fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// A whole copy under its name, or none: one that was broken off must not look like one.
fn back_up(connection: &Connection, path: &Path, schema: i64) -> Result<PathBuf, Error> {
    let copy = PathBuf::from(format!("{}.schema-{schema}", path.display()));
    let part = PathBuf::from(format!("{}.part", copy.display()));
    remove(&part)?;
    refuse_narrow(connection, path)?;
    if let Err(error) = super::backup::copy_into(connection, &part) {
        remove(&part)?;
        return Err(error);
    }
    let kept = File::open(&part).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&part, &copy));
    kept.map_err(|e| super::cannot_open(&copy, &e))?;
    Ok(copy)
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(super::cannot_open(file, &e)),
        _ => Ok(()),
    }
}

/// Better than a disk that fills up in the middle of a long copy.
fn refuse_narrow(connection: &Connection, path: &Path) -> Result<(), Error> {
    let needed: i64 = connection.query_row(
        "SELECT (page_count - freelist_count) * page_size
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    let Some(free) = super::free_bytes(path) else { return Ok(()) };
    let needed = u64::try_from(needed).unwrap_or(0);
    if free < needed {
        return Err(Error::NoRoomForCopy { path: path.to_owned(), needed, free });
    }
    Ok(())
}
