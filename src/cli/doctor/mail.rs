//! The way out, and what waits in front of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Finding, Level, Patient};
use crate::cli::online;
use crate::cli::output::counted;
use crate::cli::{Result, block_on, brief};
use crate::config::{Config, Unit, in_sandbox};
use crate::io::mail::{Password, Secret};
use crate::io::store::checkup::Checkup;

/// What can be known of mail without asking its server.
pub(super) fn look(patient: &Patient, checkup: Option<&Checkup>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(config) = &patient.config {
        findings.extend(way(config, &patient.state, &Unit::of_this_machine()));
        findings.extend(secret(config));
    }
    if let Some(checkup) = checkup {
        if let Some(waits) = waiting(patient, checkup) {
            // One verdict: what waits says more than that a way is set.
            findings.retain(|finding| finding.check != "mail" || finding.level != Level::Ok);
            findings.push(waits);
        }
        findings.extend(dead(checkup));
    }
    findings
}

/// Whether the server lets us in.
pub(super) fn login(patient: &Patient) -> Result<Option<Finding>> {
    let Some(config) = &patient.config else { return Ok(None) };
    let login = block_on(online::log_in(config, &patient.state))?;
    Ok(Some(match login.reason {
        None => Finding::ok("login", format!("{} lets us in", login.via)),
        Some(reason) => Finding::wrong(
            "login",
            format!("{}: {reason}", login.via),
            "mail waits until this works; `habar test-mail` sends one and shows every step",
        ),
    }))
}

fn way(config: &Config, state: &Path, unit: &Unit) -> Vec<Finding> {
    let via = config.via_in(state);
    let mut findings = vec![match config.maildir_note(state) {
        Some(note) => Finding::ok("mail", note),
        None => Finding::ok("mail", format!("by {via}")),
    }];
    // Outside of the unit only the place of the state tells that it is the unit's.
    let is_service = in_sandbox() || state.starts_with("/var/lib");
    if let Some(refusal) = unit.refusal(&config.mail.via, state).filter(|_| is_service) {
        let what = format!("the service cannot hand mail over to {via}: {}", refusal.what);
        findings.push(Finding::warning("mail", what, refusal.remedy));
    }
    findings
}

fn secret(config: &Config) -> Option<Finding> {
    let path = match &config.mail.login.as_ref()?.secret {
        Secret::Password(Password::File(path)) | Secret::Token(path) => path,
        Secret::Password(Password::Text(_)) => return None,
    };
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        Finding::warning(
            "password",
            format!("everybody on this machine may read {}", path.display()),
            format!("chmod o= {}", path.display()),
        )
    })
}

fn waiting(patient: &Patient, checkup: &Checkup) -> Option<Finding> {
    let waiting = checkup.waiting.as_ref()?;
    let reply = if waiting.reply.is_empty() { "it was not tried yet" } else { &waiting.reply };
    let verb = if waiting.count == 1 { "waits" } else { "wait" };
    let (mails, age) = (counted(waiting.count as usize, "mail"), brief(patient.now.since(waiting.since)));
    let what = format!("{mails} {verb} for up to {age}: {reply}");
    Some(if waiting.others_go {
        Finding::warning(
            "mail",
            what,
            "other mails go out; these are tried again for five days: `habar outbox`",
        )
    } else {
        let help =
            "no mail has gone out since: `habar doctor --online` tries the login, `habar outbox` lists them";
        Finding::wrong("mail", what, help)
    })
}

fn dead(checkup: &Checkup) -> Option<Finding> {
    let dead = checkup.dead.as_ref()?;
    let mails = counted(dead.count as usize, "mail");
    let what = format!("{mails} given up within a week, the last to {}: {}", dead.to, dead.reply);
    Some(Finding::warning("mail", what, "put the address right in the config; `habar outbox` lists them"))
}

#[cfg(test)]
mod tests {
    use super::super::Level::{self, Ok, Warning};
    use super::*;

    #[test]
    fn the_shipped_unit_cannot_serve_every_way() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("habar.toml");
        let cases: [(&str, &str, Level, &str); 5] = [
            ("sendmail:", "/var/lib/habar", Warning, "smtp://localhost:25?tls=none"),
            ("sendmail:", "/home/ada/habar", Ok, ""),
            ("maildir:/srv/mail", "/var/lib/habar", Warning, "maildir.conf: ReadWritePaths=/srv/mail"),
            ("maildir:mail", "/var/lib/habar", Ok, ""),
            ("smtps://mail.example.org", "/var/lib/habar", Ok, ""),
        ];
        for (via, state, level, help) in cases {
            let text =
                format!("[mail]\nfrom = \"a@example.org\"\nto = [\"a@example.org\"]\nvia = \"{via}\"\n");
            std::fs::write(&file, text).unwrap();
            let findings = way(&crate::config::load(&file).unwrap(), Path::new(state), &Unit::shipped());
            let worst = findings.iter().max_by_key(|finding| finding.level).unwrap();
            assert_eq!(worst.level, level, "{via} {state}");
            assert!(worst.help.as_deref().unwrap_or_default().contains(help), "{worst:?}");
        }
    }
}
