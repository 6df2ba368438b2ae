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
        let (at, path) = if let Some((_, text)) = given.first() {
            (*text, self.path(text))
        } else {
            (user, self.credential(Path::new("smtp.password")))
        };
        self.warn_unreadable(at, &path, given.is_empty());
        let secret = if raw.token_file.is_some() {
            Secret::Token(path)
        } else {
            Secret::Password(Password::File(path))
        };
        Some(Login { user: user.get_ref().clone(), secret })
    }

    /// Only a warning: whoever reads the config need not be the user that sends, and unsent mail waits.
    fn warn_unreadable(&mut self, at: &Spanned<String>, path: &Path, is_credential: bool) {
        let Err(error) = std::fs::File::open(path) else { return };
        let (message, help) = if is_credential {
            // systemd reads it as root.
            if error.kind() == std::io::ErrorKind::PermissionDenied {
                return;
            }
            (
                format!(
                    "there is no password for user: neither password_file nor the credential {}",
                    path.display()
                ),
                "for example: password_file = \"/etc/habar/smtp.password\", \
                 or the drop-in systemd/habar.service.d/password.conf",
            )
        } else {
            (
                format!("{} cannot be read: {}", path.display(), reason(&error)),
                "mail waits until the user of the daemon can read it",
            )
        };
        self.warn(at, message, help);
    }

    /// A named time zone.
    pub(super) fn zone(&mut self, raw: &Text) -> Option<TimeZone> {
        let raw = raw.as_ref()?;
        let name = raw.get_ref().trim();
        let Ok(zone) = TimeZone::get(name) else {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let help = match suggest(name, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant:?}?"),
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
