//! The one writer: a thread that drains its queue and commits what it holds as one transaction, each
//! job in a savepoint, so that a durable commit is paid once for many settles.

use std::sync::mpsc::{Receiver, Sender, channel};
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
        let thread = std::thread::spawn(move || run(&connection, &ballast, &orders));
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Queues `work`; `reply` gets its value once it is durable. A `fact` may take the room of the ballast.
    pub fn submit<T: Send + 'static>(
        &self,
        fact: bool,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        reply: oneshot::Sender<Result<T, Error>>,
    ) {
        if let Some(queue) = &self.queue {
            // A closed queue drops the job and with it `reply`: the caller sees Error::Closed.
            let _ = queue.send(Order::Job(Box::new(Task { fact, work, reply, outcome: None })));
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
    /// What has happened already, and has to be written.
    fn is_fact(&self) -> bool;
    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// What has to become of a job's savepoint.
enum Performed {
    Keep,
    Undo,
    /// There was no room: the transaction as a whole has failed.
    NoRoom,
}

struct Task<T, F> {
    fact: bool,
    work: F,
    reply: oneshot::Sender<Result<T, Error>>,
    outcome: Option<rusqlite::Result<T>>,
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for Task<T, F> {
    fn perform(&mut self, connection: &Connection) -> Performed {
        let outcome = (self.work)(connection);
        let performed = match &outcome {
            Ok(_) => Performed::Keep,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Performed::NoRoom,
            Err(_) => Performed::Undo,
        };
        self.outcome = Some(outcome);
        performed
    }

    fn is_fact(&self) -> bool {
        self.fact
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

fn run(connection: &Connection, ballast: &Ballast, orders: &Receiver<Order>) {
    while let Ok(first) = orders.recv() {
        let mut batch = Vec::new();
        let mut checkpoint = false;
        for order in std::iter::once(first).chain(orders.try_iter()) {
            match order {
                Order::Job(job) => batch.push(job),
                Order::Checkpoint => checkpoint = true,
            }
            if checkpoint || batch.len() == BATCH {
                break;
            }
        }
        write(connection, ballast, batch);
        if checkpoint {
            move_log(connection);
        }
    }
}

fn write(connection: &Connection, ballast: &Ballast, mut batch: Vec<Box<dyn Job>>) {
    if commit(connection, &mut batch).is_ok() {
        return answer(batch, &Ok(()));
    }
    // Together they could not be written, perhaps for want of room: a small one may still fit alone,
    // into a log that begins anew.
    move_log(connection);
    for job in batch {
        alone(connection, ballast, job);
    }
}

fn alone(connection: &Connection, ballast: &Ballast, job: Box<dyn Job>) {
    let fact = job.is_fact();
    let mut batch = vec![job];
    let mut committed = commit(connection, &mut batch);
    if fact && committed.is_err() {
        ballast.give_up();
        move_log(connection);
        committed = commit(connection, &mut batch);
    }
    answer(batch, &committed);
}

/// A checkpoint that waits for nobody and never truncates. One that fails leaves the log as it is.
fn move_log(connection: &Connection) {
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}

fn answer(batch: Vec<Box<dyn Job>>, committed: &rusqlite::Result<()>) {
    for job in batch {
        job.answer(committed.as_ref().copied().map_err(clone));
    }
}

fn clone(error: &rusqlite::Error) -> Error {
    match error.sqlite_error() {
        Some(code) => rusqlite::Error::SqliteFailure(*code, Some(error.to_string())).into(),
        None => Error::Closed,
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = match batch {
        // Alone in its transaction, a job needs no savepoint to be undone.
        [only] => match only.perform(connection) {
            Performed::Keep => connection.execute_batch("COMMIT"),
            Performed::Undo => connection.execute_batch("ROLLBACK"),
            Performed::NoRoom => Err(super::full()),
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
            Performed::NoRoom => return Err(super::full()),
        }
        connection.prepare_cached("RELEASE job")?.execute([])?;
    }
    Ok(())
}
