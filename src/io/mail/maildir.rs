//! Mail as files in a Maildir: written to `tmp/`, synced, renamed into `new/`, and the rename synced.
//!
//! A file is named after the Message-ID, so a mail that is handed over again after a crash replaces itself.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Delivery, Envelope, Phase, Step, one_line, unix_lines};

/// A Maildir, made when the first mail comes.
#[derive(Clone, Debug)]
pub struct Maildir {
    dir: PathBuf,
    /// A write goes on when its future is dropped, and two of one mail share their file in `tmp/`.
    writing: Arc<Mutex<()>>,
}

impl Maildir {
    /// The Maildir in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, writing: Arc::default() }
    }

    pub(super) async fn send(&self, mail: &Envelope<'_>, steps: &mut (dyn FnMut(Step) + Send)) -> Delivery {
        let (dir, name, bytes) = (self.dir.clone(), file_name(mail.message_id), unix_lines(mail.bytes));
        let writing = self.writing.clone();
        let written = tokio::task::spawn_blocking(move || {
            let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
            deliver(&dir, &name, &bytes)
        });
        match written.await.unwrap_or_else(|e| Err(io::Error::other(e))) {
            Ok(path) => {
                let reply = one_line(&format!("written to {}", path.display()));
                steps(Step { phase: Phase::Write, detail: reply.clone() });
                Delivery::Sent { reply }
            }
            Err(e) => Delivery::Retry { reason: self.reason(&e), unknown: false, transport: true },
        }
    }

    pub(super) async fn probe(&self) -> Result<(), String> {
        let dir = self.dir.clone();
        let tried = tokio::task::spawn_blocking(move || try_out(&dir)).await;
        tried.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| self.reason(&e))
    }

    fn reason(&self, error: &io::Error) -> String {
        one_line(&format!("maildir {}: {error}", self.dir.display()))
    }
}

/// Always the same for one Message-ID, and nothing in it that a file system or a mail client could mind.
fn file_name(message_id: &str) -> String {
    format!("{:032x}.habar", xxhash_rust::xxh3::xxh3_128(message_id.as_bytes()))
}

fn deliver(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    make(dir)?;
    if let Some(there) = find(dir, name)? {
        // It may have been renamed just before a power cut that the rename did not outlast.
        sync(there.parent().unwrap_or(dir))?;
        return Ok(there);
    }
    let (unfinished, finished) = (dir.join("tmp").join(name), dir.join("new").join(name));
    let mut file = create(&unfinished)?;
    file.write_all(bytes)?;
    share(&file, &dir.join("new"))?;
    file.sync_all()?;
    fs::rename(&unfinished, &finished)?;
    sync(&dir.join("new"))?;
    Ok(finished)
}

/// Makes a file that nobody else has made: what lies there may be a crash's remainder, or a link that the owner of
/// the folder laid for a writer who may do more than they.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(path),
    }
}

/// A mail is for its owner alone, but in a folder that its group may write to it is for the group: that is how a
/// service's own user and the people who read the mail share a Maildir. Whatever the umask, and never for others.
fn share(file: &File, folder: &Path) -> io::Result<()> {
    let folder = fs::metadata(folder)?;
    if file.metadata()?.uid() == ROOT && folder.uid() != ROOT {
        fchown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    let group_may_write = folder.mode() & 0o020 != 0;
    if group_may_write { file.set_permissions(Permissions::from_mode(0o660)) } else { Ok(()) }
}

/// What root makes in a folder of somebody else is theirs: the administrator's `habar test-mail` must not shut the
/// service out of its own Maildir.
const ROOT: u32 = 0;

fn hand_over(made: &Path) -> io::Result<()> {
    let above = fs::metadata(made.parent().unwrap_or(made))?;
    if fs::symlink_metadata(made)?.uid() == ROOT && above.uid() != ROOT {
        lchown(made, Some(above.uid()), Some(above.gid()))?;
    }
    Ok(())
}

/// Whether a mail could be written.
fn try_out(dir: &Path) -> io::Result<()> {
    make(dir)?;
    let file = dir.join("tmp").join(format!("{}.probe.habar", std::process::id()));
    create(&file)?;
    fs::remove_file(file)
}

fn make(dir: &Path) -> io::Result<()> {
    let mut made = false;
    for sub in ["tmp", "new", "cur"].map(|sub| dir.join(sub)) {
        if !sub.is_dir() {
            let missing: Vec<&Path> = sub.ancestors().take_while(|folder| !folder.exists()).collect();
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&sub)?;
            missing.into_iter().rev().try_for_each(hand_over)?;
            made = true;
        }
    }
    if made { sync(dir) } else { Ok(()) }
}

/// The mail's file, if it was delivered before: in `new/`, or in `cur/`, where a mail client moves it and
/// adds flags to its name.
fn find(dir: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let fresh = dir.join("new").join(name);
    if fresh.try_exists()? {
        return Ok(Some(fresh));
    }
    for entry in fs::read_dir(dir.join("cur"))? {
        let entry = entry?;
        if is_named(&entry.file_name(), name) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn is_named(file: &OsStr, name: &str) -> bool {
    let rest = file.as_encoded_bytes().strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b":"))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
