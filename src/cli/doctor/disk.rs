//! The disk where the store lies: room for bytes and for files.

use std::fs;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use super::Finding;
use crate::cli::status::size;
use crate::io::store::FILE_NAME;

/// Under this much the store can soon grow no more.
const LITTLE: u64 = 500_000_000;
const TOO_LITTLE: u64 = 50_000_000;
/// The same in files.
const FEW: u64 = 1000;
const TOO_FEW: u64 = 50;

/// What the file system says of itself.
struct Room {
    free: u64,
    /// Files that can still be made; none where the file system makes them as it goes along.
    files: Option<u64>,
    read_only: bool,
    /// What the store takes now.
    store: u64,
}

/// The disk of the state directory, or of the folder that it will be made in.
pub(super) fn look(state: &Path) -> Option<Finding> {
    let there = |folder: &Path| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Some((folder.to_owned(), rustix::fs::statvfs(folder).ok()?))
    };
    let (folder, disk) = state.ancestors().find_map(there)?;
    let room = Room {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        files: (disk.f_files > 0).then_some(disk.f_favail),
        read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        store: fs::metadata(state.join(FILE_NAME)).map_or(0, |file| file.len()),
    };
    Some(judge(&folder, &room))
}

fn judge(folder: &Path, room: &Room) -> Finding {
    let folder = folder.display();
    if room.read_only {
        let what = format!("{folder} can only be read");
        return Finding::wrong("disk", what, "mount it for writing; `dmesg` may say why it is not");
    }
    let files = room.files.filter(|files| *files < FEW);
    let left = files.map_or_else(String::new, |files| format!(", and for {files} more files"));
    let what = format!("{folder} has room for {}{left}", size(room.free));
    let help = "make room; while there is none habar waits, and sends nothing that it could not record";
    if room.free < TOO_LITTLE || files.is_some_and(|files| files < TOO_FEW) {
        return Finding::wrong("disk", what, help);
    }
    if room.free < LITTLE || files.is_some() {
        return Finding::warning("disk", what, help);
    }
    if room.free < room.store {
        let what = format!("{what}, less than the store takes");
        return Finding::warning(
            "disk",
            what,
            "make room: an update of habar copies the store before it changes it",
        );
    }
    Finding::ok("disk", what)
}

#[cfg(test)]
mod tests {
    use super::super::Level::{self, Ok, Warning, Wrong};
    use super::*;

    #[test]
    fn room_for_bytes_and_for_files() {
        let usual = || Room { free: 9_000_000_000, files: Some(100_000), read_only: false, store: 0 };
        let cases: [(Room, Level, &str); 9] = [
            (usual(), Ok, "/s has room for 9.0 GB"),
            (Room { files: None, ..usual() }, Ok, "/s has room for 9.0 GB"),
            (Room { free: 499_000_000, ..usual() }, Warning, "/s has room for 499.0 MB"),
            (Room { free: 49_900_000, ..usual() }, Wrong, "/s has room for 49.9 MB"),
            (Room { free: 0, files: None, ..usual() }, Wrong, "/s has room for 0.0 MB"),
            (Room { files: Some(999), ..usual() }, Warning, "/s has room for 9.0 GB, and for 999 more files"),
            (Room { files: Some(49), ..usual() }, Wrong, "/s has room for 9.0 GB, and for 49 more files"),
            (
                Room { store: 9_000_000_001, ..usual() },
                Warning,
                "/s has room for 9.0 GB, less than the store takes",
            ),
            (Room { read_only: true, ..usual() }, Wrong, "/s can only be read"),
        ];
        for (room, level, what) in cases {
            let finding = judge(Path::new("/s"), &room);
            assert_eq!((finding.level, finding.what.as_str()), (level, what));
        }
    }
}
