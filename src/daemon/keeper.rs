//! What has to be looked after beside the stages, once a second: the config file, requests of other
//! processes, the clock, old articles, and the watchdog.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;

use super::assemble::{assemble, check_sandbox};
use super::files::Files;
use super::round::FirstRound;
use super::steps::{self, Steps};
use super::{Error, systemd};
use crate::config::{self, Config, Errors, asked_otherwise, change_summary};
use crate::domain::schedule::price;
use crate::io::store;
use crate::pipeline::Pipeline;
use crate::pipeline::driver::Signals;
use crate::pipeline::plan::WatchPlan;
use crate::pipeline::poll::look_after_sources;
use crate::time::{DAY, HOUR, MINUTE, SECOND};

/// The driver goes round at least every few seconds; silent for this long, it hangs.
const HANGS: Duration = Duration::from_secs(30);
/// Nothing is forgotten so soon after a start or a step: the clock may be wrong, and be set right.
const CLEAN_AFTER_START: Duration = Duration::from_mins(10);
const CLEAN_AFTER_STEP: Duration = DAY;
/// A store that refuses again and again is told of this often.
const COMPLAINT: Duration = MINUTE;
/// A config that there was no room to put in force is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Files that are named only by files that were just read are looked at after them: once more, then.
const READINGS: usize = 3;

/// Looks after the daemon.
pub struct Keeper {
    path: PathBuf,
    config: Config,
    pipeline: Arc<Pipeline>,
    signals: Arc<Signals>,
    hangup: Signal,
    files: Files,
    written: i64,
    steps: Steps,
    /// When what was decided before a step has been written too.
    clamp_at: Option<Instant>,
    clean_at: Instant,
    beaten: Option<Instant>,
    complained: Option<Instant>,
    sources_at: Instant,
    priced_at: Instant,
    round: Option<FirstRound>,
    day: Day,
    held_up: Option<HeldUp>,
    /// The file had errors when it was read last.
    refused: bool,
}

/// A config that was read well, and that the store refused in passing.
struct HeldUp {
    config: Config,
    why: Why,
    again_at: Instant,
}

/// What was done since a day began, as the driver counts it from the start.
struct Day {
    began: Instant,
    polls: u64,
    reads: u64,
    mails: u64,
}

impl Day {
    fn begin(signals: &Signals) -> Self {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            began: Instant::now(),
            polls: count(&signals.polls),
            reads: count(&signals.reads),
            mails: count(&signals.deliveries),
        }
    }
}

/// Why the config is read again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Saved,
    Asked,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Saved => "saved",
            Self::Asked => "SIGHUP",
        })
    }
}

impl Keeper {
    /// A keeper of the daemon that runs under `config`, read from `path` when its files were `files`.
    pub fn new(
        path: PathBuf,
        config: Config,
        files: Files,
        hangup: Signal,
        pipeline: Arc<Pipeline>,
        signals: Arc<Signals>,
        round: FirstRound,
    ) -> Self {
        let day = Day::begin(&signals);
        Self {
            path,
            config,
            pipeline,
            signals,
            hangup,
            files,
            written: 0,
            steps: Steps::new(),
            clamp_at: None,
            clean_at: Instant::now() + CLEAN_AFTER_START,
            beaten: None,
            complained: None,
            sources_at: Instant::now(),
            priced_at: Instant::now(),
            round: Some(round),
            day,
            held_up: None,
            refused: false,
        }
    }

