//! What commands write into a config: new sources, and the pack that holds them.
//!
//! Everything that stands in a file stays, byte for byte: new lines are put between the old ones. A file is
//! replaced as a whole by one that the daemon accepts, or not at all.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FlockOperation, access, flock};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::Errors;

/// A source as a command writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSource {
    /// Its address.
    pub url: Url,
    /// The outlet's name; left out when there is none.
    pub name: Option<String>,
    /// What watches select it by.
    pub tags: Vec<String>,
    /// More keys, each with its value.
    pub more: Vec<(&'static str, String)>,
}

impl NewSource {
    /// The lines of its `[[source]]`.
    pub fn lines(&self) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut lines = format!("[[source]]\nurl = {}\n", text(self.url.as_str()));
        if let Some(name) = &self.name {
            let _ = writeln!(lines, "name = {}", text(name));
        }
        for (key, value) in &self.more {
            let _ = writeln!(lines, "{key} = {}", text(value));
        }
        if !self.tags.is_empty() {
            let tags: Vec<String> = self.tags.iter().map(|tag| text(tag)).collect();
            let _ = writeln!(lines, "tags = [{}]", tags.join(", "));
        }
        lines
    }
}

/// Lines of several sources, parted by blank lines.
pub fn lines(sources: &[NewSource]) -> String {
    sources.iter().map(NewSource::lines).collect::<Vec<_>>().join("\n")
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The config would be refused with what is new in it.
    #[error("with the new lines the config would be refused; it stays as it is")]
    Refused(Errors),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// New texts of files, looked over and not yet written. While it lives no other command edits this config.
#[derive(Debug)]
pub struct Edit {
    main: PathBuf,
    changes: Vec<Change>,
    /// Closed, and with it unlocked, when dropped.
    _lock: Option<File>,
}

/// One file and its new text.
#[derive(Debug)]
pub(super) struct Change {
    pub path: PathBuf,
    old: Option<String>,
    pub new: String,
}

impl Edit {
    /// Plans to add sources to `file`, which is the main file itself or a pack. A pack that is not there is
    /// made, and one that the main file does not include is included.
    pub fn add_sources(main: &Path, file: &Path, sources: &[NewSource]) -> Result<Self, EditError> {
        let lock = lock(folder(main));
        let old = read(file, file != main)?;
        let new = with_sources(old.as_deref().unwrap_or_default(), &lines(sources));
        let change = Change { path: file.to_owned(), old, new };
        let mut edit = Self { main: main.to_owned(), changes: vec![change], _lock: lock };
        if file != main && !edit.loads(file) {
            let old = read(main, false)?;
            let name = file.strip_prefix(folder(main)).unwrap_or(file).to_string_lossy().into_owned();
            let new = with_include(old.as_deref().unwrap_or_default(), &name);
            edit.changes.push(Change { path: main.to_owned(), old, new });
        }
        match super::load_changed(main, &edit.changes) {
            Ok(_) => Ok(edit),
            Err(errors) => Err(EditError::Refused(errors)),
        }
    }

    /// Whether the config includes this file.
    fn loads(&self, file: &Path) -> bool {
        let same = |other: &PathBuf| {
            other == file || matches!((other.canonicalize(), file.canonicalize()), (Ok(a), Ok(b)) if a == b)
        };
        super::load_changed(&self.main, &self.changes).is_ok_and(|config| config.files.iter().any(same))
    }

    /// The files that will be written.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.changes.iter().map(|change| change.path.as_path())
    }

    /// Writes it: the pack first, so that the daemon never reads a main file which includes what is not there.
    /// When the main file cannot be written, the pack is as it was before.
    pub fn write(self) -> Result<(), EditError> {
        for (at, change) in self.changes.iter().enumerate() {
            if let Err(error) = replace(&self.main, change) {
                self.changes[..at].iter().for_each(|done| take_back(&self.main, done));
                return Err(EditError::Write { path: change.path.clone(), error });
            }
        }
        Ok(())
    }
}

fn read(file: &Path, may_be_missing: bool) -> Result<Option<String>, EditError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        // What stands in the way of its folder is told when it is written.
        Err(error)
            if may_be_missing
                && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(EditError::Read { path: file.to_owned(), error }),
    }
}

/// The folder of a file that may be named without one.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Two commands at once must not take each other's lines out. Where locks are not to be had, they may.
fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    flock(&folder, FlockOperation::LockExclusive).ok()?;
    Some(folder)
}

// ---- the text

/// The text with more `[[source]]` after the last one, else at the end.
fn with_sources(text: &str, lines: &str) -> String {
    let at = after_last_source(text).unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    let mut new = String::new();
    if !before.is_empty() {
        new.push_str(if before.ends_with('\n') { "\n" } else { "\n\n" });
    }
    new.push_str(lines);
    if !after.is_empty() && !after.trim_start_matches('\r').starts_with('\n') {
        new.push('\n');
    }
    [before, &as_in(text, &new), after].concat()
}

/// With the line ends of the text.
fn as_in(text: &str, new: &str) -> String {
    if text.contains("\r\n") { new.replace('\n', "\r\n") } else { new.to_owned() }
}

