//! What 10,000 feeds cost before any is asked: `cargo bench --bench planner [-- FEEDS]`. One line a figure,
//! in CPU time of the process.
//!
//! `tick` finds the price of a request anew; `claim` takes 24 polls while all feeds are due, and looks for one
//! while none is; `storm` is the most polls that fall into one second of a start when all are overdue.

use std::fmt::Write as _;
use std::time::Duration;

use habar::config::{self, Environment};
use habar::daemon::assemble::assemble;
use habar::daemon::prepare;
use habar::domain::schedule::rate::Rate;
use habar::io::mail::{Mailer, Memory};
use habar::io::store::lease::Pick;
use habar::io::store::{FILE_NAME, Store};
use habar::pipeline::Pipeline;
use habar::time::{Clock, HOUR, Timestamp};
use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ROUNDS: usize = 21;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let feeds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
    let dir = tempfile::tempdir().expect("a folder for the run");
    let state = dir.path().join("state");
    let file = dir.path().join("habar.toml");
    std::fs::write(&file, configured(feeds)).expect("the config is written");
    let config = config::load_in(&file, &Environment::default()).expect("the config is right");
    let begun = cpu();
    let store = Store::open(&state, NOW).expect("a store is made");
    let mailer = Some(Mailer::Memory(Memory::new()));
    let plan = assemble(&config, &store, NOW, mailer).await.expect("the config is put in force");
    println!("planner {feeds}-feeds enrolled {:.0} CPU ms", milliseconds(begun));
    learn(&state.join(FILE_NAME));

    let begun = cpu();
    prepare(&store, NOW, &plan).await.expect("the start is prepared");
    println!("planner start {:.0} CPU ms", milliseconds(begun));
    println!("planner storm {} polls in the busiest second", storm(&state.join(FILE_NAME)));

    let pipeline = Pipeline::new(store, Clock::manual(NOW), plan);
    let tick = async || pipeline.find_price(Duration::from_mins(10)).await.expect("a price is found");
    println!("planner tick {:.2} CPU ms", median(tick).await);
    let (store, idle) = (&pipeline.store, NOW - HOUR);
    let claim = async |at: Timestamp| {
        let claimed = store.claim_polls(at, at, Pick::Usual, 24).await.expect("polls are claimed");
        assert_eq!(claimed.len(), if at == idle { 0 } else { 24 });
    };
    println!("planner claim-of-24 {:.2} CPU ms", median(async || claim(NOW + HOUR).await).await);
    println!("planner claim-of-none {:.2} CPU ms", median(async || claim(idle).await).await);
}

fn configured(feeds: usize) -> String {
    let mut text = "[mail]\nfrom = \"habar@example.org\"\nto = [\"desk@example.org\"]\n".to_owned();
    for feed in 0..feeds {
        let _ = write!(text, "[[source]]\nurl = \"https://outlet{feed}.example/feed.xml\"\n");
    }
    text
}

/// Each feed was polled before, and brings from one item in ten days to a hundred a day.
fn learn(file: &std::path::Path) {
    let mut store = Connection::open(file).expect("the store is there");
    let tx = store.transaction().expect("a transaction");
    let ids: Vec<i64> = tx
        .prepare("SELECT id FROM feeds")
        .and_then(|mut ids| ids.query_map([], |row| row.get(0))?.collect())
        .expect("feeds are listed");
    for id in ids {
        let every = HOUR.mul_f64(240.0 / f64::from(u32::try_from(id % 1000).unwrap_or(0) + 1));
        let dates: Vec<_> = (1..=30).map(|n| NOW - every * n).collect();
        let rate = Rate::first(NOW, &dates);
        tx.execute(
            "UPDATE feeds SET rate = ?2, level = ?3, shows = 30, seen_at = 1, polled_at = 1, worked_at = 1,
                 health = 'fine', due_at = 1 WHERE id = ?1",
            params![id, rate.to_bytes(), rate.level()],
        )
        .expect("a feed is known");
    }
    tx.commit().expect("all are known");
}

fn storm(file: &std::path::Path) -> i64 {
    let store = Connection::open(file).expect("the store is there");
    let sql = "SELECT max(polls) FROM (SELECT count(*) AS polls FROM feeds GROUP BY due_at / 1000)";
    store.query_row(sql, [], |row| row.get(0)).expect("feeds are counted")
}

async fn median(work: impl AsyncFn()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = cpu();
        work().await;
        times.push(milliseconds(begun));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What this process has used of the processors.
fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn milliseconds(since: Duration) -> f64 {
    cpu().saturating_sub(since).as_secs_f64() * 1000.0
}
