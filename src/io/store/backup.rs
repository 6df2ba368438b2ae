//! A copy of the store, taken beside the daemon: whole, of one instant, and looked over.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{Error, FILE_NAME, migrate, open_read_only, uri_path};
use crate::time::Timestamp;

/// What is in a store.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Contents {
    /// The number of its schema.
    pub schema: i64,
    /// Its size.
    pub bytes: u64,
    /// Sources that are polled.
    pub sources: u32,
    /// Articles.
    pub articles: u32,
    /// Mails, whatever became of them.
    pub mails: u32,
    /// Those of them that are still to be sent.
    pub waiting: u32,
    /// When the last of all this came.
    pub newest_at: Option<Timestamp>,
}

/// A daemon that starts during the copy makes another try necessary; this many of them are no accident.
const TRIES: usize = 3;

/// Bytes that a copy of the store in `dir` takes.
pub fn size(dir: &Path) -> Result<u64, Error> {
    let bytes: i64 = open_read_only(dir)?.query_row(
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Copies the store in `dir` into the file `to`, which is there and empty. The daemon goes on meanwhile.
pub fn copy(dir: &Path, to: &Path) -> Result<(), Error> {
    for _ in 0..TRIES {
        let quiet = Quiet::look(dir);
        let connection = open_read_only(dir)?;
        File::create(to).map_err(|e| super::cannot_open(to, &e))?;
        copy_into(&connection, to)?;
        if quiet.is_none_or(|quiet| Quiet::look(dir).as_ref() == Some(&quiet)) {
            return Ok(());
        }
    }
    Err(Error::Io("something changes it without a log; try again".to_owned()))
}

/// Copies what the connection sees into a file that is empty or not there.
pub(super) fn copy_into(connection: &Connection, to: &Path) -> Result<(), Error> {
    // A relative name could be taken for a URI.
    let to = std::path::absolute(to).map_err(|e| super::cannot_open(to, &e))?;
    let Some(name) = to.to_str() else {
        let reason = "its name is not UTF-8".to_owned();
        return Err(Error::Open { path: to, reason, denied: false });
    };
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// A store without a log is read without locks, as a file that nobody changes: true only if it looks the
/// same after that.
#[derive(PartialEq, Eq)]
struct Quiet {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Quiet {
    fn look(dir: &Path) -> Option<Self> {
        let file = |suffix: &str| fs::metadata(dir.join(format!("{FILE_NAME}{suffix}"))).ok();
        if file("-wal").is_some() && file("-shm").is_some() {
            return None;
        }
        let database = file("")?;
        Some(Self { bytes: database.len(), changed: database.modified().ok() })
    }
}

/// Looks a copy over that nobody else has open, and says what is in it.
pub fn look(path: &Path) -> Result<Contents, Error> {
    let uri = format!("file:{}?mode=ro&immutable=1", uri_path(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).map_err(|e| super::refused(path, &e))?;
    let schema = migrate::refuse_newer(&connection, path)?;
    if let Some(fault) = fault(&connection)? {
        return Err(Error::Damaged(fault));
    }
    let bytes = fs::metadata(path).map_err(|e| super::cannot_open(path, &e))?.len();
    let contents = connection.query_row(
        "SELECT (SELECT count(*) FROM feeds WHERE active = 1), (SELECT count(*) FROM articles),
             (SELECT count(*) FROM messages), (SELECT count(*) FROM messages WHERE state = 'waiting'),
             (SELECT max(at) FROM (SELECT max(polled_at) AS at FROM feeds
                 UNION ALL SELECT max(composed_at) FROM messages UNION ALL SELECT max(settled_at) FROM messages))",
        [],
        |row| {
            Ok(Contents {
                schema,
                bytes,
                sources: row.get(0)?,
                articles: row.get(1)?,
                mails: row.get(2)?,
                waiting: row.get(3)?,
                newest_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
            })
        },
    )?;
    Ok(contents)
}

/// The first fault that SQLite finds in the file, if any.
pub(super) fn fault(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: Option<String> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).optional()?;
    Ok(found.filter(|found| found != "ok"))
}
