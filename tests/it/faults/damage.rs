//! A store file with bits flipped, sectors zeroed or its end cut off: a start refuses it and leaves it as it is,
//! or works with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use habar::cli::{Exit, Failure};
use habar::io::store::lease::Pick;
use habar::io::store::{Error, FILE_NAME, Store};
use habar::time::DAY;
use rusqlite::Connection;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use super::rounds;
use crate::program::{EAGER, Home, config};
use crate::world::{PORT, RAIL, RAILWAY, START, World, article, item};

/// The bytes of a store that has been used.
async fn used_store() -> Vec<u8> {
    let mut world = World::settled(RAILWAY).await;
    for (number, text) in (0..12).zip([RAIL, PORT].into_iter().cycle()) {
        let link = format!("http://a.test/{number}");
        world.page(&link, article(&format!("Story {number}"), &format!("{text} {number}")));
        world.publish("http://a.test/a.xml", item(&link, &format!("Story {number}")));
    }
    world.poll_all().await;
    world.pass(DAY / 4).await;
    assert!(!world.mail().is_empty());
    let copy = TempDir::new().unwrap();
    let path = copy.path().join(FILE_NAME);
    let store = Connection::open(world.state().join(FILE_NAME)).unwrap();
    store.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    let copied = Connection::open(&path).unwrap();
    copied.pragma_update(None, "journal_mode", "wal").unwrap();
    drop(copied);
    std::fs::read(path).unwrap()
}

/// Damage of a kind and at a place that `seed` draws.
fn damaged(sound: &[u8], seed: u64) -> Vec<u8> {
    let draw = |what: u64, below: usize| {
        usize::try_from(xxh3_64(&[seed, what].map(u64::to_le_bytes).concat()) % below as u64).unwrap()
    };
    let mut bytes = sound.to_owned();
    match draw(0, 10) {
        0 => bytes.truncate(draw(1, sound.len())),
        1 => {
            let at = draw(1, sound.len() / 512) * 512;
            bytes[at..at + 512].fill(0);
        }
        // The pages that everything depends on.
        2..=4 => {
            let at = draw(1, 8192);
            bytes[at] ^= 1 << draw(2, 8);
        }
        _ => {
            for flip in 0..=draw(1, 8) as u64 {
                let at = draw(10 + flip, sound.len());
                bytes[at] ^= 1 << draw(100 + flip, 8);
            }
        }
    }
    bytes
}

fn lay(dir: &Path, bytes: &[u8]) {
    std::fs::write(dir.join(FILE_NAME), bytes).unwrap();
    // Its length is all that a start looks at.
    std::fs::File::create(dir.join("ballast")).unwrap().set_len(1024 * 1024).unwrap();
}

/// Opens it and takes what is due; the error with which the daemon would end, if it would.
async fn go_on_from(dir: PathBuf) -> Result<(), Error> {
    let later = START + 30 * DAY;
    let store = Store::open(&dir, later)?;
    let _ = store.claim_polls(later, later, Pick::Usual, 24).await?;
    let _ = store.claim_pages(later, later, Pick::Usual, 24).await?;
    let _ = store.claim_pageless(later, Pick::Usual).await?;
    let _ = store.claim_recipients(later, 4).await?;
    let _ = store.claim_messages(later, "maildir:mail".to_owned(), 4).await?;
    store.next_due().await?;
    store.let_go(later).await
}

#[tokio::test]
async fn a_damaged_store_is_refused_and_left_as_it_is_or_works() {
    let sound = used_store().await;
    let dir = TempDir::new().unwrap();
    lay(dir.path(), &sound);
    go_on_from(dir.path().to_owned()).await.unwrap();
    let (mut refused, mut worked) = (0, 0);
    for seed in 0..rounds(40) as u64 {
        let dir = TempDir::new().unwrap();
        let bytes = damaged(&sound, seed);
        lay(dir.path(), &bytes);
        let opened = catch_unwind(AssertUnwindSafe(|| Store::open(dir.path(), START).map(drop)));
        match opened.unwrap_or_else(|_| panic!("seed {seed}: a panic")) {
            Ok(()) => {
                worked += 1;
                let went = tokio::spawn(go_on_from(dir.path().to_owned())).await;
                let went = went.unwrap_or_else(|_| panic!("seed {seed}: a panic"));
                let exit = went.err().map(|error| Failure::from(error).exit());
                assert!(matches!(exit, None | Some(Exit::Data)), "seed {seed}: ends with {exit:?}");
            }
            Err(error) => {
                refused += 1;
                let told = error.to_string();
                assert_eq!(Failure::from(error).exit(), Exit::Data, "seed {seed}: {told}");
                let left = std::fs::read(dir.path().join(FILE_NAME)).unwrap();
                assert!(left == bytes, "seed {seed}: it was refused and written to: {told}");
            }
        }
    }
    eprintln!("damaged stores: {refused} refused and left as they were, {worked} opened");
    assert!(refused > 0 && worked > 0, "{refused} refused, {worked} opened");
}

#[tokio::test]
async fn a_store_damaged_where_no_start_looks_ends_the_program_for_good() {
    let web = crate::web::Web::start().await;
    let home = Home::new(&config("maildir:mail", &[web.url("/feed.xml")], "[\"river\"]", EAGER));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    // A value of a kind that was never written there is sound to SQLite.
    Connection::open(home.database()).unwrap().execute("UPDATE feeds SET failures = 'many'", []).unwrap();
    let ended = home.run(&["run"]).await;
    assert_eq!(ended.code, Some(65), "with which systemd does not start it again: {}", ended.stderr);
    assert!(ended.stderr.contains("the store is damaged"), "{}", ended.stderr);
}
