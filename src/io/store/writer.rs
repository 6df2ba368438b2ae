//! The one writer: a thread that drains its queue and commits what it holds as one transaction, each
//! job in a savepoint, so that a durable commit is paid once for many settles.
//!
//! While another process holds the lock, what has been worked for waits, and what only asks is refused. When
//! the disk fails, nothing more is written: a sync that failed once may have lost what the next one calls safe.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::Error;
use super::ballast::Ballast;

/// More jobs than this are not kept waiting for one commit.
const BATCH: usize = 256;

/// The sending side; dropping it ends the thread after what was submitted.
pub struct Writer {
    queue: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread that owns `connection`.
    pub fn start(connection: Connection, ballast: Ballast) -> Self {
        let (queue, orders) = channel();
        let desk = Desk { connection, ballast, waiting: Vec::new(), broken: None };
        let thread = std::thread::spawn(move || desk.run(&orders));
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Queues `work`; `reply` gets its value once it is durable.
    pub fn submit<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        reply: oneshot::Sender<Result<T, Error>>,
    ) {
        if let Some(queue) = &self.queue {
            // A closed queue drops the job and with it `reply`: the caller sees Error::Closed.
            let _ = queue.send(Order::Job(Box::new(Task { weight, work, reply, outcome: None })));
        }
    }

    /// Moves what the log holds into the database, after what was submitted before.
    ///
    /// The database grows by it, not by a commit: once it has, and the log begins anew, later commits
    /// that fit into the log need no room on the disk.
    pub fn checkpoint(&self) {
        if let Some(queue) = &self.queue {
            let _ = queue.send(Order::Checkpoint);
        }
    }
}

/// What becomes of a job that cannot be written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// A claim or a look: refused, and asked again.
    Asks,
    /// What was worked for: it waits for the lock of another process.
    Settles,
    /// What has happened: it waits, and may take the room of the ballast.
    Fact,
}

enum Order {
    Job(Box<dyn Job>),
    Checkpoint,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

trait Job: Send {
    /// Does the work inside the current savepoint.
    fn perform(&mut self, connection: &Connection) -> Performed;
    fn weight(&self) -> Weight;
    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// What has to become of a job's savepoint.
enum Performed {
    Keep,
    Undo,
    /// There was no room, or the disk failed: the transaction as a whole has failed.
    Failed(rusqlite::Error),
}

struct Task<T, F> {
    weight: Weight,
    work: F,
    reply: oneshot::Sender<Result<T, Error>>,
    outcome: Option<rusqlite::Result<T>>,
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for Task<T, F> {
    fn perform(&mut self, connection: &Connection) -> Performed {
        let outcome = (self.work)(connection);
        let performed = match &outcome {
            Ok(_) => Performed::Keep,
            Err(error) if is_full(error) || is_broken(error) => Performed::Failed(copy(error)),
            Err(_) => Performed::Undo,
        };
        self.outcome = Some(outcome);
        performed
    }

    fn weight(&self) -> Weight {
        self.weight
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (committed, self.outcome) {
            (_, Some(Err(error))) => Err(error.into()),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(Error::Closed),
        };
        // The caller may have gone away; what was written stays written.
        let _ = self.reply.send(answer);
    }
}

/// The thread's side.
struct Desk {
    connection: Connection,
    ballast: Ballast,
    /// What waits for the lock of another process.
    waiting: Vec<Box<dyn Job>>,
    /// How the disk has failed.
    broken: Option<rusqlite::Error>,
}

impl Desk {
    fn run(mut self, orders: &Receiver<Order>) {
        let mut open = true;
        while open {
            let mut batch = std::mem::take(&mut self.waiting);
            let mut checkpoint = false;
            loop {
                // Those who wait are tried again at once: SQLite has waited for the lock already.
                let order = if batch.is_empty() {
                    orders.recv().map_err(|_| TryRecvError::Disconnected)
                } else {
                    orders.try_recv()
                };
                match order {
                    Ok(Order::Job(job)) => batch.push(job),
                    Ok(Order::Checkpoint) => checkpoint = true,
                    Err(TryRecvError::Disconnected) => open = false,
                    Err(TryRecvError::Empty) => break,
                }
                if checkpoint || !open || batch.len() >= BATCH {
                    break;
                }
            }
            self.write(batch);
            if checkpoint {
                self.move_log();
            }
        }
        // Whoever still waits is answered by the end of the queue.
    }

    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if let Some(broken) = &self.broken {
            return answer(batch, &Err(copy(broken)));
        }
        match commit(&self.connection, &mut batch) {
            Ok(()) => return answer(batch, &Ok(())),
            Err(error) if is_locked(&error) => return self.wait_for_lock(batch, &error),
            Err(error) if is_broken(&error) => return self.break_off(batch, error),
            Err(_) => {}
        }
        // Together they could not be written, perhaps for want of room: a small one may still fit alone,
        // into a log that begins anew.
        self.move_log();
        for job in batch {
            self.write_alone(job);
        }
    }

