//! The files of a config, looked at until one of them changes.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is known of the files.
#[derive(Debug, Default)]
pub struct Files {
    /// As they were when the config was read.
    read: Prints,
    /// As they were a look ago, when that was something else.
    changing: Option<Prints>,
}

/// What changes when a file is saved, replaced or linked to another; none: there is no such file.
type Print = Option<(SystemTime, u64, u64)>;
type Prints = HashMap<PathBuf, Print>;

impl Files {
    /// The files as they are now.
    pub fn look(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        Self { read: prints(paths), changing: None }
    }

    /// Where the files are.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.read.keys()
    }

    /// Looks at files that were not known before as well; false when there is none.
    pub fn add(&mut self, paths: &[PathBuf]) -> bool {
        let new = prints(paths.iter().filter(|path| !self.read.contains_key(*path)));
        let some = !new.is_empty();
        self.read.extend(new);
        some
    }

    /// Forgets all files but these.
    pub fn keep(&mut self, paths: &[PathBuf]) {
        self.read.retain(|path, _| paths.contains(path));
    }

    /// True when the files differ from what was read, and stood so at the last look already: whoever
    /// saves may do it in several steps, and half a config would look like one with much taken out.
    pub fn have_changed(&mut self) -> bool {
        let now = prints(self.read.keys());
        if now == self.read {
            self.changing = None;
            return false;
        }
        let settled = self.changing.as_ref() == Some(&now);
        self.changing = Some(now);
        settled
    }
}

fn prints(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Prints {
    files.into_iter().map(|path| (path.as_ref().to_owned(), print(path.as_ref()))).collect()
}

fn print(path: &Path) -> Print {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_save_is_seen_once_it_stands_still() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("habar.toml");
        fs::write(&path, "a").unwrap();
        let mut files = Files::look([&path]);
        assert!(!files.have_changed(), "nothing has happened");
        fs::write(&path, "").unwrap();
        assert!(!files.have_changed(), "half a save");
        fs::write(&path, "abc").unwrap();
        assert!(!files.have_changed(), "the other half");
        assert!(files.have_changed(), "nothing more came");
        fs::remove_file(&path).unwrap();
        assert!(!files.have_changed(), "perhaps it is being replaced");
        assert!(files.have_changed(), "it is gone");
    }

    #[test]
    fn a_new_file_in_a_folder_of_a_glob_changes_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let main = folder.path().join("habar.toml");
        let mut files = Files::look([&main]);
        assert!(files.add(&[folder.path().to_owned()]));
        assert!(!files.add(&[folder.path().to_owned()]), "known already");
        fs::write(folder.path().join("pack.toml"), "").unwrap();
        assert!(!files.have_changed() && files.have_changed());
        files.keep(&[main]);
        assert!(!files.have_changed(), "the folder is no longer looked at");
    }
}
