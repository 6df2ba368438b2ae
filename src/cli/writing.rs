//! Sources that a command writes into the config, or hands over for somebody else to write.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::Global;
use super::backup::shell;
use super::output::{self, style};
use super::{Exit, Failure, Loaded, Result};
use crate::config::{self, Edit, EditError, NewSource};
use crate::io::store;

/// Where new sources go, and whether they do.
#[derive(Debug, clap::Args)]
pub struct Into {
    /// The file that they are written into: the config, or a pack that it includes or will include
    ///
    /// A relative name is looked for beside the config.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,

    /// Print the lines and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What came of it.
pub struct Outcome {
    /// The file that holds the sources, or is to hold them.
    pub file: PathBuf,
    /// What was written; empty when nothing was.
    pub written: Vec<PathBuf>,
    /// The lines of the sources.
    pub lines: String,
    /// Why nothing was written, though it should have been.
    failure: Option<Failure>,
}

impl Into {
    /// The file they go into; a pack of this name when none is asked for.
    pub fn file(&self, loaded: &Loaded, pack: Option<&str>) -> PathBuf {
        let folder = loaded.file.parent().unwrap_or(Path::new(""));
        let asked = self.into.as_ref().map(|name| folder.join(name));
        let file = asked.or_else(|| pack.map(|name| folder.join("sources").join(name)));
        let file = file.unwrap_or_else(|| loaded.file.clone());
        let is_main = matches!((file.canonicalize(), loaded.file.canonicalize()), (Ok(a), Ok(b)) if a == b);
        if is_main { loaded.file.clone() } else { file }
    }

    /// Writes the sources; a file that cannot be written is no end, for the lines can be pasted.
    pub fn write(&self, loaded: &Loaded, file: PathBuf, sources: &[NewSource]) -> Result<Outcome> {
        let lines = config::lines(sources);
        let mut outcome = Outcome { file, written: Vec::new(), lines, failure: None };
        if sources.is_empty() {
            return Ok(outcome);
        }
        let planned = Edit::add_sources(&loaded.file, &outcome.file, sources);
        if self.dry_run {
            planned.map_err(failure)?;
            return Ok(outcome);
        }
        let written = planned.and_then(|edit| {
            let files = edit.files().map(Path::to_owned).collect();
            edit.write().map(|()| files)
        });
        match written {
            Ok(files) => outcome.written = files,
            Err(error @ EditError::Write { .. }) => {
                let paste = format!("or paste the lines into {}", shell(&outcome.file));
                let is_pack = outcome.file != loaded.file;
                let include = if is_pack { ", and see that the config includes it" } else { "" };
                outcome.failure = Some(failure(error).help(paste + include));
            }
            Err(error) => return Err(failure(error)),
        }
        Ok(outcome)
    }

    /// Whether nothing is to be written.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

fn failure(error: EditError) -> Failure {
    match error {
        EditError::Read { path, error } => Failure::reading(&path, &error),
        EditError::Refused(errors) => {
            Failure::new(Exit::Config, EditError::Refused(errors.clone()).to_string()).details(errors)
        }
        EditError::Write { path, error } => {
            let failure = Failure::creating(&path, &error);
            let refused = error.kind() == io::ErrorKind::PermissionDenied;
            if refused { failure.help("do it as root, or as who owns the config") } else { failure }
        }
    }
}

impl Outcome {
    /// Tells people where the sources are now, or what to paste where; the command ends with what this returns.
    pub fn tell(self, global: &Global, loaded: &Loaded, into: &Into, what: &str) -> Result {
        if into.is_dry_run() {
            output::line(self.lines.trim_end())?;
            return Ok(Exit::Done);
        }
        if let Some(failure) = self.failure {
            output::line(self.lines.trim_end())?;
            return Err(failure);
        }
        let files: Vec<String> = self.written.iter().map(|file| file.display().to_string()).collect();
        output::say(
            global,
            format!("{} {what} into {}", output::paint(style::GOOD, "wrote"), files.join(" and ")),
        )?;
        output::say(global, heeded(loaded))?;
        Ok(Exit::Done)
    }

    /// The same for programs, in an object that the command adds to.
    pub fn as_json(&self, into: &Into) -> Value {
        json!({
            "into": self.file,
            "dry_run": into.is_dry_run(),
            "written": self.written,
            "lines": self.lines,
        })
    }

    /// How the command ends for programs.
    pub fn end(self) -> Result {
        self.failure.map_or(Ok(Exit::Done), Err)
    }
}

/// Who polls what is new.
fn heeded(loaded: &Loaded) -> &'static str {
    match store::is_held(&loaded.state) {
        Some(true) => "the daemon reads it within seconds",
        Some(false) => "no daemon runs: the next `habar run` or `habar once` reads it",
        None => "a running daemon reads it within seconds",
    }
}
