//! `habar run`.

use super::args::Global;
use super::{Exit, Loaded, Result, block_on, load_config, logging};
use crate::daemon;

/// Run the daemon: poll, read, match and mail until told to stop
#[derive(Debug, clap::Args)]
pub struct Run {}

impl Run {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Self {} = self;
        logging::start(global);
        let Loaded { config, file, state } = load_config(global)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(note) = config.maildir_note(&state) {
            tracing::info!("{note}");
        }
        block_on(daemon::run(file, config, &state))??;
        Ok(Exit::Done)
    }
}