    /// Goes round until the store must not be used further; says why.
    pub async fn run(mut self) -> store::Error {
        let mut tick = tokio::time::interval(SECOND);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.hangup.recv() => self.reload(Why::Asked).await,
                _ = tick.tick() => match self.go_round().await {
                    Err(error) if error.is_fatal() => return error,
                    Err(error) if error.is_passing() => tracing::debug!(%error, "the store refuses"),
                    Err(error) => self.complain(&error),
                    Ok(()) => self.complained = None,
                },
            }
        }
    }

    async fn go_round(&mut self) -> Result<(), store::Error> {
        if self.files.have_changed() {
            self.reload(Why::Saved).await;
        } else if let Some(held_up) = self.held_up.take_if(|held_up| held_up.again_at <= Instant::now()) {
            self.adopt(held_up.config, held_up.why, true).await;
        }
        let looked_after = self.look_after_store().await;
        self.tell_of_the_day();
        // A refusal is an answer of the writer too, and a restart makes no room on the disk.
        if !looked_after.as_ref().is_err_and(store::Error::is_fatal) {
            self.beat();
        }
        looked_after
    }

    /// A quiet day and one on which nothing was done look different in the log.
    fn tell_of_the_day(&mut self) {
        if self.day.began.elapsed() < DAY {
            return;
        }
        let today = Day::begin(&self.signals);
        let (polls, reads) = (today.polls - self.day.polls, today.reads - self.day.reads);
        tracing::info!(polls, reads, mails = today.mails - self.day.mails, "a day of work");
        self.day = today;
    }

    async fn look_after_store(&mut self) -> Result<(), store::Error> {
        self.pipeline.store.check_place()?;
        let written = self.pipeline.store.data_version().await?;
        if written != self.written {
            self.heed().await?;
            self.written = written;
        }
        self.check_clock().await?;
        self.look_after_sources().await?;
        self.clean().await?;
        self.find_price(price::INTERVAL).await
    }

    async fn look_after_sources(&mut self) -> Result<(), store::Error> {
        if let Some(round) = &mut self.round
            && round.look(&self.pipeline).await?
        {
            self.round = None;
        }
        if Instant::now() >= self.sources_at {
            self.sources_at = Instant::now() + MINUTE;
            look_after_sources(&self.pipeline).await?;
        }
        Ok(())
    }

    /// Finds the price of a request anew, if it was found last at least `every` ago.
    async fn find_price(&mut self, every: Duration) -> Result<(), store::Error> {
        let elapsed = self.priced_at.elapsed();
        if elapsed >= every {
            self.priced_at += elapsed;
            self.pipeline.find_price(elapsed).await?;
        }
        Ok(())
    }

    fn complain(&mut self, error: &store::Error) {
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINT) {
            tracing::error!(%error, "the store refuses");
            self.complained = Some(Instant::now());
        }
    }

    async fn heed(&self) -> Result<(), store::Error> {
        // A pause that was asked for before a poll is in force before its news come.
        let paused = self.pipeline.store.paused_watches().await?;
        let plan = self.pipeline.plan();
        let changed = plan.watches.iter().any(|watch| watch.paused != paused.contains(&watch.id));
        if changed {
            match self.put_in_force(&self.config).await {
                Ok(()) => tell_of_pauses(&plan.watches, &paused),
                // It comes back: what was asked counts as heeded only at the end.
                Err(Error::Store(error)) => return Err(error),
                Err(error) => tracing::error!(%error, "a pause or its end cannot be put in force"),
            }
        }
        super::heed(&self.pipeline.store).await?;
        self.signals.wake.notify_one();
        Ok(())
    }

    /// Reads the config again; one with errors changes nothing.
    async fn reload(&mut self, why: Why) {
        systemd::reloading();
        match self.read().await {
            Ok(Ok(config)) => {
                if std::mem::take(&mut self.refused) {
                    tracing::info!(%why, "the config has no errors any longer");
                }
                self.adopt(config, why, false).await;
            }
            Ok(Err(errors)) => {
                self.refused = true;
                tracing::error!(
                    "config read again ({why}): it has errors, the old one stays in force\n{errors}"
                );
            }
            Err(broken) => tracing::error!(%why, error = %broken, "the config breaks its reader"),
        }
        systemd::ready();
    }

    async fn read(&mut self) -> Result<Result<Config, Errors>, tokio::task::JoinError> {
        // Looked at before they are read: what is saved in between is seen by the next look.
        let mut files = Files::look(self.files.paths());
        let mut reading = 0;
        loop {
            let path = self.path.clone();
            let read = tokio::task::spawn_blocking(move || config::load(&path)).await;
            reading += 1;
            let paths = match &read {
                Ok(Ok(config)) => config.files.as_slice(),
                Ok(Err(errors)) => errors.files.as_slice(),
                Err(_) => &[],
            };
            if files.add(paths) && reading < READINGS {
                continue;
            }
            if let Ok(Ok(config)) = &read {
                files.keep(&config.files);
            }
            self.files = files;
            return read;
        }
    }

    async fn adopt(&mut self, config: Config, why: Why, again: bool) {
        // What was read before this counts no more.
        self.held_up = None;
        let changes = change_summary(&self.config, &config);
        if changes.is_empty() && why == Why::Saved {
            tracing::debug!("config read again: nothing changed");
            self.config = config;
            return;
        }
        // Also when nothing changed here: a certificate may have, behind its path.
        match self.put_in_force(&config).await {
            Ok(()) => {}
            Err(Error::Store(error)) if error.is_passing() => {
                if !again {
                    tracing::error!(%error, "the config cannot be put in force yet; the old one stays until it can");
                }
                self.held_up = Some(HeldUp { config, why, again_at: Instant::now() + AGAIN });
                return;
            }
            Err(error) => {
                tracing::error!(%error, "the config cannot be put in force; the old one stays");
                return;
            }
        }
        for warning in config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
        if changes.is_empty() {
            tracing::info!(%why, "config read again: nothing changed");
        } else {
            tracing::info!(%why, changes = %changes.join("; "), "config read again");
        }
        // Whoever mends a login does not want to wait for the backoff of the old one.
        let asked = asked_otherwise(&self.config, &config);
        self.config = config;
        if let Err(error) = self.bring_forward(asked).await {
            tracing::error!(%error, "what the change makes due sooner is not due sooner");
        }
        self.signals.wake.notify_one();
    }

    /// What has been planned under the old config may be due sooner under the new one.
    async fn bring_forward(&mut self, asked_otherwise: Vec<String>) -> Result<(), store::Error> {
        let (store, now) = (&self.pipeline.store, self.pipeline.clock.now());
        store.ask_otherwise(asked_otherwise, now).await?;
        store.clamp(now, self.pipeline.plan().clamp(now)).await?;
        // Other sources, or another budget.
        self.find_price(Duration::ZERO).await
    }

    async fn put_in_force(&self, config: &Config) -> Result<(), Error> {
        let store = &self.pipeline.store;
        check_sandbox(config, store.dir()).await?;
        let plan = assemble(config, store, self.pipeline.clock.now(), None).await?;
        self.pipeline.replace_plan(plan);
        Ok(())
    }

    async fn check_clock(&mut self) -> Result<(), store::Error> {
        let was = self.pipeline.clock.now();
        if let Some(step) = self.steps.look(&self.pipeline.clock)
            && let Some(now) = steps::adopt(&self.pipeline, step).await?
        {
            self.steps.taken();
            let (set, slept) = (seconds(step.set), seconds(step.slept));
            tracing::warn!(%was, %now, set, slept, "the clock was set, or the machine slept");
            // It is counted by the clock, and would tell of polls that were not made.
            self.round = None;
            self.clamp_at = Some(Instant::now() + MINUTE);
            self.clean_at = Instant::now() + CLEAN_AFTER_STEP;
            self.signals.wake.notify_one();
        }
        if self.clamp_at.is_some_and(|at| at <= Instant::now()) {
            let now = self.pipeline.clock.now();
            self.pipeline.store.clamp(now, self.pipeline.plan().clamp(now)).await?;
            self.clamp_at = None;
        }
        Ok(())
    }

    async fn clean(&mut self) -> Result<(), store::Error> {
        if Instant::now() < self.clean_at {
            return Ok(());
        }
        self.clean_at = Instant::now() + MINUTE;
        let (store, now) = (&self.pipeline.store, self.pipeline.clock.now());
        store.end_notices(now).await?;
        let cleaned = store.forget_before(now - self.config.store.keep).await?;
        self.clean_at = Instant::now() + if cleaned == 0 { HOUR } else { SECOND };
        Ok(())
    }

    fn beat(&mut self) {
        let Some(interval) = systemd::watchdog_interval() else { return };
        let hangs = self.signals.silent_for() > HANGS;
        if !hangs && self.beaten.is_none_or(|at| at.elapsed() >= interval / 2) {
            systemd::alive();
            self.beaten = Some(Instant::now());
        }
    }
}

fn tell_of_pauses(watches: &[WatchPlan], paused: &[i64]) {
    for watch in watches {
        match (watch.paused, paused.contains(&watch.id)) {
            (false, true) => tracing::info!(watch = watch.name, "watch paused"),
            (true, false) => tracing::info!(watch = watch.name, "watch resumed"),
            _ => {}
        }
    }
}

/// Milliseconds as an administrator reads them.
fn seconds(millis: i64) -> String {
    format!("{}s", millis / 1000)
}
