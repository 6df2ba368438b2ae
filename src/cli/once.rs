//! `habar once`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use super::{Exit, Loaded, Result, block_on, load_config, logging};
use crate::daemon;
use crate::pipeline::driver::Signals;

/// Poll, read and mail what is due now, then stop: for cron and CI
///
/// Each source that is due is polled once, pages are read until none is due, and every message
/// gets one attempt. Ends with 0 when that was done, whatever sources and mail servers answered.
#[derive(Debug, clap::Args)]
pub struct Once {
    /// Poll every source that its server does not forbid, due or not
    #[arg(long)]
    all: bool,
}

impl Once {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        logging::start(global);
        let Loaded { config, state, .. } = load_config(global)?;
        // indicatif draws on a terminal's stderr only.
        let bar =
            if global.quiet || global.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(ProgressStyle::default_spinner());
        let ended = block_on(daemon::once(&config, &state, self.all, |signals| {
            tokio::spawn(show_progress(bar.clone(), signals));
        }))?;
        bar.finish_and_clear();
        ended?;
        Ok(Exit::Done)
    }
}

async fn show_progress(bar: ProgressBar, signals: Arc<Signals>) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    loop {
        bar.set_message(format!(
            "{} polls, {} reads, {} mails",
            count(&signals.polls),
            count(&signals.reads),
            count(&signals.deliveries)
        ));
        bar.tick();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
