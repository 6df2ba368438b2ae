//! A simulated week: many sources, people and a mail server, every fault at random, and at its end the
//! ledger compared with what the world saw. A run follows from its seed; `benches/week.rs` runs it at full size.

#[path = "week/chance.rs"]
pub mod chance;
#[path = "week/daemon.rs"]
mod daemon;
#[path = "week/events.rs"]
mod events;
#[path = "week/oracle.rs"]
mod oracle;
#[path = "week/people.rs"]
mod people;
#[path = "week/post.rs"]
mod post;
#[path = "week/web.rs"]
mod web;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use habar::io::store::requests::{Request, ask};
use habar::time::{HOUR, MINUTE, SECOND, Timestamp};

use crate::web::Web;
use chance::Chance;
use daemon::{Daemon, Held, Step};
use events::{Event, Queue};
use oracle::Oracle;
use people::{Roster, Times};
use post::Post;
use web::{Clocks, Sites};

/// Friday, 15 January 2027, 08:00 UTC.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// All chance follows from it.
    pub seed: u64,
    /// Outlets with a feed each.
    pub sources: usize,
    /// How long things go wrong.
    pub time: Duration,
    /// How long nothing goes wrong after that: pages are tried for five hours, and then there is a digest of the day.
    pub calm: Duration,
}

/// What a run has met.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<(&'static str, usize)>);

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

/// Runs a world of this size; the error says what is wrong at its end, a line each.
pub async fn run(size: Size) -> Result<Figures, String> {
    let mut week = Week::new(size).await;
    week.live(START + size.time).await;
    week.calm(size.calm).await;
    week.live(START + size.time + size.calm).await;
    week.judge()
}

struct Week {
    sites: Arc<Mutex<Sites>>,
    // It answers as long as it lives.
    _web: Web,
    post: Post,
    daemon: Daemon,
    clocks: Clocks,
    roster: Roster,
    times: Times,
    oracle: Oracle,
    queue: Queue,
    chance: Chance,
}

impl Week {
    async fn new(size: Size) -> Self {
        let chance = Chance::new(size.seed);
        let clocks = Clocks::new(START);
        let web = Web::at("0.0.0.0").await;
        let port = web.url("/").port().unwrap();
        let sites = Sites::new(clocks.clone(), size.sources, port, chance.branch(1));
        let sites = Arc::new(Mutex::new(sites));
        let minded = Arc::clone(&sites);
        web.give_mind(Box::new(move |asked| minded.lock().unwrap().answer(asked)));
        let mut week = Self {
            sites,
            _web: web,
            post: Post::start(chance.branch(2)).await,
            daemon: Daemon::new(clocks.clone(), chance.branch(3)),
            clocks,
            roster: Roster::all(size.sources),
            times: Times::default(),
            oracle: Oracle::default(),
            queue: Queue::fill(size, START, chance.branch(4)),
            chance: chance.branch(5),
        };
        // Some sources are added later.
        for outlet in 0..size.sources {
            if week.chance.one_in(12) {
                week.roster.sources.remove(&outlet);
                week.queue.push(START + week.chance.time(HOUR, size.time), Event::AddSource(outlet));
            }
            for _ in 0..week.chance.below(4) {
                week.sites().publish(outlet);
            }
        }
        week.times.note(&week.roster, START);
        let config = week.config();
        week.daemon.start(&config).await;
        week
    }

    fn sites(&self) -> MutexGuard<'_, Sites> {
        self.sites.lock().unwrap()
    }

    fn config(&self) -> String {
        self.roster.config(&self.sites(), self.post.server.port)
    }

    fn now(&self) -> Timestamp {
        self.clocks.now()
    }

    /// Everything happens when it is due, until `end`.
    async fn live(&mut self, end: Timestamp) {
        while self.now() < end {
            while let Some(event) = self.queue.due(self.now()) {
                self.happen(event).await;
            }
            match self.daemon.step(&mut self.post).await {
                Step::Worked => {}
                Step::Polled(address) => self.polled(&address),
                Step::Died(held) => self.die(&held).await,
                Step::Idle => self.wait(end).await,
            }
        }
    }

    /// The clock goes on to what comes next.
    async fn wait(&mut self, end: Timestamp) {
        let due = self.daemon.rest().await.unwrap_or(MINUTE);
        let event = self.queue.next().map_or(MINUTE, |at| at.since(self.now()));
        self.clocks.pass(due.min(event).min(end.since(self.now())).max(SECOND));
    }

    fn polled(&mut self, address: &str) {
        let sites = self.sites.lock().unwrap();
        self.oracle.polled(&sites, self.daemon.look(), address, self.clocks.now());
    }

    async fn die(&mut self, held: &[Held]) {
        let now = self.now();
        {
            let mut sites = self.sites.lock().unwrap();
            self.oracle.died(&mut sites, held, now);
        }
        self.daemon.kill();
        let most = if self.chance.one_in(10) { 2 * HOUR } else { 20 * SECOND };
        self.clocks.pass(self.chance.time(5 * SECOND, most));
        let config = self.config();
        self.daemon.start(&config).await;
        self.oracle.disturbed(now, self.now());
    }

    /// Nothing goes wrong any more.
    async fn calm(&mut self, time: Duration) {
        self.queue.clear();
        self.sites().faulty = false;
        self.post.faulty = false;
        self.post.down = None;
        self.daemon.dies = None;
        for outlet in &mut self.sites().outlets {
            outlet.fault = None;
        }
        if self.daemon.full {
            self.set_disk(false).await;
        }
        let mut at = self.now();
        for _ in 0..time.as_secs() / HOUR.as_secs() {
            at = at + HOUR;
            self.queue.push(at, Event::Look);
        }
    }

    fn judge(self) -> Result<Figures, String> {
        let look = self.daemon.look();
        let taken = self.post.taken();
        let sites = self.sites.lock().unwrap();
        self.oracle.judge(&sites, look, &self.post, &taken, &self.times, self.clocks.now())
    }

    fn request(&mut self, request: &Request) {
        match ask(&self.daemon.state(), request, self.clocks.shown()) {
            Ok(found) => assert!(found, "{request:?}"),
            Err(error) => panic!("{error}"),
        }
    }

    async fn put_in_force(&mut self) {
        let config = self.config();
        self.daemon.reload(&config).await.unwrap();
        self.times.note(&self.roster, self.now());
    }

    async fn set_disk(&mut self, full: bool) {
        self.daemon.fill_disk(full).await;
        self.oracle.disk(self.now(), full);
    }
}

#[tokio::test]
async fn a_day_of_faults_loses_nothing_and_tells_nothing_twice() {
    for seed in 1..=3 {
        let size = Size { seed, sources: 8, time: 20 * HOUR, calm: 7 * HOUR };
        if let Err(wrong) = run(size).await {
            panic!("seed {seed}:\n{wrong}");
        }
    }
}
