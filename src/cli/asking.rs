//! Asking the daemon for something by a line in the store, and saying what will come of it.

use super::args::Global;
use super::{Failure, Result};
use crate::io::store::{self, Error, requests, requests::Request};
use crate::time::Clock;

/// Who heeds what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(into = "Option<bool>")]
pub enum Heeder {
    /// The daemon, within seconds.
    Daemon,
    /// No daemon runs: the next `run` or `once`.
    NextStart,
    /// This user cannot see whether one runs.
    Unknown,
}

impl From<Heeder> for Option<bool> {
    fn from(heeder: Heeder) -> Self {
        match heeder {
            Heeder::Daemon => Some(true),
            Heeder::NextStart => Some(false),
            Heeder::Unknown => None,
        }
    }
}

impl Heeder {
    /// A sentence that says who will do it: `does` is what is done, like "polls it".
    pub fn will(self, does: &str) -> String {
        match self {
            Self::Daemon => format!("asked: the daemon {does} within seconds"),
            Self::NextStart => format!("no daemon runs: the next `habar run` or `habar once` {does}"),
            Self::Unknown => {
                format!(
                    "asked: the daemon {does} within seconds; should none run, the next `habar run` or `habar once` does"
                )
            }
        }
    }
}

/// Leaves the request; says who will heed it, or nobody when what it is about is not there (any longer).
pub fn ask(global: &Global, request: &Request) -> Result<Option<Heeder>> {
    let state = global.state_dir(&global.config_file());
    let asked = requests::ask(&state, request, Clock::System.now()).map_err(|error| match error {
        Error::Open { denied: true, .. } => {
            Failure::from(error).help("ask as root, or as the user that the daemon runs as")
        }
        other => other.into(),
    })?;
    // Looked at afterwards: a daemon that starts in between reads what was asked.
    let heeder = match store::is_held(&state) {
        Some(true) => Heeder::Daemon,
        Some(false) => Heeder::NextStart,
        None => Heeder::Unknown,
    };
    Ok(asked.then_some(heeder))
}
