//! The driver: claims for every stage as slots get free, and sleeps until something is due.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::compose::Compose;
use super::deliver::Deliver;
use super::poll::Poll;
use super::read::Read;
use super::slots::Slots;
use super::{Pipeline, Stage, Window};
use crate::io::store::Error;
use crate::io::store::lease::Pick;
use crate::time::{MINUTE, SECOND, Timestamp};

/// Work under way at once, by stage.
const POLLS: usize = 24;
const READS: usize = 24;
const COMPOSES: usize = 4;
const DELIVERIES: usize = 4;

/// How many slots for polls, and how many for reads, a process that may open so many files can have: each may
/// take four connections to hosts that dawdle, and the store, the log and the mail have their files. A connection
/// that is refused to us would be blamed on its source.
fn requests_within(files: Option<u64>) -> usize {
    let each = files.map_or(u64::MAX, |files| files.saturating_sub(16) / 32).max(1);
    usize::try_from(each).unwrap_or(usize::MAX).min(POLLS.min(READS))
}

/// How many files this process may open; none when there is no limit.
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// The driver looks at the store at least this often: wake-ups may be lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// After the store refused, the driver waits this long.
const REFUSED: Duration = Duration::from_secs(5);

/// How long what is under way gets to end when the driver stops.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// Polls and reads, which are simply done again.
    pub requests: Duration,
    /// Mails: one whose reply is not heard goes twice.
    pub mails: Duration,
}

/// Runs the stages.
pub struct Driver {
    pipeline: Arc<Pipeline>,
    poll: Lane<Poll>,
    read: Lane<Read>,
    compose: Lane<Compose>,
    deliver: Lane<Deliver>,
    signals: Arc<Signals>,
    /// Told when a request has given its slot up.
    slot: Arc<Notify>,
    /// A suspect is under way.
    alone: bool,
    complained: Option<Instant>,
}

/// How the driver and the world around it hear of each other.
pub struct Signals {
    /// Something may be due: look at the store.
    pub wake: Notify,
    /// When the driver last went round with nothing hung.
    beat: Mutex<Instant>,
    /// Polls settled since the start.
    pub polls: AtomicU64,
    /// Reads settled since the start.
    pub reads: AtomicU64,
    /// Deliveries settled since the start.
    pub deliveries: AtomicU64,
}

impl Signals {
    fn new() -> Self {
        Self {
            wake: Notify::new(),
            beat: Mutex::new(Instant::now()),
            polls: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
        }
    }

