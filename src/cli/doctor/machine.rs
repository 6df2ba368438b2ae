//! What lies around the work: the config, the state directory, its disk, the daemon and the clock.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use super::{Finding, Patient};
use crate::cli::output::counted;
use crate::cli::status::size;
use crate::cli::{ago, brief};
use crate::config::{Config, Errors, Severity, Unit};
use crate::io::store::checkup::Checkup;
use crate::io::store::{self, FILE_NAME};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// The config, as the daemon would read it.
pub(super) fn config(file: &Path, read: &Result<Config, Errors>) -> Finding {
    let shown = file.display();
    match read {
        Err(_) if !file.exists() => Finding::wrong(
            "config",
            format!("there is none at {shown}"),
            "`habar init` writes one to start from",
        ),
        Err(errors) => {
            let mistakes = errors.diagnostics.iter().filter(|found| found.severity == Severity::Error);
            Finding::wrong(
                "config",
                format!("{shown} is refused: {}", counted(mistakes.count(), "mistake")),
                "`habar check` shows each with its place; a daemon that runs keeps the config it has",
            )
            .with(errors.diagnostics.iter().map(|found| found.message.clone()).collect())
        }
        Ok(config) if config.warnings.is_empty() => {
            let (sources, watches) = (config.sources.len(), config.watches.len());
            let watches = if watches == 1 { "1 watch".to_owned() } else { format!("{watches} watches") };
            let sources = counted(sources, "source");
            Finding::ok("config", format!("{shown}: {sources}, {watches}"))
        }
        Ok(config) => Finding::warning(
            "config",
            format!("{shown}: {}", counted(config.warnings.len(), "warning")),
            "`habar check` shows each with its place",
        )
        .with(config.warnings.iter().map(|found| found.message.clone()).collect()),
    }
}

/// The daemon, the folder and the disk; without looking into the store.
pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let mut findings = vec![clock(patient.now)];
    findings.extend(super::disk::look(&patient.state));
    if patient.state.join(FILE_NAME).exists() {
        findings.extend(folder(&patient.state));
        findings.extend((!store::keeps_room(&patient.state)).then(|| ballast(patient.runs)));
    }
    findings
}

/// What the store says of itself, of the daemon and of the clock.
pub(super) fn store(patient: &Patient, checkup: &Checkup) -> Vec<Finding> {
    let Checkup { schema, known, articles, bytes, .. } = checkup;
    if schema != known {
        let what = format!("schema {schema}, and this habar works with {known}");
        return vec![Finding::warning(
            "store",
            what,
            "the next start of the daemon brings it there, after a copy",
        )];
    }
    let mut findings = vec![match &checkup.dangling {
        Some(table) => Finding::wrong(
            "store",
            format!("the file is whole, but {table} names what is not there"),
            "please report this; a backup from before it puts things right",
        ),
        None => {
            Finding::ok("store", format!("intact: {articles} articles, {}, schema {schema}", size(*bytes)))
        }
    }];
    findings.push(daemon(patient, checkup));
    let ahead = checkup.latest.map_or(Duration::ZERO, |latest| latest.since(patient.now));
    if ahead > 5 * MINUTE {
        findings.push(Finding::warning(
            "clock",
            format!("the store knows of things that happen in {} from now", brief(ahead)),
            "the clock was ahead then, or is behind now: `timedatectl` tells; nothing is lost by it",
        ));
    }
    findings
}

