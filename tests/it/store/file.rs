//! The file: who may open it, what it refuses, and how it is written.

use super::*;
use habar::io::store::requests::{Request, ask};
use habar::io::store::{Error, ask_read_only, is_held, life, open_read_only};

#[tokio::test]
async fn a_second_process_is_locked_out_until_the_first_is_gone() {
    let rig = Rig::empty();
    match Store::open(rig.path(), NOW) {
        Err(Error::Locked(dir)) => assert_eq!(dir, rig.path()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two daemons would mail everything twice"),
    }
    let dir = rig.dir;
    drop(rig.open);
    assert!(Store::open(dir.path(), NOW).is_ok());
}

#[tokio::test]
async fn the_file_is_marked_as_ours() {
    let rig = Rig::empty();
    assert_eq!(rig.ask::<i64>("SELECT * FROM pragma_application_id"), 0x6861_6272);
    assert_eq!(rig.ask::<String>("SELECT * FROM pragma_journal_mode"), "wal");
}

/// What is done to a good file.
type Spoil<'a> = &'a dyn Fn(&Path);

#[test]
fn a_file_of_another_program_or_version_is_refused_and_left_as_it_is() {
    let ours = |dir: &Path| drop(Store::open(dir, NOW).unwrap());
    let sql =
        |dir: &Path, sql: &str| Connection::open(dir.join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
    let theirs = |dir: &Path| sql(dir, "CREATE TABLE cookies (name); INSERT INTO cookies VALUES ('theirs')");
    let newer = |dir: &Path| {
        ours(dir);
        sql(dir, "PRAGMA user_version = 9999");
    };
    let garbage =
        |dir: &Path| std::fs::write(dir.join(FILE_NAME), b"no database at all, but text".repeat(99)).unwrap();
    let cases: [(&str, Spoil<'_>, &str); 3] = [
        ("another program", &theirs, "another program"),
        ("a newer version", &newer, "has schema 9999"),
        ("garbage", &garbage, "not a database"),
    ];
    for (name, make, words) in cases {
        let dir = TempDir::new().unwrap();
        make(dir.path());
        let file = dir.path().join(FILE_NAME);
        let before = std::fs::read(&file).unwrap();
        let refusals = [
            Store::open(dir.path(), NOW).err(),
            ask(dir.path(), &Request::Poll(FEED.to_owned()), NOW).err(),
            open_read_only(dir.path()).err(),
        ];
        for refusal in refusals {
            let refusal = refusal.unwrap_or_else(|| panic!("{name} was taken")).to_string();
            assert!(refusal.contains(words), "{name}: {refusal}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "{name} was written to");
    }
}

#[test]
fn a_reader_makes_no_file() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(open_read_only(dir.path()), Err(Error::Missing(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(Store::open(dir.path(), NOW).unwrap());
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let reader = open_read_only(dir.path()).unwrap();
    let feeds: i64 = reader.query_row("SELECT count(*) FROM feeds", [], |row| row.get(0)).unwrap();
    assert_eq!((feeds, files()), (0, before));
    assert!(reader.execute("DELETE FROM meta", []).is_err(), "and it cannot write");
}

#[tokio::test]
async fn a_reader_sees_what_the_daemon_has_committed() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let reader = open_read_only(rig.path()).unwrap();
    let entries: i64 = reader.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
    assert_eq!(entries, 1);
}

#[test]
fn it_can_be_seen_whether_somebody_holds_the_store_and_seeing_takes_nothing() {
    let dir = TempDir::new().unwrap();
    assert_eq!(is_held(dir.path()), Some(false));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "to look makes no file");
    let store = Store::open(dir.path(), NOW).unwrap();
    assert_eq!(is_held(dir.path()), Some(true));
    drop(store);
    assert_eq!(is_held(dir.path()), Some(false));

    // Whoever looks just now keeps nobody out.
    let looking = std::fs::File::open(dir.path().join("lock")).unwrap();
    looking.try_lock_shared().unwrap();
    let path = dir.path().to_owned();
    let opening = std::thread::spawn(move || Store::open(&path, NOW).map(drop));
    drop(looking);
    opening.join().unwrap().unwrap();
}

#[test]
fn a_store_of_an_older_version_is_asked_nothing_that_it_does_not_have() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(FILE_NAME);
    let first = include_str!("../../../src/io/store/migrations/0001.sql");
    let mark = "PRAGMA application_id = 0x68616272; PRAGMA user_version = 1; PRAGMA journal_mode = wal;";
    Connection::open(&file).unwrap().execute_batch(&format!("{first}{mark}")).unwrap();
    let before = std::fs::read(&file).unwrap();
    let refusals = [
        ask(dir.path(), &Request::Poll(FEED.to_owned()), NOW).err(),
        ask_read_only(dir.path(), |connection| life::by_title(connection, "News")).err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(Error::Older { found: 1, .. })), "{refusal:?}");
    }
    assert!(ask_read_only(dir.path(), habar::io::store::overview::known).is_ok(), "what it has can be read");
    assert!(std::fs::read(&file).unwrap() == before, "it was written to");
    drop(Store::open(dir.path(), NOW).unwrap());
    assert!(!ask(dir.path(), &Request::Poll(FEED.to_owned()), NOW).unwrap(), "it is up to date");
    assert!(dir.path().join(format!("{FILE_NAME}.schema-1")).exists());
}

#[tokio::test]
async fn one_commit_serves_many_settles() {
    let sources: Vec<_> = (0..200).map(|n| format!("https://host{n}.example/")).collect();
    let rig = Rig::new(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let leases = rig.store().claim_polls(NOW, NOW, Pick::Usual, 200).await.unwrap();
    assert_eq!(leases.len(), 200);
    let before = Wal::read(rig.path());
    let settles: Vec<_> = leases
        .into_iter()
        .map(|lease| {
            let store = rig.store().clone();
            tokio::spawn(async move { store.settle_poll(lease, polled(NOW)).await.unwrap() })
        })
        .collect();
    for settle in settles {
        assert!(settle.await.unwrap().is_some());
    }
    let after = Wal::read(rig.path());
    assert_eq!(after.salts, before.salts, "the log began anew: it counts no commits");
    let commits = after.commits - before.commits;
    assert!((1..=20).contains(&commits), "200 settles took {commits} commits");
}

#[tokio::test]
async fn the_write_ahead_log_is_grown_at_the_start_and_never_cut() {
    let rig = Rig::new(&[FEED]).await;
    let start = Wal::read(rig.path()).bytes;
    assert!(start >= 256 * 1024, "{start} bytes");
    let mut lowest = start;
    let mut salts = Vec::new();
    for round in 0..40 {
        let now = NOW + round * HOUR;
        let number = i64::from(round) * 200;
        rig.publish(now, (number..number + 200).map(entry).collect()).await;
        let wal = Wal::read(rig.path());
        lowest = lowest.min(wal.bytes);
        salts.push(wal.salts);
    }
    salts.dedup();
    assert!(salts.len() > 1, "it was written from the start again");
    assert_eq!(lowest, start);
}

/// The write-ahead log as it lies on the disk (sqlite.org/fileformat2.html, section 4).
struct Wal {
    bytes: usize,
    salts: [u8; 8],
    /// Frames that end a transaction since the log began.
    commits: usize,
}

impl Wal {
    fn read(dir: &Path) -> Self {
        let log = std::fs::read(dir.join(format!("{FILE_NAME}-wal"))).unwrap();
        let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
        let salts: [u8; 8] = log[16..24].try_into().unwrap();
        let frame = 24 + number(8) as usize;
        let frames = (32..log.len()).step_by(frame).take_while(|at| log[at + 8..at + 16] == salts);
        let commits = frames.filter(|at| number(at + 4) != 0).count();
        Self { bytes: log.len(), salts, commits }
    }
}

#[test]
fn an_emptied_file_is_no_new_store() {
    let dir = TempDir::new().unwrap();
    drop(Store::open(dir.path(), NOW).unwrap());
    let file = dir.path().join(FILE_NAME);
    std::fs::write(&file, b"").unwrap();
    let refusal = Store::open(dir.path(), NOW).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refusal.contains("empty") && refusal.contains("backup"), "{refusal}");
    std::fs::remove_file(&file).unwrap();
    assert!(Store::open(dir.path(), NOW).is_ok(), "whoever takes it away wants a new one");
    // A process that died before it had made anything.
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), b"").unwrap();
    assert!(Store::open(dir.path(), NOW).is_ok());
}