    fn write_alone(&mut self, job: Box<dyn Job>) {
        let fact = job.weight() == Weight::Fact;
        let mut batch = vec![job];
        if let Some(broken) = &self.broken {
            return answer(batch, &Err(copy(broken)));
        }
        let mut committed = commit(&self.connection, &mut batch);
        if fact && committed.as_ref().is_err_and(is_full) {
            self.ballast.give_up();
            self.move_log();
            committed = commit(&self.connection, &mut batch);
        }
        match committed {
            Err(error) if is_locked(&error) => self.wait_for_lock(batch, &error),
            Err(error) if is_broken(&error) => self.break_off(batch, error),
            committed => {
                if committed.as_ref().is_err_and(is_full) {
                    self.ballast.note_no_room();
                }
                answer(batch, &committed);
            }
        }
    }

    fn wait_for_lock(&mut self, batch: Vec<Box<dyn Job>>, error: &rusqlite::Error) {
        let (ask, wait): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.weight() == Weight::Asks);
        self.waiting.extend(wait);
        answer(ask, &Err(copy(error)));
    }

    fn break_off(&mut self, batch: Vec<Box<dyn Job>>, error: rusqlite::Error) {
        answer(batch, &Err(copy(&error)));
        self.broken = Some(error);
    }

    /// A checkpoint that waits for nobody and never truncates. One that has no room leaves the log as it is.
    fn move_log(&mut self) {
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        self.broken = moved.err().filter(is_broken).or(self.broken.take());
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn is_locked(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly))
}

fn answer(batch: Vec<Box<dyn Job>>, committed: &rusqlite::Result<()>) {
    for job in batch {
        job.answer(committed.as_ref().copied().map_err(|error| copy(error).into()));
    }
}

/// The same error for one more of those whom it concerns.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error.sqlite_error() {
        Some(code) => rusqlite::Error::SqliteFailure(*code, Some(error.to_string())),
        None => rusqlite::Error::InvalidQuery,
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = match batch {
        // Alone in its transaction, a job needs no savepoint to be undone.
        [only] => match only.perform(connection) {
            Performed::Keep => connection.execute_batch("COMMIT"),
            Performed::Undo => connection.execute_batch("ROLLBACK"),
            Performed::Failed(error) => Err(error),
        },
        many => perform_all(connection, many).and_then(|()| connection.execute_batch("COMMIT")),
    };
    if done.is_err() && !connection.is_autocommit() {
        // The error that counts is the first one; SQLite may have rolled back by itself.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn perform_all(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    for job in batch {
        connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        match job.perform(connection) {
            Performed::Keep => {}
            Performed::Undo => {
                connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
            }
            Performed::Failed(error) => return Err(error),
        }
        connection.prepare_cached("RELEASE job")?.execute([])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn writer(dir: &tempfile::TempDir) -> Writer {
        let connection = Connection::open(dir.path().join("db")).unwrap();
        connection.execute_batch("CREATE TABLE written (what TEXT)").unwrap();
        Writer::start(connection, Ballast::of(dir.path()))
    }

    fn submit(writer: &Writer, weight: Weight, code: i32) -> oneshot::Receiver<Result<usize, Error>> {
        let (reply, answer) = oneshot::channel();
        let work = move |tx: &Connection| {
            let written = tx.execute("INSERT INTO written VALUES ('something')", [])?;
            match code {
                ffi::SQLITE_OK => Ok(written),
                code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
            }
        };
        writer.submit(weight, work, reply);
        answer
    }

    #[tokio::test]
    async fn after_the_disk_failed_nothing_more_is_written() {
        let dir = tempfile::TempDir::new().unwrap();
        let writer = writer(&dir);
        submit(&writer, Weight::Fact, ffi::SQLITE_OK).await.unwrap().unwrap();
        let failed = submit(&writer, Weight::Settles, ffi::SQLITE_IOERR_FSYNC).await.unwrap();
        assert!(matches!(failed, Err(Error::Io(_))), "{failed:?}");
        for weight in [Weight::Asks, Weight::Settles, Weight::Fact] {
            let late = submit(&writer, weight, ffi::SQLITE_OK).await.unwrap();
            assert!(matches!(late, Err(Error::Io(_))), "{weight:?}: {late:?}");
        }
        drop(writer);
        let left = Connection::open(dir.path().join("db")).unwrap();
        let written: i64 = left.query_row("SELECT count(*) FROM written", [], |row| row.get(0)).unwrap();
        assert_eq!(written, 1, "what came before the failure");
    }

    #[tokio::test]
    async fn a_refusal_of_one_is_no_failure_of_the_disk() {
        let dir = tempfile::TempDir::new().unwrap();
        let writer = writer(&dir);
        for code in [ffi::SQLITE_CONSTRAINT, ffi::SQLITE_FULL, ffi::SQLITE_CORRUPT] {
            submit(&writer, Weight::Settles, code).await.unwrap().unwrap_err();
        }
        submit(&writer, Weight::Asks, ffi::SQLITE_OK).await.unwrap().unwrap();
    }
}
