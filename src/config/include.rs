//! The main file and the packs it includes, each read once, in order.

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::diagnostic::{At, Report, Severity};
use super::edit::Change;
use super::raw::{self, Document, Role};

/// The files of a config.
#[derive(Debug, Default)]
pub(super) struct Loaded<'c> {
    /// The main file first, then the packs, each with its number in the report.
    pub documents: Vec<(usize, Document)>,
    /// Files whose change changes the config, and folders where a glob may find more.
    pub watched: Vec<PathBuf>,
    /// What `documents` holds, as canonical paths.
    seen: Vec<PathBuf>,
    /// What is about to be written.
    changes: &'c [Change],
}

/// Reads the main file and everything it includes, as if the changes had been written.
pub(super) fn load<'c>(path: &Path, changes: &'c [Change], report: &mut Report) -> Loaded<'c> {
    let mut loaded = Loaded { changes, ..Loaded::default() };
    let mut chain = Vec::new();
    loaded.watched.push(path.to_owned());
    if let Err(error) = loaded.file(path, Role::Main, &mut chain, report) {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let help =
            missing.then(|| "`habar init` writes a config; --config FILE names another one".to_owned());
        report.about_file(Severity::Error, path, format!("cannot be read: {}", reason(&error)), help);
    }
    loaded
}

impl Loaded<'_> {
    /// Reads one file; `chain` holds the files that are being read, whose includes led here.
    fn file(
        &mut self,
        path: &Path,
        role: Role,
        chain: &mut Vec<PathBuf>,
        report: &mut Report,
    ) -> io::Result<()> {
        let change = self.changes.iter().find(|change| same_file(&change.path, path));
        let text = match change {
            Some(change) => change.new.clone(),
            None => String::from_utf8(std::fs::read(path)?)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?,
        };
        // A file that is not written yet has no other name.
        let canonical = path.canonicalize().or_else(|error| change.map(|_| path.to_owned()).ok_or(error))?;
        self.seen.push(canonical.clone());
        let file = report.add_file(path, text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned());
        let document = raw::read(file, role, report);
        let includes = document.include.clone();
        self.documents.push((file, document));
        chain.push(canonical);
        for include in includes {
            self.include(file, &include, chain, report);
        }
        chain.pop();
        Ok(())
    }

    fn include(
        &mut self,
        file: usize,
        include: &Spanned<String>,
        chain: &mut Vec<PathBuf>,
        report: &mut Report,
    ) {
        let at = At { file, span: include.span() };
        let folder = report.path(file).parent().unwrap_or(Path::new("")).to_owned();
        let pattern = include.get_ref().as_str();
        let is_glob = pattern.contains(['*', '?', '[']);
        let paths = if is_glob {
            match self.glob(&folder, pattern) {
                Ok(paths) => paths,
                Err(message) => {
                    return report.error(&at, message, r#"for example: "sources/*.toml""#.to_owned());
                }
            }
        } else {
            vec![folder.join(pattern)]
        };
        if paths.is_empty() {
            report.warn(&at, format!("{pattern:?} finds no file"), None);
        }
        for path in paths {
            self.pack(&at, &path, is_glob, chain, report);
        }
    }

    fn pack(&mut self, at: &At, path: &Path, is_glob: bool, chain: &mut Vec<PathBuf>, report: &mut Report) {
        if !self.watched.iter().any(|known| known == path) {
            self.watched.push(path.to_owned());
        }
        if let Ok(canonical) = path.canonicalize() {
            if chain.contains(&canonical) && !is_glob {
                let message = format!("{} includes itself", path.display());
                return report.error(at, message, circle(chain, &canonical));
            }
            // A pack named twice, or a glob that finds the file it stands in, means that file once.
            if self.seen.contains(&canonical) {
                return;
            }
        }
        if let Err(error) = self.file(path, Role::Pack, chain, report) {
            let help = (error.kind() == io::ErrorKind::NotFound)
                .then(|| "paths are relative to the file that includes them".to_owned());
            report.error(at, format!("{} cannot be read: {}", path.display(), reason(&error)), help);
        }
    }

    /// The files a glob finds, sorted; the folders it looks into are watched.
    fn glob(&mut self, folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let prefix = if Path::new(pattern).is_absolute() {
            String::new()
        } else {
            let folder =
                folder.to_str().ok_or("a glob in a folder whose name is not UTF-8 cannot be read")?;
            if folder.is_empty() { String::new() } else { format!("{}/", glob::Pattern::escape(folder)) }
        };
        let whole = format!("{prefix}{pattern}");
        let found = glob::glob(&whole).map_err(|error| format!("{pattern:?}: {}", error.msg))?;
        let fixed: PathBuf = Path::new(pattern)
            .iter()
            .take_while(|part| !part.to_string_lossy().contains(['*', '?', '[']))
            .collect();
        let mut folders = vec![folder.join(fixed)];
        let mut paths: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        paths.extend(self.not_yet_there(&whole));
        paths.sort();
        folders.extend(paths.iter().filter_map(|path| path.parent().map(Path::to_owned)));
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
            if !self.watched.contains(&folder) {
                self.watched.push(folder);
            }
        }
        Ok(paths)
    }

    /// New files that the glob will find.
    fn not_yet_there(&self, glob: &str) -> impl Iterator<Item = PathBuf> {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let finds = glob::Pattern::new(glob).ok();
        let new = self.changes.iter().map(|change| &change.path).filter(|path| !path.exists());
        new.filter(move |path| finds.as_ref().is_some_and(|glob| glob.matches_path_with(path, options)))
            .cloned()
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn circle(chain: &[PathBuf], again: &Path) -> Option<String> {
    let start = chain.iter().position(|path| path == again)?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = chain[start..].iter().map(|p| name(p)).chain([name(again)]).collect();
    Some(format!("take one of these out: {}", names.join(" includes ")))
}

/// The words of an I/O error without its number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
