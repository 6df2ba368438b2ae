//! `habar backup`: a copy of the store that can take its place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::status::size;
use super::{Exit, Failure, Result, block_on};
use crate::daemon::systemd::Ends;
use crate::io::store::{self, FILE_NAME, backup, free_bytes};

/// Copy the store, also while the daemon runs, and look the copy over
///
/// FILE is written beside its place and put there whole, readable by its owner only.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Replace FILE if it is there
    #[arg(long)]
    force: bool,
}

impl Backup {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let state = global.state_dir(&global.config_file());
        let bytes = backup::size(&state)?;
        self.refuse_target(&state)?;
        refuse_without_room(folder(&self.file), bytes)?;
        let part = Part::beside(&self.file).map_err(|error| Failure::creating(&self.file, &error))?;
        let bar = if global.quiet || global.json { ProgressBar::hidden() } else { progress(bytes) };
        let copied = block_on(copy(state.clone(), part.path.clone(), bar.clone()))?;
        bar.finish_and_clear();
        let contents = copied.map_err(|failure| failure.naming(&self.file))?;
        part.place(&self.file).map_err(|error| Failure::creating(&self.file, &error))?;
        if global.json {
            output::json(&json!({ "file": self.file, "contents": contents }))?;
        } else {
            tell(global, &self.file, &state, &contents)?;
        }
        Ok(Exit::Done)
    }

    /// Never over the store itself, and over nothing else unless told to.
    fn refuse_target(&self, state: &Path) -> Result<()> {
        let refuse = |message: String| Failure::new(Exit::CannotCreate, message);
        let name = self.file.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name else {
            return Err(Failure::new(Exit::Usage, format!("{} names no file", self.file.display())));
        };
        let same = |a: &Path, b: &Path| match (fs::metadata(a), fs::metadata(b)) {
            (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        };
        let is_of_the_store = name.starts_with(FILE_NAME) || ["lock", "ballast"].contains(&name.as_str());
        let in_its_place = is_of_the_store && same(folder(&self.file), state);
        if in_its_place || same(&self.file, &state.join(FILE_NAME)) {
            let message = format!("{} belongs to the store itself", self.file.display());
            return Err(refuse(message).help("name a file outside of the state directory"));
        }
        match fs::symlink_metadata(&self.file) {
            Err(_) => Ok(()),
            Ok(there) if there.is_dir() => {
                let inside = self.file.join("habar-backup.db");
                Err(refuse(format!("{} is a folder", self.file.display()))
                    .help(format!("name a file in it: habar backup {}", inside.display())))
            }
            Ok(there) if there.is_file() && self.force => Ok(()),
            Ok(there) if there.is_file() => {
                Err(refuse(format!("{} exists and stays as it is", self.file.display()))
                    .help("name another file, or replace it with --force"))
            }
            Ok(_) => Err(refuse(format!("{} is no file to write to", self.file.display()))),
        }
    }
}

/// The folder of a file that may be named without one.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refuse_without_room(folder: &Path, bytes: u64) -> Result<()> {
    match free_bytes(folder) {
        Some(free) if free < bytes => Err(Failure::new(
            Exit::CannotCreate,
            format!(
                "no room in {}: the copy takes {}, {} are free",
                folder.display(),
                size(bytes),
                size(free)
            ),
        )
        .help("name a file on another disk")),
        _ => Ok(()),
    }
}

/// The copy on its way, beside its place; gone unless it is put there.
struct Part {
    path: PathBuf,
}

impl Part {
    fn beside(file: &Path) -> io::Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = folder(file).join(format!(".{name}.{}.part", std::process::id()));
        // Made here, so that nobody else can read what SQLite puts into it, or have it written elsewhere.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// Puts the copy in its place, where a power cut cannot take it away again.
    fn place(self, file: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, file)?;
        File::open(folder(file))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // In its place already, or not wanted; there is nobody to tell.
        let _ = fs::remove_file(&self.path);
        // SQLite keeps it beside a copy that it has not ended.
        let _ = fs::remove_file(format!("{}-journal", self.path.display()));
    }
}

/// Why there is no copy.
enum Stopped {
    Store(store::Error),
    Signal(&'static str),
    CannotListen(io::Error),
}

impl Stopped {
    fn naming(self, file: &Path) -> Failure {
        let file = file.display();
        match self {
            Self::Store(store::Error::Full) => {
                Failure::new(Exit::CannotCreate, format!("no room for {file} on its disk"))
                    .help("name a file on another disk")
            }
            Self::Store(error) => error.into(),
            Self::Signal(signal) => {
                Failure::new(Exit::TryLater, format!("stopped by {signal}: {file} was not written"))
            }
            Self::CannotListen(error) => {
                Failure::new(Exit::Io, format!("cannot listen for signals: {error}"))
            }
        }
    }
}

async fn copy(
    state: PathBuf,
    part: PathBuf,
    bar: ProgressBar,
) -> std::result::Result<backup::Contents, Stopped> {
    let mut ends = Ends::listen().map_err(Stopped::CannotListen)?;
    let to = part.clone();
    let copying = tokio::task::spawn_blocking(move || {
        backup::copy(&state, &to)?;
        backup::look(&to)
    });
    let drawing = tokio::spawn(show_growth(part, bar));
    let ended = tokio::select! {
        copied = copying => copied.unwrap_or(Err(store::Error::Closed)).map_err(Stopped::Store),
        signal = ends.next() => Err(Stopped::Signal(signal)),
    };
    drawing.abort();
    ended
}

async fn show_growth(part: PathBuf, bar: ProgressBar) {
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        bar.set_position(fs::metadata(&part).map_or(0, |file| file.len()));
    }
}

fn tell(global: &Global, file: &Path, state: &Path, contents: &backup::Contents) -> Result<()> {
    let waiting =
        if contents.waiting == 0 { String::new() } else { format!(" ({} waiting)", contents.waiting) };
    output::say(
        global,
        format!(
            "{} {}: {}, {}, {}{waiting}; schema {}, {}, intact",
            output::paint(style::GOOD, "copied to"),
            file.display(),
            output::counted(contents.sources as usize, "source"),
            output::counted(contents.articles as usize, "article"),
            output::counted(contents.mails as usize, "mail"),
            contents.schema,
            size(contents.bytes)
        ),
    )?;
    let whole = |path: &Path| shell(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let (file, state) = (whole(file), whole(state));
    output::say(
        global,
        format!(
            "\nTo restore it, stop habar, then:\n  \
             old=$(mktemp -d {state}/before-XXXXXX) && mv {state}/{FILE_NAME}* \"$old\"/ &&\n  \
             cp {file} {state}/{FILE_NAME} && chown --reference={state} {state}/{FILE_NAME}\n\
             What was mailed after the copy was taken is then mailed once more."
        ),
    )
}

/// A path as a shell reads it.
pub(super) fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%,:=".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn progress(bytes: u64) -> ProgressBar {
    // indicatif draws on a terminal's stderr only.
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("copying {bar:30} {bytes} of {total_bytes}") {
        bar.set_style(style);
    }
    bar
}
