//! Room on the disk that is kept for what must be recorded: a file that is given up when there is no other.
//!
//! Nothing is sent while the file is not there, so whatever was sent finds room to be written down.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Enough for the settles of every delivery under way.
const BYTES: usize = 1024 * 1024;

/// Once there was no room, there has to be this much before anything is asked for that would need some.
const ROOM: u64 = 4 * 1024 * 1024;

/// The file.
#[derive(Clone, Debug)]
pub struct Ballast {
    path: PathBuf,
    no_room: Arc<AtomicBool>,
}

impl Ballast {
    /// The ballast of a state directory.
    pub fn of(dir: &Path) -> Self {
        Self { path: dir.join("ballast"), no_room: Arc::default() }
    }

    /// Whether a store has been here.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Whether it holds all the room it should.
    pub fn is_whole(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|file| file.len() == BYTES as u64)
    }

    /// Makes sure that it is there, whole and on the disk.
    pub fn keep(&self) -> io::Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        let made = self.make();
        if made.is_err() {
            // Half a ballast holds nothing, and takes room that others need.
            self.give_up();
        }
        made
    }

    fn make(&self) -> io::Result<()> {
        // Not zeros: a file system that packs would keep no room for them.
        let block: Vec<u8> =
            (0..BYTES / 8).flat_map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()).to_le_bytes()).collect();
        let mut file = File::create(&self.path)?;
        file.write_all(&block)?;
        file.sync_all()
    }

    /// Remembers that something could not be written for want of room.
    pub fn note_no_room(&self) {
        self.no_room.store(true, Ordering::Relaxed);
    }

    /// Whether what is asked for can be stored: false from the first time that it could not until the disk
    /// has room again. A file system that does not tell is believed to have some.
    pub fn has_room(&self) -> bool {
        if !self.no_room.load(Ordering::Relaxed) {
            return true;
        }
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let free = super::free_bytes(dir).unwrap_or(u64::MAX);
        if free >= ROOM {
            self.no_room.store(false, Ordering::Relaxed);
        }
        free >= ROOM
    }

    /// Makes room.
    pub fn give_up(&self) {
        // What is not there cannot be given up, and need not be.
        let _ = std::fs::remove_file(&self.path);
    }
}
