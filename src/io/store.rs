//! The store: one SQLite file that is the queue, the articles and the ledger.
//!
//! All writes pass one writer thread that commits many of them at once ([`writer`]); readers have
//! connections of their own. Work is taken and given back by [`lease`]; each table group has a file.

mod arrivals;
pub mod backup;
mod ballast;
pub mod checkup;
mod costs;
pub mod entries;
pub mod feeds;
pub mod hosts;
mod integrity;
pub mod lease;
pub mod life;
pub mod listed;
mod migrate;
pub mod notices;
pub mod outbox;
pub mod overview;
pub mod pacing;
mod records;
pub mod requests;
mod retention;
pub mod roster;
pub mod stories;
pub mod tries;
mod writer;

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::oneshot;

use crate::time::Timestamp;
use writer::Weight;

/// The name of the database inside the state directory.
pub const FILE_NAME: &str = "habar.db";

/// Why the store could not do what it was asked, split by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the state directory.
    #[error("another habar holds {0}; stop it first, or give another --state")]
    Locked(PathBuf),
    /// The state directory or the database cannot be made or opened.
    #[error("cannot open {path}: {reason}")]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// The file system refuses this user.
        denied: bool,
    },
    /// There is no store yet.
    #[error("there is no store at {0} yet; `habar run` or `habar once` makes it")]
    Missing(PathBuf),
    /// The store was written by a newer version.
    #[error("{path} has schema {found}, this habar knows {known}; install the newer version again")]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    /// The store was written by an older version, and nobody has brought it to the present schema yet.
    #[error(
        "{path} has schema {found}, this habar knows {known}; restart the daemon, or run `habar once`: either brings it up to date"
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema of this program.
        known: i64,
    },
    /// No room on the disk: the caller waits and tries again.
    #[error("the disk that holds the store is full")]
    Full,
    /// No room for the copy that is made before a new schema.
    #[error(
        "this habar has a new schema and first copies {path}, which needs {} MB; its disk has {} MB free. \
         Make room and start again; nothing was changed", .needed.div_ceil(1_000_000), .free / 1_000_000
    )]
    NoRoomForCopy {
        /// The database.
        path: PathBuf,
        /// Bytes of the copy.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The file is damaged or no database of ours.
    #[error("the store is damaged: {0}; restore a backup")]
    Damaged(String),
    /// The files are not where they were opened: whatever is written now goes with the process.
    #[error(
        "{0} was deleted or replaced while habar ran, so nothing can be recorded any more; habar stops. \
         Start it again to go on with what is there now"
    )]
    Gone(PathBuf),
    /// The disk fails: nothing more may be sent.
    #[error("the store cannot be read or written: {0}")]
    Io(String),
    /// Any other refusal of SQLite; a fault of this program or another process's lock.
    #[error("the store refuses: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// The writer is gone: the process is ending.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// True when going on would risk the data: the process has to stop.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Gone(_) | Self::Io(_) | Self::Closed)
    }

    /// True when every work meets it and none is at fault: a full disk, a lock of another process.
    pub fn is_passing(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        match self {
            Self::Full => true,
            Self::Sqlite(error) => {
                matches!(error.sqlite_error_code(), Some(Code::DatabaseBusy | Code::DatabaseLocked))
            }
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            // A value of a kind that was never written there.
            None if matches!(
                error,
                Sql::FromSqlConversionFailure(..)
                    | Sql::IntegralValueOutOfRange(..)
                    | Sql::InvalidColumnType(..)
                    | Sql::Utf8Error(..)
            ) =>
            {
                Self::Damaged(error.to_string())
            }
            Some(Code::DiskFull) => Self::Full,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(error.to_string()),
            Some(Code::SystemIoFailure | Code::ReadOnly) => Self::Io(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

/// Why work comes back that was done well.
const NO_ROOM: &str = "the disk that holds the store is full";

/// What SQLite says when there is no room.
fn full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None)
}

/// The open store of the one process that may change it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    /// The database, its log and the log's index, as they were opened.
    files: Vec<(PathBuf, Option<Print>)>,
    owner: i64,
    id: String,
    /// Closed before the writer: only a connection that may write takes the WAL back into the file.
    readers: Mutex<Vec<Connection>>,
    writer: writer::Writer,
    ballast: ballast::Ballast,
    _lock: File,
}

