//! `[mail]`: the sender, the way out and the account there.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use lettre::message::Mailbox;
use toml::Spanned;

use super::Checker;
use crate::config::MailConfig;
use crate::config::diagnostic::{At, suggest};
use crate::config::include::reason;
use crate::config::places::SYSTEM_STATE;
use crate::config::raw::{self, Text};
use crate::io::mail::{Login, Password, Secret, Via};

/// The sender and recipient while mail only goes to a folder, where nobody's address is needed.
const NOBODY: (&str, &str) = ("Habar <habar@localhost>", "you@localhost");
/// What the credential of the password is called.
const PASSWORD: &str = "smtp.password";

impl Checker<'_> {
    pub(super) fn mail(&mut self, raw: &raw::Mail) -> MailConfig {
        let via = self.via(raw);
        let to_folder = matches!(via, Via::Maildir { .. });
        self.warn_shut(raw, &via);
        let mut to = self.addresses("to", &raw.to);
        if to.is_empty() && (to_folder || raw.flawed) {
            to.push(NOBODY.1.to_owned());
        }
        MailConfig {
            from: self.from(raw, to_folder),
            to,
            login: self.login(raw, &via),
            via,
            zone: self.zone(&raw.timezone).unwrap_or_else(TimeZone::system),
            language: self.language(&raw.language),
        }
    }

    fn via(&mut self, raw: &raw::Mail) -> Via {
        self.parsed("via", &raw.via).unwrap_or_else(|| Via::Maildir { dir: PathBuf::from("mail") })
    }

    /// The daemon refuses such a way out; whoever checks the config for it is told beforehand.
    fn warn_shut(&mut self, raw: &raw::Mail, via: &Via) {
        let Some(unit) = &self.environment.unit else { return };
        if let (Some(text), Some(refusal)) = (&raw.via, unit.refusal(via, Path::new(SYSTEM_STATE))) {
            self.warn(text, format!("the service cannot mail this way: {}", refusal.what), refusal.remedy);
        }
    }

    fn from(&mut self, raw: &raw::Mail, to_folder: bool) -> String {
        let example = r#"for example: from = "Habar <habar@example.org>""#;
        if let Some(text) = &raw.from {
            if let Ok(mailbox) = text.get_ref().parse::<Mailbox>() {
                return mailbox.to_string();
            }
            self.error(text, format!("from = {:?} is no sender", text.get_ref()), example);
        } else if let Some(via) = raw.via.as_ref().filter(|_| !to_folder && !raw.flawed) {
            self.error(via, "mail that leaves this machine needs a sender: [mail] has no from", example);
        }
        NOBODY.0.to_owned()
    }

    fn login(&mut self, raw: &raw::Mail, via: &Via) -> Option<Login> {
        let files = [("password_file", &raw.password_file), ("token_file", &raw.token_file)];
        let given: Vec<_> = files.iter().filter_map(|(key, text)| Some((*key, text.as_ref()?))).collect();
        let Some(user) = &raw.user else {
            if let Some((key, text)) = given.first() {
                self.error(text, format!("{key} without user"), r#"for example: user = "habar@example.org""#);
            }
            return None;
        };
        if let [_, (_, token)] = given.as_slice() {
            self.error(token, "password_file and token_file exclude each other", "take one of them out");
        }
        if !matches!(via, Via::Smtp { .. }) {
            self.warn(
                user,
                "user is not used: only a mail server asks for it",
                "take it out, or set via = \"smtps://…\"",
            );
        }
        let path = if let Some((_, text)) = given.first() {
            let path = self.path(text);
            let remedy = if raw.token_file.is_some() {
                "let a group read it that a drop-in gives the service (SupplementaryGroups=)"
            } else {
                "leave this line out and install the drop-in systemd/habar.service.d/password.conf, \
                 which hands the service what is in the file"
            };
            self.warn_unreadable(text, &path, remedy);
            path
        } else {
            let path = self.credential(Path::new(PASSWORD));
            self.warn_missing(user, &path);
            path
        };
        let secret = if raw.token_file.is_some() {
            Secret::Token(path)
        } else {
            Secret::Password(Password::File(path))
        };
        Some(Login { user: user.get_ref().clone(), secret })
    }

    /// Only a warning: whoever reads the config need not be the user that sends, and unsent mail waits.
    fn warn_unreadable(&mut self, at: &Spanned<String>, path: &Path, remedy: &str) {
        let file = path.display();
        if let Err(error) = std::fs::File::open(path) {
            let help = "mail waits until the user of the daemon can read it";
            self.warn(at, format!("{file} cannot be read: {}", reason(&error)), help);
        } else if self.environment.unit.as_ref().is_some_and(|unit| unit.cannot_read(path)) {
            let message = format!("{file} cannot be read by the service, which runs as a user of its own");
            self.warn(at, message, remedy);
        } else if is_empty(path) {
            self.warn(at, format!("{file} is empty"), "mail waits until the password is written into it");
        }
    }

    /// systemd reads the credential as root: that this user may not is no fault.
    fn warn_missing(&mut self, user: &Spanned<String>, path: &Path) {
        use std::io::ErrorKind::PermissionDenied;
        match std::fs::File::open(path) {
            Ok(_) => return,
            Err(error) if error.kind() == PermissionDenied => return,
            Err(_) => {}
        }
        let dropin = self.environment.unit.as_ref().and_then(|unit| unit.credential(PASSWORD));
        if let Some(source) = dropin.as_ref().filter(|source| is_empty(source)) {
            let help = "write the password into it, then `systemctl restart habar`: the unit hands it over at its start";
            return self.warn(user, format!("{} is empty", source.display()), help);
        }
        let (message, help) = match dropin {
            Some(source) => (
                format!("there is no password for user: {} is missing", source.display()),
                "the unit hands the service what is in that file: write the password into it",
            ),
            None => (
                format!(
                    "there is no password for user: neither password_file nor the credential {}",
                    path.display()
                ),
                "for example: password_file = \"/etc/habar/smtp.password\"; \
                 for the service, the drop-in systemd/habar.service.d/password.conf",
            ),
        };
        self.warn(user, message, help);
    }

    /// A named time zone.
    pub(super) fn zone(&mut self, raw: &Text) -> Option<TimeZone> {
        let raw = raw.as_ref()?;
        let name = raw.get_ref().trim();
        let Ok(zone) = TimeZone::get(name) else {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let help = match suggest(name, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None if names.is_empty() => {
                    "this machine knows no time zones at all: install tzdata".to_owned()
                }
                None => "a zone is named after a city: \"Asia/Almaty\", \"Europe/Istanbul\"".to_owned(),
            };
            self.error(raw, format!("{name:?} is no time zone of this machine"), help);
            return None;
        };
        Some(zone)
    }

    fn language(&mut self, raw: &Text) -> String {
        if let Some(raw) = raw.as_ref().filter(|raw| raw.get_ref() != "en") {
            let message =
                format!("mails in {:?} are not supported yet by this version of habar", raw.get_ref());
            let at = At { file: self.file, span: raw.span() };
            self.report.error(&at, message, "write language = \"en\", or take it out".to_owned());
        }
        "en".to_owned()
    }
}

fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0)
}
