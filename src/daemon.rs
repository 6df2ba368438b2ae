//! The daemon: wires configuration, store and stages together, and keeps them running.
//!
//! [`run`] is the service, [`once`] the same machine driven until nothing is due. Beside the driver
//! runs the [`keeper`]: reload, requests of other processes, clock jumps, retention, the watchdog.

pub mod assemble;
mod files;
mod keeper;
mod round;
pub mod steps;
pub mod systemd;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Errors};
use crate::domain::digest::release::Rule;
use crate::domain::schedule;
use crate::io::store::{self, Store};
use crate::io::{http, tls};
use crate::pipeline::driver::{Driver, Grace, Signals};
use crate::pipeline::poll::look_after_sources;
use crate::pipeline::{Pipeline, Plan};
use crate::time::{Clock, Timestamp};

use assemble::{assemble, check_sandbox};
use files::Files;
use keeper::Keeper;
use round::FirstRound;
use systemd::Ends;

/// What is under way at the end gets this long; systemd and people wait no more than 40 s.
const GRACE: Grace = Grace { requests: Duration::from_secs(3), mails: Duration::from_secs(32) };

/// Why the daemon could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has errors.
    #[error("{0}")]
    Config(#[from] Errors),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] http::SetupError),
    /// A keyword.
    #[error(transparent)]
    Keyword(#[from] crate::domain::watch::KeywordError),
    /// The sandbox of the unit keeps mail from leaving; with the remedy.
    #[error("mail cannot leave from inside this unit: {0}")]
    Sandbox(String),
    /// `once` was told to stop before it was done.
    #[error("stopped by {0} before everything was done; what is left comes next time")]
    Stopped(&'static str),
    /// The process cannot hear signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// Runs the service until SIGTERM or SIGINT. `path` is watched and read again when it changes.
pub async fn run(path: PathBuf, config: Config, state: &Path) -> Result<(), Error> {
    // First of all: what is saved from now on is a change.
    let files = Files::look(&config.files);
    let mut ends = Ends::listen().map_err(Error::Signals)?;
    let hangup = systemd::hangup().map_err(Error::Signals)?;
    check_sandbox(&config, state).await?;
    let clock = Clock::steady();
    let store = open(state, &clock).await?;
    let plan = assemble(&config, &store, clock.now(), None).await?;
    let start = clock.now();
    let round = FirstRound::new(start, prepare(&store, start, &plan).await?);
    let pipeline = Pipeline::new(store, clock, plan);
    pipeline.recall_price().await?;
    let driver = Driver::new(Arc::clone(&pipeline));
    let (sources, watches) = (config.sources.len(), config.watches.len());
    let keeper = Keeper::new(path, config, files, hangup, Arc::clone(&pipeline), driver.signals(), round);
    let keeping = tokio::spawn(keeper.run());
    systemd::ready();
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, state = %state.display(), sources, watches, "habar runs");
    let ended = serve(driver, keeping, &mut ends).await;
    if ended.is_ok() {
        pipeline.store.let_go(pipeline.clock.now()).await?;
    }
    ended
}

/// What a start finds in the store is brought into reach, and its overdue polls are spread over the time it returns.
pub async fn prepare(store: &Store, now: Timestamp, plan: &Plan) -> Result<Duration, store::Error> {
    heed(store).await?;
    store.clamp(now, plan.clamp(now)).await?;
    let overdue = store.count_overdue(now).await?;
    let over = schedule::start_spread(overdue, plan.rhythm.floor);
    store.spread_polls(now, over).await?;
    Ok(over)
}

/// Heeds what other processes have asked for.
async fn heed(store: &Store) -> Result<(), store::Error> {
    for asked in store.heed_requests().await? {
        // A source's address may carry a secret.
        let subject = http::shown(&asked.subject);
        tracing::info!(what = asked.what, subject, "request heeded");
    }
    Ok(())
}

/// Drives until a signal ends it or the driver gives up; a second signal ends the waiting for what is under way.
async fn serve(driver: Driver, keeping: JoinHandle<store::Error>, ends: &mut Ends) -> Result<(), Error> {
    let mut keeping = keeping;
    let stop = CancellationToken::new();
    let mut driving = tokio::spawn(drive(driver, stop.clone(), GRACE));
    tokio::select! {
        ended = &mut driving => return flatten(ended),
        ended = &mut keeping => return flatten(ended.map(Err)),
        signal = ends.next() => tracing::info!(signal, "habar stops"),
    }
    // Gone before systemd hears that we stop: it must not be told then that we are ready.
    keeping.abort();
    let _ = keeping.await;
    systemd::stopping();
    stop.cancel();
    tokio::select! {
        ended = &mut driving => return flatten(ended),
        signal = ends.next() => tracing::warn!(signal, "habar stops at once"),
    }
    driving.abort();
    let _ = driving.await;
    Ok(())
}

/// Drives until `stop`, then lets what is under way end within `grace`.
pub async fn drive(mut driver: Driver, stop: CancellationToken, grace: Grace) -> Result<(), store::Error> {
    driver.run(&stop).await?;
    driver.drain(grace).await
}

fn flatten(ended: Result<Result<(), store::Error>, JoinError>) -> Result<(), Error> {
    match ended {
        Ok(result) => result.map_err(Error::from),
        Err(_) => Err(Error::Store(store::Error::Closed)),
    }
}

async fn open(state: &Path, clock: &Clock) -> Result<Store, store::Error> {
    let (state, now) = (state.to_owned(), clock.now());
    let mut opening = tokio::task::spawn_blocking(move || Store::open(&state, now));
    loop {
        // A new schema copies the store first, which may take longer than a start usually may.
        match tokio::time::timeout(systemd::STARTS_WITHIN / 3, &mut opening).await {
            Ok(opened) => return opened.unwrap_or(Err(store::Error::Closed)),
            Err(_) => systemd::starting(),
        }
    }
}

/// Polls every due source once (with `all`: every one that its server does not forbid), reads until no
/// page is due, composes what is held, and gives every message one attempt.
pub async fn once(
    config: &Config,
    state: &Path,
    all: bool,
    watch: impl FnOnce(Arc<Signals>),
) -> Result<(), Error> {
    let mut ends = Ends::listen().map_err(Error::Signals)?;
    let clock = Clock::System;
    let store = open(state, &clock).await?;
    let plan = assemble(config, &store, clock.now(), None).await?;
    let last_poll = store.last_poll().await?;
    let pipeline = Pipeline::new(store, clock, plan);
    let mut driver = Driver::new(Arc::clone(&pipeline));
    watch(driver.signals());
    let round = async {
        pipeline.recall_price().await?;
        exhaust(&pipeline, &mut driver, all).await?;
        clean(&pipeline, config.store.keep, last_poll).await
    };
    let ended = tokio::select! {
        ended = round => return Ok(ended?),
        signal = ends.next() => Err(Error::Stopped(signal)),
    };
    drop(driver);
    pipeline.store.let_go(pipeline.clock.now()).await?;
    ended
}

/// Steps of cleaning at the end of [`once`]: a second's work at the most.
const CLEANING: usize = 50;
/// A clock that is so far ahead of the last poll may have been set wrong: nothing is forgotten by it.
const TRUSTED: Duration = Duration::from_hours(30 * 24);

/// Forgets some of what is older than `keep`.
async fn clean(
    pipeline: &Pipeline,
    keep: Duration,
    last_poll: Option<Timestamp>,
) -> Result<(), store::Error> {
    let (store, now) = (&pipeline.store, pipeline.clock.now());
    if last_poll.is_none_or(|at| now.since(at) > TRUSTED) {
        return Ok(());
    }
    store.end_notices(now).await?;
    for _ in 0..CLEANING {
        if store.forget_before(now - keep).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// What [`once`] does, on a pipeline that stands.
pub async fn exhaust(pipeline: &Pipeline, driver: &mut Driver, all: bool) -> Result<(), store::Error> {
    let store = &pipeline.store;
    let start = pipeline.clock.now();
    heed(store).await?;
    store.clamp(start, pipeline.plan().clamp(start)).await?;
    store.make_messages_due(start).await?;
    if all {
        store.make_all_due(start).await?;
    }
    loop {
        driver.exhaust(start).await?;
        let now = pipeline.clock.now();
        let Some(next) = store.next_request(now, start).await? else { break };
        tokio::time::sleep(next.since(now).max(Duration::from_millis(1))).await;
    }
    let plan = pipeline.plan();
    look_after_sources(pipeline).await?;
    let prompt = plan.watches.iter().filter(|watch| watch.timing.rule == Rule::Now);
    let subscriptions = prompt.flat_map(|watch| watch.subscriptions.iter().copied()).collect();
    store.release_now(subscriptions, pipeline.clock.now()).await?;
    driver.exhaust(start).await
}
