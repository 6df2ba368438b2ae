//! `habar init`: a config to start from.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Failure, Result};
use crate::config;

/// Write a config with every option explained, and packs; asks nothing, overwrites nothing
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The folder for habar.toml and the packs
    #[arg(value_name = "DIR", default_value = "config")]
    folder: PathBuf,
}

impl Init {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let file = self.folder.join("habar.toml");
        if file.symlink_metadata().is_ok() {
            return Err(taken(&file));
        }
        // The main file comes last: an `init` that was cut short can be done again.
        let mut packs = Vec::new();
        for (name, text) in config::PACKS {
            let path = self.folder.join(name);
            make_folders(path.parent().unwrap_or(&self.folder))?;
            let written = write_new(&path, text)?;
            packs.push((path, written));
        }
        if !write_new(&file, config::TEMPLATE)? {
            return Err(taken(&file));
        }
        if global.json {
            let packs: Vec<_> = packs.iter().map(|(path, _)| path).collect();
            output::json(&json!({ "config": file, "packs": packs }))?;
        } else {
            tell(global, &file, &packs)?;
        }
        Ok(Exit::Done)
    }
}

fn taken(file: &Path) -> Failure {
    Failure::new(Exit::CannotCreate, format!("{} exists and stays as it is", file.display()))
        .help("name another folder: habar init DIR")
}

/// What lies below `/etc` is read by a service under a user of its own, whatever the umask of the administrator.
fn is_for_all(path: &Path) -> bool {
    std::path::absolute(path).is_ok_and(|path| path.starts_with("/etc"))
}

fn make_folders(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    let made = fs::create_dir_all(folder).and_then(|()| {
        let mut made = missing.into_iter().filter(|folder| is_for_all(folder));
        made.try_for_each(|folder| fs::set_permissions(folder, Permissions::from_mode(0o755)))
    });
    made.map_err(|error| Failure::creating(folder, &error))
}

/// Writes a file that must not exist yet, and says whether it did so; what could not be written whole does not stay.
fn write_new(path: &Path, text: &str) -> Result<bool> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        opened => opened.map_err(|error| Failure::creating(path, &error))?,
    };
    let readable =
        if is_for_all(path) { file.set_permissions(Permissions::from_mode(0o644)) } else { Ok(()) };
    let written = readable.and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.sync_all());
    written.map(|()| true).map_err(|error| {
        let _ = fs::remove_file(path);
        Failure::creating(path, &error)
    })
}

fn tell(global: &Global, file: &Path, packs: &[(PathBuf, bool)]) -> Result<()> {
    for (path, written) in packs {
        let what = if *written { "wrote" } else { "kept, since it was there:" };
        output::say(global, format!("{what} {}", path.display()))?;
    }
    output::say(global, format!("wrote {}\n\nNext:", file.display()))?;
    let check = format!("habar check{}", config_option(file));
    let run = if is_for_all(file) {
        "systemctl enable --now habar".to_owned()
    } else {
        format!("habar run{}", config_option(file))
    };
    let width = check.len().max(run.len());
    let command = |text: &str| output::paint(style::HELP, format!("{text:width$}"));
    output::say(global, format!("  1. put your mail address and server into {}", file.display()))?;
    output::say(global, format!("  2. {}   reads it back to you and finds mistakes", command(&check)))?;
    output::say(
        global,
        format!("  3. {}   starts watching; saving the file is enough to change it", command(&run)),
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
