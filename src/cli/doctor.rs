//! `habar doctor`: what is wrong, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Result};
use crate::config::{self, Config};
use crate::io::store;
use crate::io::store::checkup::{self, Checkup};
use crate::time::{Clock, Timestamp};

mod disk;
mod machine;
mod mail;
mod sources;

/// Look everything over: the config, the store, the disk, the clock, the mail and the sources
///
/// Asks nobody unless told to. Ends with 69 when something is wrong, and with 0 when at most
/// something needs a look, so that cron and monitoring can call it.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Log in to the mail server too
    #[arg(long)]
    online: bool,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at, in a word that stays the same.
    check: &'static str,
    level: Level,
    /// What was found.
    what: String,
    /// What to do about it.
    help: Option<String>,
    /// What it concerns, one a line.
    items: Vec<String>,
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: what.into(), help: None, items: Vec::new() }
    }

    fn warning(check: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Warning, help: Some(help.into()), ..Self::ok(check, what) }
    }

    fn wrong(check: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Wrong, ..Self::warning(check, what, help) }
    }

    fn with(self, items: Vec<String>) -> Self {
        Self { items, ..self }
    }
}

/// What is looked at.
struct Patient {
    file: PathBuf,
    state: PathBuf,
    config: Option<Config>,
    /// A daemon, or `once`, is at work.
    runs: bool,
    now: Timestamp,
}

impl Doctor {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let file = global.config_file();
        let state = global.state_dir(&file);
        let read = config::load(&file);
        let mut findings = vec![machine::config(&file, &read)];
        let runs = store::is_held(&state).unwrap_or(false);
        let patient = Patient { file, runs, config: read.ok(), now: Clock::System.now(), state };
        findings.extend(machine::look(&patient));
        let spinner = spinner(global);
        let looked = look_into_store(&patient);
        spinner.finish_and_clear();
        let checkup = match looked {
            Ok(checkup) => Some(checkup),
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        if let Some(checkup) = &checkup {
            findings.extend(machine::store(&patient, checkup));
            findings.extend(sources::look(&patient, checkup));
        }
        findings.extend(mail::look(&patient, checkup.as_ref()));
        if self.online {
            findings.extend(mail::login(&patient)?);
        }
        tell(global, &patient, &findings)
    }
}

/// A big store takes some seconds.
fn spinner(global: &Global) -> ProgressBar {
    // indicatif draws on a terminal's stderr only.
    let bar = if global.quiet || global.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.set_message("looking the store over");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What the store says of itself; a finding where it says nothing.
fn look_into_store(patient: &Patient) -> std::result::Result<Checkup, Finding> {
    // A daemon that starts while we look may change the file under our eyes: damage has to show twice.
    let looked = match look_once(patient) {
        Err(store::Error::Damaged(_)) => look_once(patient),
        looked => looked,
    };
    let error = match looked {
        Ok(checkup) => return Ok(checkup),
        Err(error) => error,
    };
    let help = match &error {
        store::Error::Missing(path) => {
            let what = format!("there is none at {} yet", path.display());
            return Err(Finding::warning("store", what, "`habar run` or `habar once` makes it"));
        }
        store::Error::Damaged(_) => {
            "stop habar, move the store's files elsewhere, and put a backup in its place (`habar backup` says how)"
        }
        store::Error::Open { denied: true, .. } => "ask as root, or as the user that habar runs as",
        store::Error::Newer { .. } => "install that version",
        _ => "see whether the disk is well: `dmesg` tells",
    };
    Err(Finding::wrong("store", error.to_string(), help))
}

fn look_once(patient: &Patient) -> std::result::Result<Checkup, store::Error> {
    let connection = store::open_read_only(&patient.state)?;
    let checkup = checkup::look(&connection, patient.now)?;
    match checkup.fault {
        None => Ok(checkup),
        Some(fault) => Err(store::Error::Damaged(fault)),
    }
}

fn tell(global: &Global, patient: &Patient, findings: &[Finding]) -> Result {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (wrong, warnings) = (count(Level::Wrong), count(Level::Warning));
    if global.json {
        let all = json!({
            "config": patient.file,
            "state": patient.state,
            "wrong": wrong,
            "warnings": warnings,
            "findings": findings,
        });
        output::json(&all)?;
    } else {
        for finding in findings.iter().filter(|finding| !global.quiet || finding.level > Level::Ok) {
            show(finding)?;
        }
        output::say(global, format!("\n{}", sum(wrong, warnings)))?;
    }
    Ok(if wrong > 0 { Exit::Unavailable } else { Exit::Done })
}

fn sum(wrong: usize, warnings: usize) -> String {
    let things = |count| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
    let look = format!("{} need{} a look", things(warnings), if warnings == 1 { "s" } else { "" });
    let bad = format!("{} {} wrong", things(wrong), if wrong == 1 { "is" } else { "are" });
    match (wrong, warnings) {
        (0, 0) => "All is well.".to_owned(),
        (0, _) => format!("Nothing is wrong; {look}."),
        (_, 0) => format!("{bad}."),
        _ => format!("{bad}, {look}."),
    }
}

fn show(finding: &Finding) -> Result<()> {
    let (style, level) = match finding.level {
        Level::Ok => (style::GOOD, "ok"),
        Level::Warning => (style::WARNING, "warning"),
        Level::Wrong => (style::ERROR, "wrong"),
    };
    let level = output::paint(style, format!("{level:<8}"));
    output::line(format!("{level} {:<8} {}", finding.check, output::plain(&finding.what)))?;
    for item in &finding.items {
        output::line(format!("{:18}- {}", "", output::plain(item)))?;
    }
    match &finding.help {
        Some(help) => output::line(format!("{:18}{} {help}", "", output::paint(style::HELP, "→"))),
        None => Ok(()),
    }
}