fn daemon(patient: &Patient, checkup: &Checkup) -> Finding {
    let polled = ago(checkup.last_poll, patient.now);
    if patient.runs && checkup.overdue > 0 {
        let overdue = counted(checkup.overdue as usize, "source");
        return Finding::wrong(
            "daemon",
            format!(
                "it runs, but {overdue} should have been polled half an hour ago; the last poll was {polled}"
            ),
            "look into its log (`journalctl -u habar`), then restart it",
        );
    }
    if patient.runs {
        return Finding::ok("daemon", format!("runs; the last poll was {polled}"));
    }
    if patient.state.starts_with("/var/lib") && Unit::is_installed() {
        return Finding::wrong(
            "daemon",
            format!("the service does not run; the last poll was {polled}"),
            "`systemctl status habar` says why; `systemctl start habar` starts it",
        );
    }
    let ceiling = patient.config.as_ref().map_or(HOUR, |config| config.polling.ceiling);
    match checkup.last_poll {
        Some(at) if patient.now.since(at) <= 2 * ceiling.max(HOUR) => {
            Finding::ok("daemon", format!("does not run now; the last poll was {polled}"))
        }
        _ => Finding::wrong(
            "daemon",
            format!("does not run; the last poll was {polled}"),
            "start it: `systemctl start habar`, or `habar run`",
        ),
    }
}

fn clock(now: Timestamp) -> Finding {
    /// The first day of 2026: before that there was no Habar.
    const BIRTH: Timestamp = Timestamp::from_millis(1_767_225_600_000);
    if now < BIRTH || now > BIRTH + 100 * 365 * DAY {
        let what = format!("it is not {now}");
        return Finding::wrong("clock", what, "set it: `timedatectl set-ntp true`");
    }
    Finding::ok("clock", now.to_string())
}

/// Whose the files are, and who may look into them.
fn folder(state: &Path) -> Vec<Finding> {
    let Ok(own) = fs::metadata(state) else { return Vec::new() };
    let mut findings = Vec::new();
    let names = ["", "-wal", "-shm"].map(|suffix| format!("{FILE_NAME}{suffix}"));
    let names = names.into_iter().chain(["lock", "ballast", "mail"].map(str::to_owned));
    let strangers: Vec<String> = names
        .filter(|name| fs::metadata(state.join(name)).is_ok_and(|file| file.uid() != own.uid()))
        .collect();
    if !strangers.is_empty() {
        let shown = state.display();
        findings.push(Finding::wrong(
            "folder",
            format!("{} in {shown} belong to another user than the folder", strangers.join(", ")),
            format!("give them to the one that habar runs as: chown -R --reference={shown} {shown}"),
        ));
    }
    if own.permissions().mode() & 0o007 != 0 {
        findings.push(Finding::warning(
            "folder",
            format!("everybody on this machine may look into {}", state.display()),
            format!("what people watch for is nobody else's business: chmod o= {}", state.display()),
        ));
    }
    findings
}

fn ballast(runs: bool) -> Finding {
    let what = "the megabyte that is kept for recording what is sent is not there: no mail goes out";
    if runs {
        Finding::wrong("ballast", what, "make room on the disk; habar takes it back by itself")
    } else {
        Finding::warning("ballast", what, "the next start takes it back, if there is room")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level::{self, Ok, Warning, Wrong};
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn a_clock_shows_a_time_at_which_there_is_a_habar() {
        let at = Timestamp::from_millis;
        for (now, level) in [(at(0), Wrong), (at(1_700_000_000_000), Wrong), (NOW, Ok), (at(i64::MAX), Wrong)]
        {
            assert_eq!(clock(now).level, level, "{now}");
        }
    }

    #[test]
    fn a_store_of_another_time_tells_of_the_clock() {
        let patient = Patient { file: "c".into(), state: "s".into(), config: None, runs: true, now: NOW };
        let cases: [(Duration, Level); 3] = [(Duration::ZERO, Ok), (4 * MINUTE, Ok), (365 * DAY, Warning)];
        for (ahead, level) in cases {
            let checkup = Checkup { latest: Some(NOW + ahead), last_poll: Some(NOW), ..Checkup::default() };
            let worst = store(&patient, &checkup).into_iter().map(|finding| finding.level).max();
            assert_eq!(worst, Some(level), "{ahead:?}");
        }
    }
}