    fn beat(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the driver last went round with nothing hung.
    pub fn silent_for(&self) -> Duration {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// When what is performed at present began, by a number of each.
#[derive(Clone, Default)]
struct Performing(Arc<Mutex<HashMap<u64, Instant>>>);

/// Something that is being performed, until this is dropped.
struct Performance(Performing, u64);

impl Performing {
    fn begin(&self, number: u64) -> Performance {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Instant::now());
        Performance(self.clone(), number)
    }

    fn oldest(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }
}

impl Drop for Performance {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// One stage and its work under way.
struct Lane<S: Stage> {
    stage: Arc<S>,
    running: JoinSet<Result<(), Error>>,
    performing: Performing,
    slots: Slots,
    begun: u64,
    ended: u64,
    /// A refusal of the store that every work meets, not yet told.
    refused: Option<Error>,
}

impl<S: Stage> Lane<S> {
    fn new(stage: S, slots: Slots) -> Self {
        Self {
            stage: Arc::new(stage),
            running: JoinSet::new(),
            performing: Performing::default(),
            slots,
            begun: 0,
            ended: 0,
            refused: None,
        }
    }

    /// Whether something is performed for longer than it can take.
    fn hangs(&self, now: Instant) -> bool {
        self.performing.oldest().is_some_and(|began| now.saturating_duration_since(began) > S::DEADLINE)
    }

    fn free(&self) -> usize {
        self.slots.free(self.running.len())
    }

    /// Claims as much as there are free slots, and at most so much; says how much that was.
    async fn fill(&mut self, window: Window, most: usize) -> Result<usize, Error> {
        let free = self.free().min(most);
        if free == 0 {
            return Ok(0);
        }
        let leases = self.stage.claim(window, free).await?;
        let claimed = leases.len();
        for lease in leases {
            let stage = Arc::clone(&self.stage);
            let slot = self.slots.take();
            self.begun += 1;
            let performance = self.performing.begin(self.begun);
            self.running.spawn(async move {
                let outcome = slot.during(stage.perform(&lease)).await;
                // The store may have reasons to keep us waiting.
                drop(performance);
                stage.settle(lease, outcome).await
            });
        }
        Ok(claimed)
    }

    /// Takes what has ended; the first fatal error is the caller's.
    fn reap(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.running.try_join_next() {
            self.count(ended)?;
        }
        Ok(())
    }

    fn count(&mut self, ended: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
        self.ended += 1;
        self.refused = judge(S::NAME, ended)?.or(self.refused.take());
        Ok(())
    }

    /// Waits for one piece of work to end; for ever when there is none.
    async fn ended(&mut self) -> Result<(), Error> {
        match self.running.join_next().await {
            Some(ended) => self.count(ended),
            None => std::future::pending().await,
        }
    }
}

/// What cannot be settled comes back by its lease; only a store that must not be used further ends the run.
/// A refusal that all work meets is the caller's to tell, once for all.
fn judge(
    stage: &str,
    ended: Result<Result<(), Error>, tokio::task::JoinError>,
) -> Result<Option<Error>, Error> {
    match ended {
        Ok(Ok(())) => return Ok(None),
        Ok(Err(error)) if error.is_fatal() => return Err(error),
        Ok(Err(error)) if error.is_passing() => return Ok(Some(error)),
        Ok(Err(error)) => tracing::error!(stage, %error, "work could not be settled; it comes back"),
        Err(broken) => tracing::error!(stage, error = %broken, "work broke off; it comes back"),
    }
    Ok(None)
}

impl Driver {
    /// A driver of the four stages on `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        let slot = Arc::new(Notify::new());
        let requests = requests_within(open_files());
        if requests < POLLS.min(READS) {
            tracing::warn!(
                files = open_files(),
                "few files may be open at once (ulimit -n, LimitNOFILE): only {requests} sources are asked at once"
            );
        }
        let asking = |most: usize| Slots::for_the_prompt(requests.min(most), &slot);
        let (polls, reads) = (asking(POLLS), asking(READS));
        Self {
            poll: Lane::new(Poll::new(Arc::clone(&pipeline)), polls),
            read: Lane::new(Read::new(Arc::clone(&pipeline)), reads),
            compose: Lane::new(Compose::new(Arc::clone(&pipeline)), Slots::kept(COMPOSES)),
            deliver: Lane::new(Deliver::new(Arc::clone(&pipeline)), Slots::kept(DELIVERIES)),
            slot,
            signals: Arc::new(Signals::new()),
            alone: false,
            complained: None,
            pipeline,
        }
    }

    /// The signals of this driver.
    pub fn signals(&self) -> Arc<Signals> {
        Arc::clone(&self.signals)
    }

    /// Runs until `stop`; [`Driver::drain`] ends what is then under way.
    pub async fn run(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        while !stop.is_cancelled() {
            if !self.hangs(Instant::now()) {
                self.signals.beat();
            }
            let rest = match self.round().await {
                Ok(rest) => rest,
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    self.complain(&error);
                    REFUSED
                }
            };
            if !rest.is_zero() {
                self.wait(rest, stop).await?;
            }
        }
        Ok(())
    }

    /// Whether anything is performed for longer than it can take: a watchdog then ends the process, and what
    /// it held is a suspect at the next start.
    fn hangs(&self, now: Instant) -> bool {
        self.poll.hangs(now) || self.read.hangs(now) || self.compose.hangs(now) || self.deliver.hangs(now)
    }

    /// Claims once; says how long to rest after that.
    async fn round(&mut self) -> Result<Duration, Error> {
        let pipeline = Arc::clone(&self.pipeline);
        let _steady = pipeline.hold_clock().await;
        let now = pipeline.clock.now();
        let claimed = self.fill(now, Timestamp::from_millis(i64::MAX)).await?;
        if claimed > 0 { Ok(Duration::ZERO) } else { self.until_due(now).await }
    }

    /// A full disk may stay full for days: it is told once a minute.
    fn complain(&mut self, error: &Error) {
        if self.complained.is_none_or(|at| at.elapsed() >= MINUTE) {
            tracing::error!(%error, "the store refuses; waiting");
            self.complained = Some(Instant::now());
        }
    }

    fn tell_refusals(&mut self) {
        let refused = [
            self.poll.refused.take(),
            self.read.refused.take(),
            self.compose.refused.take(),
            self.deliver.refused.take(),
        ];
        if let Some(error) = refused.into_iter().flatten().next() {
            self.complain(&error);
        }
    }

    /// Lets what is under way end and claims nothing more; what takes longer than `grace` is broken off.
    pub async fn drain(&mut self, grace: Grace) -> Result<(), Error> {
        if let Ok(ended) = tokio::time::timeout(grace.requests, self.end()).await {
            return ended;
        }
        self.poll.running.shutdown().await;
        self.read.running.shutdown().await;
        if let Ok(ended) = tokio::time::timeout(grace.mails, self.end()).await {
            return ended;
        }
        tracing::warn!("a mail was still under way; it goes again at the next start");
        self.compose.running.shutdown().await;
        self.deliver.running.shutdown().await;
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Error> {
        while self.under_way() > 0 {
            self.any_ended().await?;
        }
        Ok(())
    }

    /// Does everything that is due now, and what comes of it, until nothing more is; polls only feeds
    /// that were due by `polls_by`.
    pub async fn exhaust(&mut self, polls_by: Timestamp) -> Result<(), Error> {
        loop {
            let now = self.pipeline.clock.now();
            if self.fill(now, polls_by).await? == 0 {
                if self.under_way() == 0 {
                    return Ok(());
                }
                let slot = Arc::clone(&self.slot);
                tokio::select! {
                    ended = self.any_ended() => ended?,
                    () = slot.notified() => {}
                }
            }
        }
    }

    fn under_way(&self) -> usize {
        self.poll.running.len()
            + self.read.running.len()
            + self.compose.running.len()
            + self.deliver.running.len()
    }

    /// One round of claims.
    async fn fill(&mut self, now: Timestamp, polls_by: Timestamp) -> Result<usize, Error> {
        self.reap()?;
        self.tell_refusals();
        let usual = Window { now, polls_by: polls_by.min(now), pick: Pick::Usual };
        // Mails first: they may find room on a full disk where news finds none.
        let mut claimed =
            self.deliver.fill(usual, DELIVERIES).await? + self.compose.fill(usual, COMPOSES).await?;
        if let Some(alone) = self.fill_alone(usual).await? {
            return Ok(claimed + alone);
        }
        claimed += self.poll.fill(usual, POLLS).await?;
        claimed += self.read.fill(usual, READS).await?;
        Ok(claimed)
    }

    /// What was held when a process died runs alone among what reads outside data: while it is waited
    /// for, and while it runs, nothing else is polled or read. None: there is no such work.
    async fn fill_alone(&mut self, usual: Window) -> Result<Option<usize>, Error> {
        let busy = self.poll.running.len() + self.read.running.len() > 0;
        self.alone &= busy;
        if self.alone {
            return Ok(Some(0));
        }
        if !self.pipeline.store.has_suspects(usual.now).await? {
            return Ok(None);
        }
        if busy {
            return Ok(Some(0));
        }
        let window = Window { pick: Pick::Suspects, ..usual };
        let mut claimed = self.poll.fill(window, 1).await?;
        if claimed == 0 {
            claimed = self.read.fill(window, 1).await?;
        }
        self.alone = claimed > 0;
        Ok(self.alone.then_some(claimed))
    }

    fn reap(&mut self) -> Result<(), Error> {
        self.poll.reap()?;
        self.read.reap()?;
        self.compose.reap()?;
        self.deliver.reap()?;
        self.signals.polls.store(self.poll.ended, Ordering::Relaxed);
        self.signals.reads.store(self.read.ended, Ordering::Relaxed);
        self.signals.deliveries.store(self.deliver.ended, Ordering::Relaxed);
        Ok(())
    }

    async fn any_ended(&mut self) -> Result<(), Error> {
        tokio::select! {
            ended = self.poll.ended() => ended,
            ended = self.read.ended() => ended,
            ended = self.compose.ended() => ended,
            ended = self.deliver.ended() => ended,
        }
    }

    async fn wait(&mut self, sleep: Duration, stop: &CancellationToken) -> Result<(), Error> {
        let (signals, slot) = (Arc::clone(&self.signals), Arc::clone(&self.slot));
        tokio::select! {
            ended = self.any_ended() => ended,
            () = slot.notified() => Ok(()),
            () = signals.wake.notified() => Ok(()),
            () = tokio::time::sleep(sleep) => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    }

    /// How long nothing can become due, for the stages that have free slots.
    async fn until_due(&self, now: Timestamp) -> Result<Duration, Error> {
        let due = self.pipeline.store.next_due().await?;
        let open = [
            due.poll.filter(|_| self.poll.free() > 0),
            due.read.filter(|_| self.read.free() > 0),
            due.compose,
            due.deliver.filter(|_| self.deliver.free() > 0),
        ];
        let next = open.into_iter().flatten().min();
        // A host that is due and yet not claimable (its work waits alone, or behind its own) is no hurry.
        Ok(next.map_or(PATIENCE, |at| at.since(now)).clamp(SECOND / 20, PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_fit_into_the_files_that_may_be_open() {
        let cases = [(None, 24), (Some(1024), 24), (Some(256), 7), (Some(64), 1), (Some(8), 1)];
        for (files, requests) in cases {
            assert_eq!(requests_within(files), requests, "{files:?}");
        }
    }

    /// Work that takes as long as a test wants it to.
    struct Slow(Arc<Notify>);

    impl Stage for Slow {
        const NAME: &'static str = "slow";
        const DEADLINE: Duration = MINUTE;
        type Lease = ();
        type Outcome = ();

        async fn claim(&self, _: Window, limit: usize) -> Result<Vec<()>, Error> {
            Ok(vec![(); limit])
        }

        async fn perform(&self, (): &()) {
            self.0.notified().await;
        }

        async fn settle(&self, (): (), (): ()) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_performed_for_longer_than_it_can_take_has_hung() {
        let ends = Arc::new(Notify::new());
        let mut lane = Lane::new(Slow(Arc::clone(&ends)), Slots::kept(2));
        let now = Timestamp::from_millis(0);
        let window = Window { now, polls_by: now, pick: Pick::Usual };
        let after = |time: Duration| Instant::now() + time;
        assert!(!lane.hangs(after(9 * MINUTE)), "nothing is under way");
        assert_eq!(lane.fill(window, 2).await.unwrap(), 2);
        assert!(!lane.hangs(after(59 * SECOND)), "it may take its time");
        assert!(lane.hangs(after(MINUTE + SECOND)));
        ends.notify_one();
        lane.ended().await.unwrap();
        assert!(lane.hangs(after(MINUTE + SECOND)), "the other is still under way");
        ends.notify_one();
        lane.ended().await.unwrap();
        assert!(!lane.hangs(after(MINUTE + SECOND)));
    }
}