impl Store {
    /// Opens or creates the store in `dir`, migrates it, and frees what dead processes held.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, Error> {
        // What people watch for is nobody else's business.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| cannot_open(dir, &e))?;
        let lock = lock(dir)?;
        let path = dir.join(FILE_NAME);
        let ballast = ballast::Ballast::of(dir);
        refuse_emptied(&path, &ballast)?;
        inspect(dir, &path)?;
        let mut connection = connect(&path, OpenFlags::default())?;
        migrate::migrate(&mut connection, &path)?;
        grow_wal(&connection, &path)?;
        let owner = connection.query_row("SELECT random()", [], |row| row.get(0))?;
        lease::free_the_dead(&connection, owner, now)?;
        let id = connection.query_row(
            "INSERT INTO meta (key, value) VALUES ('id', lower(hex(randomblob(6))))
             ON CONFLICT (key) DO UPDATE SET key = key RETURNING value",
            [],
            |row| row.get(0),
        )?;
        // Without room for it no mail is sent, and each claim tries again.
        let _ = ballast.keep();
        let inner = Inner {
            dir: dir.to_owned(),
            files: files(&path),
            owner,
            id,
            writer: writer::Writer::start(connection, ballast.clone()),
            ballast,
            readers: Mutex::default(),
            _lock: lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The id that this store drew when it was made: the same over restarts, another for every store.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The id that this process drew at its start.
    fn owner(&self) -> i64 {
        self.inner.owner
    }

    /// Runs `work` in the writer's next transaction and waits until it is durable.
    ///
    /// `work` may run twice: alone, after a transaction that it shared could not be committed.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.submit(Weight::Asks, work).await
    }

    /// Like [`Self::write`], for the end of work that was done: it waits while another process holds the lock.
    async fn settle<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.submit(Weight::Settles, work).await
    }

    /// Like [`Self::settle`], for what has happened and has to be written: it may take the room of the ballast.
    async fn record<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.submit(Weight::Fact, work).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.inner.writer.submit(weight, work, reply);
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Refuses work whose news could not be stored.
    fn refuse_without_room(&self) -> Result<(), Error> {
        if self.inner.ballast.has_room() { Ok(()) } else { Err(Error::Full) }
    }

    /// Moves what the log holds into the database, in the writer's time.
    fn checkpoint(&self) {
        self.inner.writer.checkpoint();
    }

    /// Runs `query` on a connection of its own, beside the writer.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.clone();
        let run = move || {
            let pooled = store.readers().pop();
            let connection = match pooled {
                Some(connection) => connection,
                None => connect(&store.inner.dir.join(FILE_NAME), OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            let answer = query(&connection);
            store.readers().push(connection);
            answer.map_err(Error::from)
        };
        tokio::task::spawn_blocking(run).await.unwrap_or(Err(Error::Closed))
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error when the files were deleted or replaced since the start.
    pub fn check_place(&self) -> Result<(), Error> {
        match self.inner.files.iter().find(|(path, opened)| print(path) != *opened) {
            Some((path, _)) => Err(Error::Gone(path.clone())),
            None => Ok(()),
        }
    }

    /// Lets the database have no more than so many pages, as on a disk that is full; as few as it has for 0.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), Error> {
        self.write(move |tx| tx.pragma_update(None, "max_page_count", pages.max(1))).await
    }

    /// A number that changes when another process has written: `PRAGMA data_version` of the writer's connection.
    pub async fn data_version(&self) -> Result<i64, Error> {
        self.write(|tx| tx.query_row("PRAGMA data_version", [], |row| row.get(0))).await
    }
}

/// Asks the store of `dir` beside the daemon, see [`open_read_only`].
pub fn ask_read_only<T>(
    dir: &Path,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    let connection = open_read_only(dir)?;
    query(&connection).map_err(|error| {
        // What an older store does not have yet cannot be asked for.
        let older = migrate::refuse_older(&connection, &dir.join(FILE_NAME)).err();
        older.filter(|older| matches!(older, Error::Older { .. })).unwrap_or_else(|| error.into())
    })
}

/// Whether a process holds the store of `dir`, as `run` and `once` do; none: this user cannot see it.
pub fn is_held(dir: &Path) -> Option<bool> {
    match File::open(dir.join(LOCK)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        },
    }
}

