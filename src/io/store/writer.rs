//! The one writer: a thread that drains its queue and commits what it holds as one transaction, each
//! job in a savepoint, so that a durable commit is paid once for many settles.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Error;

/// More jobs than this are not kept waiting for one commit.
const BATCH: usize = 256;

/// The sending side; dropping it ends the thread after what was submitted.
pub struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread that owns `connection`.
    pub fn start(connection: Connection) -> Self {
        let (queue, jobs) = channel();
        let thread = std::thread::spawn(move || run(&connection, &jobs));
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Queues `work`; `reply` gets its value once it is durable.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        reply: oneshot::Sender<Result<T, Error>>,
    ) {
        if let Some(queue) = &self.queue {
            // A closed queue drops the job and with it `reply`: the caller sees Error::Closed.
            let _ = queue.send(Box::new(Task { work, reply, outcome: None }));
        }
    }
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
    /// Does the work inside the current savepoint; false: roll the savepoint back.
    fn perform(&mut self, connection: &Connection) -> bool;
    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

struct Task<T, F> {
    work: F,
    reply: oneshot::Sender<Result<T, Error>>,
    outcome: Option<rusqlite::Result<T>>,
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for Task<T, F> {
    fn perform(&mut self, connection: &Connection) -> bool {
        let outcome = (self.work)(connection);
        let good = outcome.is_ok();
        self.outcome = Some(outcome);
        good
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

fn run(connection: &Connection, jobs: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        match commit(connection, &mut batch) {
            // Together they could not be written, perhaps for want of room: a small one may still fit alone.
            Err(_) if batch.len() > 1 => batch.into_iter().for_each(|job| alone(connection, job)),
            committed => answer(batch, &committed),
        }
    }
}

fn alone(connection: &Connection, job: Box<dyn Job>) {
    let mut batch = vec![job];
    let committed = commit(connection, &mut batch);
    answer(batch, &committed);
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
    let done = perform_all(connection, batch).and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_err() && !connection.is_autocommit() {
        // The error that counts is the first one; SQLite may have rolled back by itself.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn perform_all(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    for job in batch {
        connection.execute_batch("SAVEPOINT job")?;
        if job.perform(connection) {
            connection.execute_batch("RELEASE job")?;
        } else {
            connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
        }
    }
    Ok(())
}