/// Where the line after the last source begins.
fn after_last_source(text: &str) -> Option<usize> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let table = DeTable::parse(&text[mark..]).ok()?;
    let DeValue::Array(sources) = table.get_ref().get("source")?.get_ref() else { return None };
    let end = mark + sources.iter().map(end_of).max()?;
    let mut at = next_line(text, end);
    // Remarks that stand right below its keys belong to it, unless they lead over to the next header.
    let mut remark = at;
    while text[remark..].trim_start_matches([' ', '\t']).starts_with('#') {
        remark = next_line(text, remark);
    }
    let rest = &text[remark..];
    if rest.is_empty() || rest.starts_with(['\n', '\r']) {
        at = remark;
    }
    Some(at)
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

fn end_of(value: &Spanned<DeValue<'_>>) -> usize {
    let inside = match value.get_ref() {
        DeValue::Table(table) => table.iter().map(|(key, value)| key.span().end.max(end_of(value))).max(),
        DeValue::Array(values) => values.iter().map(end_of).max(),
        _ => None,
    };
    value.span().end.max(inside.unwrap_or(0))
}

/// The text with one more pack in its `include`.
fn with_include(text: &str, pack: &str) -> String {
    let pack = toml::Value::String(pack.to_owned()).to_string();
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let parsed = DeTable::parse(&text[mark..]);
    let include = parsed.as_ref().ok().and_then(|table| table.get_ref().get("include"));
    let Some((DeValue::Array(packs), span)) = include.map(|include| (include.get_ref(), include.span()))
    else {
        let at = after_heading(text, mark);
        return [&text[..at], &as_in(text, &format!("include = [{pack}]\n\n")), &text[at..]].concat();
    };
    let (start, end) = (mark + span.start + 1, mark + span.end - 1);
    let Some(last) = packs.last() else {
        let gap = if text[start..end].trim().is_empty() { "" } else { ", " };
        return [&text[..start], &pack, gap, &text[start..]].concat();
    };
    let last = mark + last.span().start..mark + last.span().end;
    let line_end = text[last.end..].find('\n').map_or(text.len(), |at| last.end + at);
    let has_comma = text[last.end..end].trim_start().starts_with(',');
    if line_end > end {
        return match text[last.end..end].find(',').filter(|_| has_comma) {
            Some(comma) => {
                let at = last.end + comma + 1;
                [&text[..at], " ", &pack, &text[at..]].concat()
            }
            None => [&text[..last.end], ", ", &pack, &text[last.end..]].concat(),
        };
    }
    let line_start = text[..last.start].rfind('\n').map_or(0, |at| at + 1);
    let indent: String = text[line_start..last.start].chars().take_while(|c| c.is_whitespace()).collect();
    let comma = if has_comma { "" } else { "," };
    let line_end = text[..line_end].strip_suffix('\r').map_or(line_end, str::len);
    let new = as_in(text, &format!("\n{indent}{pack},"));
    [&text[..last.end], comma, &text[last.end..line_end], &new, &text[line_end..]].concat()
}

/// After the remark that a file begins with, where a blank line parts it from the rest.
fn after_heading(text: &str, start: usize) -> usize {
    let mut at = start;
    while text[at..].starts_with('#') {
        at = next_line(text, at);
    }
    let blank = text[at..].starts_with(['\n', '\r']);
    if at > start && blank { next_line(text, at) } else { start }
}

// ---- the file

/// Puts the new text in the place of the old.
fn replace(main: &Path, change: &Change) -> io::Result<()> {
    // A link stays, and what it leads to is replaced.
    let path = change.path.canonicalize().unwrap_or_else(|_| change.path.clone());
    let old = fs::metadata(&path).ok();
    if old.is_some() {
        access(&path, Access::WRITE_OK)?;
    }
    let like = match old {
        Some(old) => old,
        None => fs::metadata(main)?,
    };
    make_folders(folder(&path), &fs::metadata(folder(main))?)?;
    let part = Part::beside(&path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part.0)?;
    file.write_all(change.new.as_bytes())?;
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    own(&file, &like)?;
    file.sync_all()?;
    if fs::read_to_string(&path).ok() != change.old {
        return Err(io::Error::other("somebody else has just changed it; try again"));
    }
    fs::rename(&part.0, &path)?;
    File::open(folder(&path))?.sync_all()
}

/// Undoes a change; what cannot be undone stays, and is included by nothing.
fn take_back(main: &Path, change: &Change) {
    let _ = match &change.old {
        None => fs::remove_file(&change.path),
        Some(old) => {
            let (old, new) = (Some(change.new.clone()), old.clone());
            replace(main, &Change { path: change.path.clone(), old, new })
        }
    };
}

/// Gives a file the owner of another, if it has one of its own.
fn own(file: &File, like: &Metadata) -> io::Result<()> {
    let is = file.metadata()?;
    let differs = |is: u32, should: u32| (is != should).then_some(should);
    let (user, group) = (differs(is.uid(), like.uid()), differs(is.gid(), like.gid()));
    if user.is_none() && group.is_none() { Ok(()) } else { fchown(file, user, group) }
}

/// Makes the folders that are missing, as open to others as the folder of the config.
fn make_folders(folder: &Path, like: &Metadata) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        let made = File::open(folder)?;
        made.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
        own(&made, like)?;
    }
    Ok(())
}

/// A file on its way, beside its place; gone unless it is put there.
struct Part(PathBuf);

impl Part {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        // A name that no glob for packs finds.
        let part = Self(folder(path).join(format!(".{name}.{}.part", std::process::id())));
        // Of a process that died; whoever had this number is no more.
        match fs::remove_file(&part.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(part),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // In its place already, or not wanted; there is nobody to tell.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;
