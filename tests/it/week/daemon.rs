//! The daemon of the simulation: the real stages on the real store, one step at a time, so that chance
//! alone decides what comes before what, and where the process dies.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use habar::config::{self, Environment};
use habar::daemon::assemble::assemble;
use habar::daemon::prepare;
use habar::daemon::steps::{self, Step as ClockStep};
use habar::io::store::entries::{DueEntry, ReadPlan};
use habar::io::store::feeds::DueFeed;
use habar::io::store::lease::{Lease, Pick};
use habar::io::store::outbox::{ComposePlan, DueMessage, DueRecipient};
use habar::io::store::{Error, FILE_NAME, Store, open_read_only};
use habar::pipeline::compose::Compose;
use habar::pipeline::deliver::{Deliver, Tried};
use habar::pipeline::poll::{Poll, Seen};
use habar::pipeline::read::Read;
use habar::pipeline::{Pipeline, Plan, Stage, Window};
use habar::time::{HOUR, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::chance::Chance;
use super::post::Post;
use super::web::Clocks;

/// As many of a stage are under way at most as the driver allows.
const POLLS: usize = 24;
const MAILS: usize = 4;

/// See the top of this file.
pub struct Daemon {
    pipeline: Option<Arc<Pipeline>>,
    look: Option<Connection>,
    /// Work under way, and when it can go on.
    busy: Vec<(Timestamp, Work)>,
    clocks: Clocks,
    dir: TempDir,
    chance: Chance,
    /// Where it dies next.
    pub dies: Option<Point>,
    /// The disk is full.
    pub full: bool,
    /// Settles that the store refused.
    pub refused: usize,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    AfterClaim,
    AfterWork,
    InsideSettle,
}

/// Work under way, and what came of it if it is done.
enum Work {
    Poll(Lease<DueFeed>, Option<Box<Seen>>),
    Read(Vec<Lease<DueEntry>>, Option<Vec<ReadPlan>>),
    Compose(Lease<DueRecipient>, Option<ComposePlan>),
    Deliver(Lease<DueMessage>, Option<Tried>),
}

impl Work {
    fn asks_the_web(&self) -> bool {
        matches!(self, Self::Poll(..) | Self::Read(..))
    }
}

/// What a step did.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is due.
    Idle,
    /// Something went on.
    Worked,
    /// A poll of this feed is settled.
    Polled(String),
    /// The process has died, holding this.
    Died(Vec<Held>),
}

/// What was held when the process died.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    Feed(String),
    /// A page by its link, and how often the process had died with it before.
    Page(String, u32),
    Other,
}

impl Daemon {
    /// One that does not run yet.
    pub fn new(clocks: Clocks, chance: Chance) -> Self {
        // A commit that is durable costs nothing there, and a simulated machine loses no power.
        let shm = std::path::Path::new("/dev/shm");
        let dir = if shm.is_dir() { TempDir::new_in(shm) } else { TempDir::new() }.unwrap();
        let (busy, pipeline) = (Vec::new(), None);
        Self { pipeline, look: None, busy, clocks, dir, chance, dies: None, full: false, refused: 0 }
    }

