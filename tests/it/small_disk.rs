//! A disk so small that it can be full.
//!
//! Only a real file system can be. A test mounts one in a mount namespace of its own and runs another test,
//! an ignored one, as a process in it; where that is not allowed, it says so and passes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const INSIDE: &str = "HABAR_TEST_SMALL_DISK";

/// Runs the test of this name on a disk of 16 MiB, which holds its temporary folders.
pub fn run(name: &str) {
    let dir = TempDir::new().unwrap();
    let script = "mount -t tmpfs -o size=16m tmpfs \"$1\" && echo mounted && exec \"$2\" --exact \"$3\" --ignored --nocapture";
    let run = |options: &[&str]| {
        Command::new("unshare")
            .args(options)
            .args(["sh", "-c", script, "sh"])
            .arg(dir.path())
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(INSIDE, dir.path())
            .env("TMPDIR", dir.path())
            .output()
    };
    for options in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let Ok(output) = run(options) else { continue };
        let said = String::from_utf8_lossy(&output.stdout);
        if said.starts_with("mounted") {
            assert!(said.contains("1 passed"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
            return;
        }
    }
    eprintln!("SKIPPED {name}: no file system can be mounted here, so no disk can be full");
}

/// Where the disk is mounted; none outside of it.
pub fn mount() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// Writes until there is no byte left; the file that took them.
pub fn fill(mount: &Path) -> PathBuf {
    let path = mount.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    for piece in [65_536, 4096, 512, 1] {
        while file.write_all(&vec![b'x'; piece]).is_ok() {}
    }
    path
}
