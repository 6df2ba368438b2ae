//! How a command ends: sysexits codes, and failures told in one form.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::output::{self, style};
use crate::daemon;
use crate::io::store;

/// The exit codes of `sysexits.h` that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The command line cannot be understood.
    Usage = 64,
    /// What was read is damaged.
    Data = 65,
    /// What was to be read is not there.
    NoInput = 66,
    /// A server, or something else that is needed, does not answer.
    Unavailable = 69,
    /// A file cannot be created.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// Later: another process holds the state, a server does not want to be asked yet, somebody stopped it.
    TryLater = 75,
    /// Not permitted.
    Permission = 77,
    /// The config is wrong.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped, in words for the person who called it, and what they can do about it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    help: Vec<String>,
    details: Option<String>,
}

impl Failure {
    /// A failure with its exit code; `message` is the sentence after `habar: error:`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: Vec::new(), details: None }
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// Adds what is told at length before the sentence.
    #[must_use]
    pub fn details(mut self, text: impl Display) -> Self {
        self.details = Some(text.to_string());
        self
    }

    /// Something could not be read: its file is missing, locked away or broken.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NoInput,
            io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Io,
        };
        Self::new(exit, format!("cannot read {}: {error}", path.display()))
    }

    /// Something could not be created or written.
    pub fn creating(path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::CannotCreate,
        };
        Self::new(exit, format!("cannot write {}: {error}", path.display()))
    }

    /// The output took no more. A reader that has seen enough (`habar feeds | head`) is no failure.
    pub fn printing(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            _ => Self::new(Exit::Io, format!("cannot print: {error}")),
        }
    }

    /// The code to leave with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells the failure on stderr. A stderr that is gone is nobody to tell.
    pub fn report(&self) {
        if self.exit == Exit::Done {
            return;
        }
        let mut stderr = anstream::stderr().lock();
        for line in self.render().lines() {
            let _ = writeln!(stderr, "{}{line}", super::logging::error_mark());
        }
    }

    fn render(&self) -> String {
        let mut text = self.details.as_ref().map(|details| format!("{details}\n\n")).unwrap_or_default();
        let _ = writeln!(text, "{} {}", output::paint(style::ERROR, "habar: error:"), self.message);
        for line in &self.help {
            let _ = writeln!(text, "{} {line}", output::paint(style::HELP, "help:"));
        }
        text
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        use store::Error as Store;
        let exit = match &error {
            Store::Locked(_) | Store::Older { .. } | Store::Sqlite(_) => Exit::TryLater,
            Store::Open { denied: true, .. } => Exit::Permission,
            Store::Open { .. } | Store::Full | Store::NoRoomForCopy { .. } => Exit::CannotCreate,
            Store::Missing(_) => Exit::NoInput,
            Store::Newer { .. } | Store::Damaged(_) => Exit::Data,
            Store::Gone(_) | Store::Io(_) | Store::Closed => Exit::Io,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<daemon::Error> for Failure {
    fn from(error: daemon::Error) -> Self {
        use daemon::Error as Daemon;
        match error {
            Daemon::Store(error) => error.into(),
            Daemon::Config(errors) => Self::new(Exit::Config, "the config is refused").details(errors),
            Daemon::Tls(_) | Daemon::Http(_) | Daemon::Keyword(_) => {
                Self::new(Exit::Config, error.to_string())
            }
            Daemon::Sandbox(_) => Self::new(Exit::Config, error.to_string()),
            Daemon::Stopped(_) => Self::new(Exit::TryLater, error.to_string()),
            Daemon::Signals(_) => Self::new(Exit::Io, error.to_string()),
        }
    }
}

/// Prints what clap has to say: help and version as they are, mistakes in the form of every other error.
pub fn from_clap(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Err(error) => Failure::printing(&error).exit(),
            Ok(()) => Exit::Done,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            usage_failure(&error.render().to_string()).report();
            Exit::Usage
        }
    }
}

/// Takes clap's message apart: the mistake, its tips, the usage.
fn usage_failure(rendered: &str) -> Failure {
    let (message, rest) = rendered.split_once("\n\n").unwrap_or((rendered, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message).trim_end();
    let mut failure = Failure::new(Exit::Usage, message);
    for line in rest.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            failure = failure.help(tip);
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            failure = failure.help(format!("{usage}   (`habar --help` tells more)"));
        }
    }
    if failure.help.is_empty() { failure.help("`habar --help` tells more") } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_one_form() {
        let rendered = "error: unrecognized subcommand 'feed'\n\n  tip: a similar subcommand exists: 'feeds'\n\n\
                        Usage: habar [OPTIONS] <COMMAND>\n\nFor more information, try '--help'.\n";
        let failure = usage_failure(rendered);
        assert_eq!(failure.message, "unrecognized subcommand 'feed'");
        let help = [
            "a similar subcommand exists: 'feeds'",
            "habar [OPTIONS] <COMMAND>   (`habar --help` tells more)",
        ];
        assert_eq!(failure.help, help);
    }

    #[test]
    fn codes_follow_the_cause() {
        let path = Path::new("x");
        let cases = [
            (Failure::reading(path, &io::ErrorKind::NotFound.into()), Exit::NoInput),
            (Failure::reading(path, &io::ErrorKind::PermissionDenied.into()), Exit::Permission),
            (Failure::creating(path, &io::ErrorKind::StorageFull.into()), Exit::CannotCreate),
            (Failure::creating(path, &io::ErrorKind::PermissionDenied.into()), Exit::Permission),
            (Failure::printing(&io::ErrorKind::BrokenPipe.into()), Exit::Done),
            (Failure::printing(&io::ErrorKind::StorageFull.into()), Exit::Io),
        ];
        for (failure, exit) in cases {
            assert_eq!(failure.exit(), exit, "{}", failure.message);
        }
    }
}