    pub fn pipeline(&self) -> &Arc<Pipeline> {
        self.pipeline.as_ref().expect("the daemon runs")
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Starts under this config.
    pub async fn start(&mut self, config: &str) {
        let now = self.clocks.shown();
        let store = Store::open(&self.state(), now).unwrap();
        let plan = self.plan(config, &store).await;
        prepare(&store, now, &plan).await.unwrap();
        let pipeline = Pipeline::new(store, self.clocks.clock(), plan);
        // The price is not worth a start: a disk that is full keeps the old one.
        let _ = pipeline.recall_price().await;
        self.pipeline = Some(pipeline);
        self.look = Some(open_read_only(&self.state()).unwrap());
        self.fill_disk(self.full).await;
    }

    /// The process is gone, and what it held stays held.
    pub fn kill(&mut self) {
        self.busy.clear();
        self.look = None;
        self.pipeline = None;
        self.dies = None;
    }

    async fn plan(&self, text: &str, store: &Store) -> Plan {
        let path = self.dir.path().join("habar.toml");
        std::fs::write(&path, text).unwrap();
        let config = config::load_in(&path, &Environment::default()).unwrap_or_else(|e| panic!("{e}"));
        assemble(&config, store, self.clocks.shown(), None).await.unwrap()
    }

    /// Another config is put in force.
    pub async fn reload(&self, config: &str) -> Result<(), Error> {
        let store = &self.pipeline().store;
        let path = self.dir.path().join("habar.toml");
        std::fs::write(&path, config).unwrap();
        let config = config::load_in(&path, &Environment::default()).unwrap_or_else(|e| panic!("{e}"));
        match assemble(&config, store, self.clocks.shown(), None).await {
            Ok(plan) => self.pipeline().replace_plan(plan),
            Err(habar::daemon::Error::Store(error)) => return Err(error),
            Err(error) => panic!("{error}"),
        }
        store.heed_requests().await.map(drop)
    }

    /// The wall clock was set, or the machine has slept.
    pub async fn take_step(&self, step: ClockStep) {
        let taken = steps::adopt(self.pipeline(), step).await;
        assert!(taken.is_ok_and(|at| at.is_some()), "nobody holds the clock between two turns");
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The disk is full from now on, or it has room again.
    pub async fn fill_disk(&mut self, full: bool) {
        self.full = full;
        let connection = Connection::open(self.state().join(FILE_NAME)).unwrap();
        // Free pages inside the file are room as well.
        let sql = if full {
            "INSERT OR REPLACE INTO meta (key, value) SELECT 'filler', zeroblob(4096 * freelist_count) FROM pragma_freelist_count"
        } else {
            "DELETE FROM meta WHERE key = 'filler'"
        };
        connection.execute(sql, []).unwrap();
        let pages = if full { 0 } else { u32::MAX - 2 };
        self.pipeline().store.limit_pages(pages).await.unwrap();
    }

    /// What the keeper does once an hour.
    pub async fn clean(&self, keep: Duration) {
        let (store, now) = (&self.pipeline().store, self.clocks.shown());
        let _ = self.pipeline().find_price(HOUR).await;
        let _ = store.end_notices(now).await;
        let _ = store.forget_before(now - keep).await;
    }

    /// A connection that only looks.
    pub fn look(&self) -> &Connection {
        self.look.as_ref().expect("the daemon runs")
    }

    /// How long nothing can be done.
    pub async fn rest(&self) -> Option<Duration> {
        let due = self.pipeline().store.next_due().await.unwrap();
        let due = [due.poll, due.read, due.compose, due.deliver].into_iter().flatten().min();
        let ends = self.busy.iter().map(|(at, _)| at.since(self.clocks.now())).min();
        due.map(|at| at.since(self.clocks.shown())).into_iter().chain(ends).min()
    }

    /// Claims what is due, and brings one piece of work that is under way one step further.
    pub async fn step(&mut self, post: &mut Post) -> Step {
        match self.fill().await {
            Ok(()) => {}
            Err(Error::Full) => self.refused += 1,
            Err(error) => panic!("{error}"),
        }
        let now = self.clocks.now();
        let ready: Vec<usize> = (0..self.busy.len()).filter(|at| self.busy[*at].0 <= now).collect();
        if ready.is_empty() {
            return Step::Idle;
        }
        let (_, work) = self.busy.swap_remove(*self.chance.pick(&ready));
        let dies = self.dies;
        if dies == Some(Point::AfterClaim) {
            return self.die(work);
        }
        let work = self.perform(work, post).await;
        let answered = self.clocks.answered();
        match dies {
            Some(Point::AfterWork) => return self.die(work),
            Some(Point::InsideSettle) if self.full => return self.die(work),
            Some(Point::InsideSettle) => {
                let held =
                    held(&work).into_iter().chain(self.busy.iter().flat_map(|(_, w)| held(w))).collect();
                self.break_store(true);
                let _ = self.settle(work).await;
                self.break_store(false);
                return Step::Died(held);
            }
            _ => {}
        }
        // Now and then others overtake it.
        if answered > now || self.chance.one_in(12) {
            self.busy.push((answered, work));
            return Step::Worked;
        }
        match self.settle(work).await {
            Ok(polled) => polled.map_or(Step::Worked, Step::Polled),
            Err(Error::Full) => {
                self.refused += 1;
                Step::Worked
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn die(&mut self, work: Work) -> Step {
        self.busy.push((self.clocks.now(), work));
        Step::Died(self.busy.iter().flat_map(|(_, work)| held(work)).collect())
    }

    /// As the driver does: what was held when the process died runs alone.
    async fn fill(&mut self) -> Result<(), Error> {
        let now = self.clocks.shown();
        let pipeline = Arc::clone(self.pipeline());
        let due = pipeline.store.next_due().await?;
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let window = |pick| Window { now, polls_by: now, pick };
        let room = |busy: &[(Timestamp, Work)], is: fn(&Work) -> bool, most: usize| {
            most.saturating_sub(busy.iter().filter(|(_, work)| is(work)).count())
        };
        let from = self.clocks.now();
        if is_due(due.compose) {
            let free = room(&self.busy, |w| matches!(w, Work::Compose(..)), MAILS);
            let claimed = Compose::new(Arc::clone(&pipeline)).claim(window(Pick::Usual), free).await?;
            self.busy.extend(claimed.into_iter().map(|lease| (from, Work::Compose(lease, None))));
        }
        if is_due(due.deliver) {
            let free = room(&self.busy, |w| matches!(w, Work::Deliver(..)), MAILS);
            let claimed = Deliver::new(Arc::clone(&pipeline)).claim(window(Pick::Usual), free).await?;
            self.busy.extend(claimed.into_iter().map(|lease| (from, Work::Deliver(lease, None))));
        }
        if !is_due(due.poll) && !is_due(due.read) {
            return Ok(());
        }
        let (mut pick, mut polls) = (Pick::Usual, room(&self.busy, |w| matches!(w, Work::Poll(..)), POLLS));
        let mut reads = room(&self.busy, |w| matches!(w, Work::Read(..)), POLLS);
        if pipeline.store.has_suspects(now).await? {
            if self.busy.iter().any(|(_, work)| work.asks_the_web()) {
                return Ok(());
            }
            (pick, polls, reads) = (Pick::Suspects, 1, 1);
        }
        let before = self.busy.len();
        if polls > 0 {
            let claimed = Poll::new(Arc::clone(&pipeline)).claim(window(pick), polls).await?;
            self.busy.extend(claimed.into_iter().map(|lease| (from, Work::Poll(lease, None))));
        }
        if reads > 0 && (pick == Pick::Usual || self.busy.len() == before) {
            let claimed = Read::new(pipeline).claim(window(pick), reads).await?;
            self.busy.extend(claimed.into_iter().map(|leases| (from, Work::Read(leases, None))));
        }
        Ok(())
    }

    async fn perform(&self, work: Work, post: &mut Post) -> Work {
        let pipeline = Arc::clone(self.pipeline());
        match work {
            Work::Poll(lease, None) => {
                let asked = Poll::new(pipeline).perform(&lease).await;
                Work::Poll(lease, Some(Box::new(asked)))
            }
            Work::Read(leases, None) => {
                let plans = Read::new(pipeline).perform(&leases).await;
                Work::Read(leases, Some(plans))
            }
            Work::Compose(lease, None) => {
                let plan = Compose::new(pipeline).perform(&lease).await;
                Work::Compose(lease, Some(plan))
            }
            Work::Deliver(lease, None) => {
                post.expect(&lease.job.message_id, self.clocks.now());
                let tried = Deliver::new(pipeline).perform(&lease).await;
                Work::Deliver(lease, Some(tried))
            }
            done => done,
        }
    }

    async fn settle(&self, work: Work) -> Result<Option<String>, Error> {
        let pipeline = Arc::clone(self.pipeline());
        match work {
            Work::Poll(lease, Some(asked)) => {
                let url = lease.job.url.clone();
                Poll::new(pipeline).settle(lease, *asked).await?;
                return Ok(Some(url));
            }
            Work::Read(leases, Some(plans)) => Read::new(pipeline).settle(leases, plans).await?,
            Work::Compose(lease, Some(plan)) => Compose::new(pipeline).settle(lease, plan).await?,
            Work::Deliver(lease, Some(tried)) => Deliver::new(pipeline).settle(lease, tried).await?,
            _ => {}
        }
        Ok(None)
    }

    /// The last statements of every settle fail, as if the process had died before its commit.
    fn break_store(&self, broken: bool) {
        const LATE: [(&str, &str); 4] = [
            ("boom_poll", "UPDATE OF polled_at ON feeds"),
            ("boom_read", "INSERT ON articles"),
            ("boom_compose", "INSERT ON bodies"),
            ("boom_deliver", "UPDATE OF settled_at ON messages"),
        ];
        let connection = Connection::open(self.state().join(FILE_NAME)).unwrap();
        for (name, late) in LATE {
            let sql = if broken {
                format!("CREATE TRIGGER {name} BEFORE {late} BEGIN SELECT RAISE(ABORT, 'boom'); END")
            } else {
                format!("DROP TRIGGER {name}")
            };
            connection.execute_batch(&sql).unwrap();
        }
    }
}

fn held(work: &Work) -> Vec<Held> {
    match work {
        Work::Poll(lease, _) => vec![Held::Feed(lease.job.url.clone())],
        Work::Read(leases, _) => leases
            .iter()
            .map(|lease| Held::Page(lease.job.link.clone().unwrap_or_default(), lease.crashes))
            .collect(),
        _ => vec![Held::Other],
    }
}
