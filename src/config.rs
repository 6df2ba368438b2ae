//! The one TOML file: read as it is written, then checked into the types the rest works with.
//!
//! Nothing here is global: each part of the program is handed its own section. All mistakes of a file are
//! told at once, each with its place and what to write instead; what is merely unwise is a warning.

mod change;
mod check;
mod diagnostic;
mod edit;
mod include;
mod locate;
mod places;
mod raw;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::domain::digest::release::Timing;
use crate::domain::feed::Kind;
use crate::domain::scope::Scope;
use crate::io::http::{Credentials, Network, Proxy, Route};
use crate::io::mail::{Login, Via};
use crate::time::{HOUR, MINUTE, SECOND};

pub use change::{asked_otherwise, change_summary};
pub use diagnostic::{Diagnostic, Errors, Place, Severity, suggest};
pub use edit::{Edit, EditError, NewSource, lines};
pub use locate::{Block, find_source};
pub use places::{Environment, find, state_dir};
pub use unit::{Unit, in_sandbox, sandbox_refusal};

/// The shipped config: every option with its default and a line of explanation. `habar init` writes it.
pub const TEMPLATE: &str = include_str!("../config/habar.toml");

/// The packs that it includes, by their names beside it.
pub const PACKS: [(&str, &str); 2] = [
    ("sources/turkic-world.toml", include_str!("../config/sources/turkic-world.toml")),
    ("watches/ots.toml", include_str!("../config/watches/ots.toml")),
];

/// Everything a user can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The files that were read, and the folders where an include's glob may find more.
    pub files: Vec<PathBuf>,
    /// Who is told, by whom, and how mail leaves.
    pub mail: MailConfig,
    /// What is polled: the main file's sources first, then those of the packs.
    pub sources: Vec<Source>,
    /// What is looked for, in the order that decides which mail tells a story.
    pub watches: Vec<Watch>,
    /// How often feeds are asked.
    pub polling: Polling,
    /// How the web is asked.
    pub http: HttpConfig,
    /// How pages are read.
    pub reading: Reading,
    /// How mail is paced.
    pub delivery: DeliveryConfig,
    /// How long things are kept.
    pub store: StoreConfig,
    /// Who is told about trouble; never more than once the same address.
    pub admin: Vec<String>,
    /// What is unwise but accepted.
    pub warnings: Vec<Diagnostic>,
}

/// `[mail]`
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// The sender, with its display name.
    pub from: String,
    /// Recipients of every watch that names none, as bare addresses.
    pub to: Vec<String>,
    /// How mail leaves. The folder of a Maildir may be relative: see [`Config::via_in`].
    pub via: Via,
    /// The account at the mail server.
    pub login: Option<Login>,
    /// The zone of times in mails and of delivery rules.
    pub zone: TimeZone,
    /// The language of the mails.
    pub language: String,
}

/// One `[[source]]`. It is its `url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where the feed, sitemap or page is.
    pub url: Url,
    /// Which of these it is.
    pub kind: Kind,
    /// The outlet's name in mails; the feed's own title when there is none.
    pub name: Option<String>,
    /// What watches select it by.
    pub tags: Vec<String>,
    /// Never poll less often than this; never under the floor.
    pub max_interval: Option<Duration>,
    /// Whether the pages behind the entries are read.
    pub full_text: bool,
    /// Whether its own host may lie in a private network.
    pub allow_private: bool,
    /// Headers and login, for its own origin.
    pub credentials: Option<Arc<Credentials>>,
    /// The way to it and to its pages.
    pub route: Route,
}

/// One `[[watch]]`. It is its `name`.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What the mails are about.
    pub name: String,
    /// Any of these; never empty.
    pub keywords: Vec<String>,
    /// Who is told, as bare addresses; never empty.
    pub to: Vec<String>,
    /// When it is told.
    pub timing: Timing,
    /// The sources and languages it looks at.
    pub scope: Scope,
}

/// `[polling]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polling {
    /// Requests per feed and day, averaged over all feeds.
    pub budget: u32,
    /// No feed more often than this.
    pub floor: Duration,
    /// No feed less often than this; never less than `floor`.
    pub ceiling: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { budget: 48, floor: 15 * MINUTE, ceiling: 60 * MINUTE }
    }
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// An address or page for administrators of the sites that are read; may be empty.
    pub contact: String,
    /// Between two requests to one host.
    pub host_gap: Duration,
    /// Networks besides the public internet that may be asked.
    pub allow_private: Vec<Network>,
    /// The way of all requests but those of sources that name another.
    pub proxy: Option<Proxy>,
    /// One more trusted root, for web and mail.
    pub ca_file: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            contact: String::new(),
            host_gap: 2 * SECOND,
            allow_private: Vec::new(),
            proxy: None,
            ca_file: None,
        }
    }
}

/// `[reading]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The first new try of a page that could not be read.
    pub retry: Duration,
}

impl Default for Reading {
    fn default() -> Self {
        Self { retry: 10 * MINUTE }
    }
}

/// `[delivery]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// How long `now` waits for hits that can share a mail.
    pub gather: Duration,
    /// The first new try of an unsent mail.
    pub retry: Duration,
    /// Mails an hour to one person before the rest waits for a digest.
    pub fold_after: u32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { gather: 45 * SECOND, retry: MINUTE, fold_after: 20 }
    }
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// How long articles, their text and sent mails are kept.
    pub keep: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { keep: 365 * 24 * HOUR }
    }
}

/// Reads the config at `path` with everything it includes, in the environment of this process.
pub fn load(path: &Path) -> Result<Config, Errors> {
    load_in(path, &Environment::of_this_process().with_unit_of(path))
}

/// Reads the config at `path` with everything it includes.
pub fn load_in(path: &Path, environment: &Environment) -> Result<Config, Errors> {
    read(path, &[], environment)
}

/// Reads the config as it would be with changes that are not yet written.
fn load_changed(path: &Path, changes: &[edit::Change]) -> Result<Config, Errors> {
    read(path, changes, &Environment::of_this_process().with_unit_of(path))
}

fn read(path: &Path, changes: &[edit::Change], environment: &Environment) -> Result<Config, Errors> {
    let mut report = diagnostic::Report::default();
    let loaded = include::load(path, changes, &mut report);
    let files = loaded.watched.clone();
    let config = check::check(loaded, environment, &mut report);
    match report.finish() {
        Ok(warnings) => Ok(Config { warnings, ..config }),
        Err(diagnostics) => Err(Errors { diagnostics, files }),
    }
}

impl Config {
    /// How mail leaves, with a relative Maildir placed in the state directory.
    pub fn via_in(&self, state: &Path) -> Via {
        match &self.mail.via {
            Via::Maildir { dir } => Via::Maildir { dir: state.join(dir) },
            other => other.clone(),
        }
    }

    /// The line that `init`, `check`, `run` and `status` say while mail reaches nobody but a folder.
    pub fn maildir_note(&self, state: &Path) -> Option<String> {
        match self.via_in(state) {
            Via::Maildir { dir } => Some(format!(
                "mail goes to the Maildir {}: no mail server is set ([mail] via)",
                dir.display()
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
