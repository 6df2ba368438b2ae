//! `habar init`: a config to start from.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Failure, Result};
use crate::config;

/// Write a config with every option explained; asks nothing, overwrites nothing
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The folder for habar.toml
    #[arg(value_name = "DIR", default_value = "config")]
    folder: PathBuf,
}

impl Init {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let file = self.folder.join("habar.toml");
        fs::create_dir_all(&self.folder).map_err(|error| Failure::creating(&self.folder, &error))?;
        write_new(&file, config::TEMPLATE).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::new(Exit::CannotCreate, format!("{} exists and stays as it is", file.display()))
                    .help("name another folder: habar init DIR")
            }
            _ => Failure::creating(&file, &error),
        })?;
        if global.json {
            output::json(&json!({ "config": file }))?;
        } else {
            tell(global, &file)?;
        }
        Ok(Exit::Done)
    }
}

/// Writes a file that must not exist yet; what could not be written whole does not stay.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).open(file)?;
    let written = open.write_all(text.as_bytes()).and_then(|()| open.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(file);
    }
    written
}

fn tell(global: &Global, file: &Path) -> Result<()> {
    let command = |name: &str| output::paint(style::HELP, format!("habar {name}{}", config_option(file)));
    output::say(global, format!("wrote {}\n\nNext:", file.display()))?;
    output::say(global, format!("  1. put your feeds, keywords and mail address into {}", file.display()))?;
    output::say(global, format!("  2. {}   reads it back to you and finds mistakes", command("check")))?;
    output::say(
        global,
        format!("  3. {}     starts watching; saving the file is enough to change it", command("run")),
    )?;
    let note = config::load(file).ok().and_then(|config| config.maildir_note(&global.state_dir(file)));
    note.map_or(Ok(()), |note| output::say(global, format!("\n{note}")))
}

/// How a command finds this config: without an option where it is looked for anyway.
fn config_option(file: &Path) -> String {
    if file == Path::new("config/habar.toml") {
        String::new()
    } else {
        format!(" --config {}", file.display())
    }
}