/// A reader beside the daemon: opens without a lock, creates no file, works for root on a service user's store.
pub fn open_read_only(dir: &Path) -> Result<Connection, Error> {
    let path = dir.join(FILE_NAME);
    match std::fs::metadata(&path) {
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::Missing(path)),
        Err(e) => return Err(cannot_open(&path, &e)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    // SQLite would create what is missing of a WAL and its index. Where one is missing nobody writes:
    // without a WAL the file is all there is, and without an index we can have one in our own memory.
    let exists = |suffix: &str| dir.join(format!("{FILE_NAME}{suffix}")).exists();
    let (has_wal, has_index) = (exists("-wal"), exists("-shm"));
    let alone = match (has_wal, has_index) {
        (false, _) => "&immutable=1",
        (true, false) => "&vfs=unix-none",
        (true, true) => "",
    };
    let uri = format!("file:{}?mode=ro{alone}", uri_path(&path));
    let connection = Connection::open_with_flags(uri, flags).map_err(|e| refused(&path, &e))?;
    if has_wal && !has_index {
        connection.pragma_update(None, "locking_mode", "exclusive")?;
    }
    connection.busy_timeout(Duration::from_secs(5))?;
    migrate::refuse_newer(&connection, &path)?;
    Ok(connection)
}

/// A path as the path of an SQLite URI (RFC 3986 reserved characters escaped).
fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn cannot_open(path: &Path, error: &std::io::Error) -> Error {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    Error::Open { path: path.to_owned(), reason: error.to_string(), denied }
}

/// SQLite says no more than that it cannot open the file; the file system says why.
fn refused(path: &Path, error: &rusqlite::Error) -> Error {
    match File::open(path).and_then(|file| file.metadata()) {
        Err(e) => cannot_open(path, &e),
        Ok(file) if file.is_dir() => cannot_open(path, &std::io::ErrorKind::IsADirectory.into()),
        Ok(_) => Error::Open { path: path.to_owned(), reason: error.to_string(), denied: false },
    }
}

/// SQLite takes an empty file for a new database, and throws its log away. The ballast was laid beside a
/// file that was none.
fn refuse_emptied(path: &Path, ballast: &ballast::Ballast) -> Result<(), Error> {
    let empty = std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
    if empty && ballast.is_there() {
        return Err(Error::Damaged(format!(
            "{} is empty and was not; take it away to begin anew",
            path.display()
        )));
    }
    Ok(())
}

/// Looks at a store before anything is written, so that one that is refused stays as it is.
fn inspect(dir: &Path, path: &Path) -> Result<(), Error> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Ok(());
    }
    let connection = match open_read_only(dir) {
        Err(Error::Missing(_)) => return Ok(()),
        opened => opened?,
    };
    integrity::check_quickly(&connection)?;
    if migrate::schema(&connection)? > 0 {
        let id = connection
            .query_row("SELECT value FROM meta WHERE key = 'id'", [], |row| row.get::<_, String>(0));
        id.optional()?;
    }
    Ok(())
}

/// What tells one file from another at its place.
type Print = (u64, u64);

fn print(path: &Path) -> Option<Print> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn files(path: &Path) -> Vec<(PathBuf, Option<Print>)> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    ["", "-wal", "-shm"].map(beside).into_iter().map(|path| (path.clone(), print(&path))).collect()
}

/// The room that is left on the disk where a file or a folder lies; none where the system does not tell.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether room to record what is sent is kept beside the store: without it nothing is sent.
pub fn keeps_room(dir: &Path) -> bool {
    ballast::Ballast::of(dir).is_whole()
}

/// The file in the state directory whose lock says that a process holds it.
const LOCK: &str = "lock";
/// Whoever looks whether somebody holds it ([`is_held`]) has it for a moment, shared, and is waited for.
const LOOK: Duration = Duration::from_millis(200);

/// Takes the state directory for this process, until it ends.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| cannot_open(&path, &e))?;
    let end = Instant::now() + LOOK;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(LOOK / 10),
            Err(TryLockError::WouldBlock) => return Err(Error::Locked(dir.to_owned())),
            Err(TryLockError::Error(e)) => return Err(cannot_open(&path, &e)),
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| refused(path, &e))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    costs::watch(&mut connection)?;
    // Before anything is set: that would change another program's file.
    migrate::refuse_newer(&connection, path)?;
    connection.set_prepared_statement_cache_capacity(128);
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // SQLite opens what may not be written for reading, and says nothing.
        if connection.is_readonly(rusqlite::MAIN_DB)? {
            return Err(cannot_open(path, &std::io::ErrorKind::PermissionDenied.into()));
        }
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -16_000)?;
        // Savepoints keep what they may have to undo: in memory, not in a file.
        connection.pragma_update(None, "temp_store", "memory")?;
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The smallest WAL we work with. A WAL that has been this long once stays so, and a commit that fits
/// needs no room on the disk: "sent" is recorded even when it is full.
const WAL_BYTES: u64 = 256 * 1024;

fn grow_wal(connection: &Connection, path: &Path) -> Result<(), Error> {
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    if std::fs::metadata(&wal).is_ok_and(|file| file.len() >= WAL_BYTES) {
        return Ok(());
    }
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('wal', zeroblob(?1)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [i64::try_from(WAL_BYTES).unwrap_or(0)],
    )?;
    connection.execute("DELETE FROM meta WHERE key = 'wal'", [])?;
    Ok(())
}
