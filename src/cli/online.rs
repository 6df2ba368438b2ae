//! What can only be known by asking: each source once, and the mail server's login.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use super::args::Global;
use super::{Exit, Loaded, Result, block_on};
use crate::config::{Block, Config, Source, find_source};
use crate::daemon::assemble::{configured_mailer, http_client};
use crate::domain::health::PATIENCE;
use crate::io::mail::{Step, Via};
use crate::io::store::{self, checkup};
use crate::time::{Clock, Timestamp};

mod ask;
mod report;

use ask::{Answer, Trouble};

/// What was asked and answered.
pub struct Online {
    asked: Vec<(Source, Answer)>,
    /// Addresses that have never worked since they were added more than a day ago, as far as a store knows.
    never: Vec<String>,
    files: Vec<std::path::PathBuf>,
    login: LogIn,
}

/// How the mail server took us.
#[derive(Clone, Debug, Serialize)]
pub struct LogIn {
    /// The way mail leaves.
    pub via: String,
    /// It is a folder: nobody has to be asked.
    pub is_folder: bool,
    /// Why no mail can be handed over; none: one can.
    pub reason: Option<String>,
    /// What was passed on the way.
    pub steps: Vec<Passed>,
}

/// One step of it.
#[derive(Clone, Debug, Serialize)]
pub struct Passed {
    /// Which one.
    pub phase: String,
    /// What the server said.
    pub detail: String,
}

impl Online {
    /// Asks every source and the mail server.
    pub fn ask(global: &Global, loaded: &Loaded) -> Result<Self> {
        let Loaded { config, state, .. } = loaded;
        let client = http_client(config)?;
        let bar =
            if global.quiet || global.json { ProgressBar::hidden() } else { progress(config.sources.len()) };
        let (answers, login) = block_on(async {
            tokio::join!(ask::ask(client, &config.sources, config.http.host_gap, &bar), log_in(config, state))
        })?;
        bar.finish_and_clear();
        let asked = config.sources.iter().cloned().zip(answers).collect();
        let never = never_worked(state, Clock::System.now());
        Ok(Self { asked, never, files: config.files.clone(), login })
    }

    /// Prints what came of it.
    pub fn tell(&self) -> Result<()> {
        report::tell(self, Clock::System.now())
    }

    /// The same for programs.
    pub fn as_json(&self) -> Value {
        report::as_json(self)
    }

    /// Nothing at all can be polled, or no mail be handed over: that is no matter of single sources.
    pub fn exit(&self) -> Exit {
        if self.none_works() || self.login.reason.is_some() { Exit::Unavailable } else { Exit::Done }
    }

    fn none_works(&self) -> bool {
        !self.asked.is_empty() && self.troubles().count() == self.asked.len()
    }

    fn troubles(&self) -> impl Iterator<Item = (&Source, &Trouble)> {
        self.asked.iter().filter_map(|(source, answer)| match answer {
            Answer::Trouble(trouble) => Some((source, trouble)),
            Answer::Feed { .. } => None,
        })
    }

    /// The sources that will not work, with their lines. Where none works, it is not for them to go.
    fn take_out(&self) -> Vec<(&Source, &Trouble, Option<Block>)> {
        if self.none_works() {
            return Vec::new();
        }
        let stays_away = |(source, trouble): &(&Source, &Trouble)| {
            trouble.lasts || self.never.iter().any(|url| url == source.url.as_str())
        };
        let found = self.troubles().filter(stays_away);
        found.map(|(source, trouble)| (source, trouble, find_source(&self.files, &source.url))).collect()
    }
}

fn progress(sources: usize) -> ProgressBar {
    // indicatif draws on a terminal's stderr only.
    let bar = ProgressBar::new(sources as u64);
    if let Ok(style) = ProgressStyle::with_template("asking {bar:30} {pos} of {len} sources") {
        bar.set_style(style);
    }
    bar.tick();
    bar
}

/// What the store knows; without one, or without leave to read it, nothing.
fn never_worked(state: &Path, now: Timestamp) -> Vec<String> {
    let sources = store::open_read_only(state).ok().and_then(|connection| checkup::sources(&connection).ok());
    let is_one = |source: &checkup::SourceHealth| {
        !source.has_worked && source.failures > 0 && now.since(source.added_at) >= PATIENCE
    };
    sources.unwrap_or_default().into_iter().filter(is_one).map(|source| source.url).collect()
}

/// Goes as far as one can without a mail.
pub async fn log_in(config: &Config, state: &Path) -> LogIn {
    let via = config.via_in(state);
    // A Maildir is made when the first mail comes, by whoever delivers it.
    let is_folder = matches!(via, Via::Maildir { .. });
    let mut steps = Vec::new();
    let mut keep = |step: Step| steps.push(Passed { phase: step.phase.to_string(), detail: step.detail });
    let reason = match configured_mailer(config, state) {
        _ if is_folder => None,
        Ok(mailer) => mailer.probe(&mut keep).await.err(),
        Err(error) => Some(error.to_string()),
    };
    LogIn { via: via.to_string(), is_folder, reason, steps }
}
