//! The built program as a service: what systemd hears, reloads, the end, what other processes may do beside
//! it, and what it makes of a store that is not as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use habar::io::store::requests::{self, Request};
use habar::time::Clock;
use rusqlite::Connection;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::program::{Daemon, EAGER, Home, Item, config, end, rss};
use crate::smtp_server::{Act, At, Authority, Security, SmtpServer};
use crate::web::{Answer, Manner, Web};

const PATIENCE: Duration = Duration::from_secs(30);

/// An entry without a page, of which no two are alike.
fn item(title: &str) -> Item {
    let words = title.chars().map(|c| format!("{c}{}", u32::from(c))).collect::<Vec<_>>();
    Item { guid: title.to_owned(), title: title.to_owned(), summary: words.join(" "), link: None }
}

/// An outlet with one feed.
pub struct Outlet {
    pub web: Web,
    entries: Vec<Item>,
}

impl Outlet {
    pub async fn open() -> Self {
        Self::open_at("127.0.0.1").await
    }

    pub async fn open_at(ip: &str) -> Self {
        let outlet = Self { web: Web::at(ip).await, entries: Vec::new() };
        outlet.web.page("/feed.xml", Answer::feed(rss(&[])));
        outlet
    }

    pub fn url(&self) -> url::Url {
        self.web.url("/feed.xml")
    }

    pub fn publish(&mut self, title: &str) {
        self.entries.insert(0, item(title));
        self.web.page("/feed.xml", Answer::feed(rss(&self.entries)));
    }
}

pub fn via(smtp: &SmtpServer) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", smtp.port)
}

/// The mails that were taken, as one text.
pub fn mails(smtp: &SmtpServer) -> String {
    smtp.taken().iter().map(|mail| String::from_utf8_lossy(&mail.bytes).into_owned()).collect()
}

/// Waits for a mail that tells this.
pub async fn mail_about(smtp: &SmtpServer, title: &str) {
    for count in 1.. {
        if mails(smtp).contains(title) {
            return;
        }
        smtp.wait_for(count.max(smtp.taken().len() + 1)).await;
    }
}

// ---------------------------------------------------------------- systemd

#[tokio::test]
async fn systemd_hears_of_every_turn() {
    let outlet = Outlet::open().await;
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    let mut command = home.habar(&["run"]);
    command.env("NOTIFY_SOCKET", home.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    let daemon = Daemon::spawn(command);

    until_told(&socket, "READY=1").await;
    until_told(&socket, "WATCHDOG=1").await;
    until_told(&socket, "WATCHDOG=1").await;
    daemon.signal("HUP");
    let told = until_told(&socket, "RELOADING=1").await;
    let began = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect(&told);
    assert!(began.parse::<u64>().is_ok_and(|micros| micros > 0), "{told}");
    until_told(&socket, "READY=1").await;
    daemon.stop().await;
    until_told(&socket, "STOPPING=1").await;
    let more = timeout(Duration::from_millis(1), told_next(&socket)).await;
    assert!(more.is_err(), "nothing comes after the end: {more:?}");
}

async fn told_next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

async fn until_told(socket: &UnixDatagram, what: &str) -> String {
    let told = async {
        loop {
            let told = told_next(socket).await;
            if told.lines().any(|line| line == what) {
                return told;
            }
        }
    };
    timeout(PATIENCE, told).await.expect(what)
}

// ---------------------------------------------------------------- reload

#[tokio::test]
async fn a_save_is_read_told_and_obeyed() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    let with = |keywords: &str| config(&via(&smtp), &[outlet.url()], keywords, EAGER);
    let (river, both, broken, three) = (
        with("[\"river\"]"),
        with("[\"river\", \"bridge\"]"),
        with("[\"river\"]") + "keywrods = [\"mill\"]\n",
        with("[\"river\", \"bridge\", \"mill\"]"),
    );
    let home = Home::new(&river);
    let daemon = home.daemon().await;

    home.save(&both);
    daemon.wait_to_hear("keywords +\"bridge\"").await;
    outlet.publish("A bridge opens");
    mail_about(&smtp, "A bridge opens").await;

    home.save(&broken);
    daemon.wait_to_hear("the old one stays in force").await;
    let line = broken.lines().count();
    daemon.wait_to_hear(&format!("habar.toml:{line}:1: error: ")).await;
    daemon.wait_to_hear("did you mean \"keywords\"?").await;
    outlet.publish("The bridge closes");
    mail_about(&smtp, "The bridge closes").await;

    home.save(&three);
    daemon.wait_to_hear("keywords +\"mill\"").await;
    outlet.publish("The mill turns");
    mail_about(&smtp, "The mill turns").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_shorter_wait_holds_from_the_save_on() {
    let outlet = Outlet::open().await;
    let with = |floor: &str, ceiling: &str| {
        let polling = format!("[polling]\nbudget = 1\nfloor = \"{floor}\"\nceiling = \"{ceiling}\"\n");
        config("maildir:mail", &[outlet.url()], "[\"river\"]", &polling)
    };
    let home = Home::new(&with("1s", "24h"));
    let daemon = home.daemon().await;
    daemon.wait_to_hear("source works").await;
    home.save(&with("1s", "1s"));
    asked(&outlet.web, "/feed.xml", 2).await;
    home.save(&with("1s", "24h"));
    daemon.wait_to_hear("ceiling 1s → 1d").await;
    let before = outlet.web.log().len();
    home.save(&with("1s", "24h").replace("url = ", "max_interval = \"1s\"\nurl = "));
    asked(&outlet.web, "/feed.xml", before + 3).await;
    daemon.stop().await;
}

#[tokio::test]
async fn sighup_reads_at_once_and_says_what_changed() {
    let outlet = Outlet::open().await;
    let with = |keywords: &str| config("maildir:mail", &[outlet.url()], keywords, "");
    let home = Home::new(&with("[\"river\"]"));
    let daemon = home.daemon().await;
    daemon.signal("HUP");
    daemon.wait_to_hear("nothing changed why=SIGHUP").await;
    home.save(&with("[\"lake\"]"));
    daemon.signal("HUP");
    daemon.wait_to_hear("keywords +\"lake\" -\"river\"").await;
    let log = daemon.stop().await;
    assert!(log.contains("config read again why=SIGHUP"), "{log}");
}

#[tokio::test]
async fn the_last_of_many_saves_counts() {
    let outlet = Outlet::open().await;
    let with = |keyword: &str| config("maildir:mail", &[outlet.url()], &format!("[{keyword:?}]"), "");
    let home = Home::new(&with("river"));
    let daemon = home.daemon().await;
    for round in ["one", "two"] {
        for keyword in ["alder", "birch", "cedar"] {
            // In place: others see the file empty for a moment.
            std::fs::write(home.config(), with(keyword)).unwrap();
        }
        std::fs::write(home.config(), with(round)).unwrap();
        daemon.wait_to_hear(&format!("keywords +\"{round}\"")).await;
    }
    let log = daemon.stop().await;
    assert!(!log.contains("removed"), "half a config was obeyed: {log}");
}

// ---------------------------------------------------------------- one at a time

#[tokio::test]
async fn a_second_daemon_and_once_are_sent_away() {
    let outlet = Outlet::open().await;
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    let daemon = home.daemon().await;
    for arguments in [&["run"][..], &["once"]] {
        let second = home.run(arguments).await;
        assert_eq!(second.code, Some(75), "{}", second.stderr);
        assert!(second.stderr.contains("another habar holds"), "{}", second.stderr);
    }
    daemon.stop().await;
    assert_eq!(home.run(&["once"]).await.code, Some(0));
}

// ---------------------------------------------------------------- the end

#[tokio::test]
async fn a_page_that_stalls_does_not_hold_up_the_end_and_is_no_suspect() {
    for signal in ["TERM", "INT"] {
        let web = Web::start().await;
        let page = web.url("/full/page").to_string();
        let stalled = Item { link: Some(page), ..item("The river rose") };
        web.page("/full.xml", Answer::feed(rss(&[stalled])));
        web.page("/full/page", Answer::status(200).manner(Manner::Stall));
        let home = Home::new(&config("maildir:mail", &[web.url("/full.xml")], "[\"river\"]", EAGER));
        let daemon = home.daemon().await;
        asked(&web, "/full/page", 1).await;
        daemon.signal(signal);
        let (status, log) = daemon.ended().await;
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains(&format!("habar stops signal=\"SIG{signal}\"")), "{log}");
        assert_eq!(home.ask("SELECT count(*) FROM entries WHERE owner IS NOT NULL OR crashes > 0"), 0);
        assert_eq!(home.ask("SELECT count(*) FROM entries WHERE due_at IS NOT NULL"), 1, "it comes back");
    }
}

/// Waits until the store answers this.
async fn until_stored(home: &Home, sql: &str, answer: i64) {
    let stored = async {
        while home.ask(sql) != answer {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, stored).await.expect(sql);
}

/// Waits until a page was asked for so often.
async fn asked(web: &Web, path: &str, times: usize) {
    let heard = async {
        while web.log().iter().filter(|asked| asked.path == path).count() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("the page is asked for");
}

#[tokio::test]
async fn a_second_signal_ends_the_waiting_for_a_mail() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    smtp.always(At::Dot, Act::TakeAndStall);
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", EAGER));
    let daemon = home.daemon().await;
    smtp.wait_for(1).await;
    daemon.signal("TERM");
    daemon.wait_to_hear("habar stops signal").await;
    daemon.signal("INT");
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("habar stops at once"), "{log}");

    smtp.behave();
    let daemon = home.daemon().await;
    let taken = smtp.wait_for(2).await;
    daemon.stop().await;
    assert_eq!((&taken[0].message_id, &taken[0].bytes), (&taken[1].message_id, &taken[1].bytes));
}

#[tokio::test]
async fn a_mail_under_way_is_waited_for_and_no_longer_than_granted() {
    use habar::daemon::{assemble::assemble, drive};
    use habar::io::store::Store;
    use habar::pipeline::driver::{Driver, Grace};
    use tokio_util::sync::CancellationToken;

    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    smtp.always(At::Dot, Act::TakeAndStall);
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", EAGER));
    let read = habar::config::load(&home.config()).unwrap();
    let clock = Clock::System;
    let store = Store::open(&home.state(), clock.now()).unwrap();
    let plan = assemble(&read, &store, clock.now(), None).await.unwrap();
    let pipeline = habar::pipeline::Pipeline::new(store.clone(), clock.clone(), plan);

    let stop = CancellationToken::new();
    let grace = Grace { requests: Duration::from_millis(20), mails: Duration::from_millis(20) };
    let driving = tokio::spawn(drive(Driver::new(pipeline), stop.clone(), grace));
    smtp.wait_for(1).await;
    stop.cancel();
    driving.await.unwrap().unwrap();
    assert_eq!(home.ask("SELECT count(*) FROM messages WHERE owner IS NOT NULL"), 1, "still held");
    store.let_go(clock.now()).await.unwrap();
    let free = "SELECT count(*) FROM messages WHERE owner IS NULL AND crashes = 0 AND due_at IS NOT NULL";
    assert_eq!(home.ask(free), 1, "due again, and nobody's crash");
}

// ---------------------------------------------------------------- beside the daemon

/// Everything in a folder with a hash of it. The index of the log is memory that processes share.
pub fn snapshot(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let hash = match &path {
            _ if path.is_dir() => {
                snapshot(&path).values().fold(1_u64, |sum, hash| sum.wrapping_mul(31) ^ hash)
            }
            _ if name.ends_with("-shm") => 0,
            _ => xxhash_rust::xxh3::xxh3_64(&std::fs::read(&path).unwrap()),
        };
        found.insert(name, hash);
    }
    found
}

const READERS: [&[&str]; 14] = [
    &["watches"],
    &["watches", "--json"],
    &["why", "river rose"],
    &["why", "river rose", "--json"],
    &["feeds"],
    &["feeds", "--json"],
    &["status"],
    &["status", "--json"],
    &["outbox"],
    &["outbox", "list"],
    &["outbox", "list", "--json"],
    &["outbox", "show", "1"],
    &["outbox", "show", "1", "--json"],
    &["doctor", "--json"],
];

async fn readers_change_nothing(home: &Home, by: &[&str], when: &str) {
    let before = snapshot(&home.state());
    for arguments in READERS {
        let read = end(home.habar_by(by, arguments)).await;
        assert_eq!(read.code, Some(0), "{when}: {arguments:?}: {}", read.stderr);
        assert!(!read.stdout.is_empty(), "{when}: {arguments:?}");
        if arguments.contains(&"--json") {
            serde_json::from_str::<serde_json::Value>(&read.stdout).expect(&read.stdout);
        }
        let told = if arguments[0] == "outbox" { read.stdout.contains("river") } else { true };
        assert!(told, "{when}: {arguments:?}: {}", read.stdout);
    }
    assert_eq!(snapshot(&home.state()), before, "{when}");
}

#[tokio::test]
async fn commands_that_read_change_nothing() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", ""));
    let daemon = home.daemon().await;
    daemon.wait_to_hear("mail sent").await;
    readers_change_nothing(&home, &[], "beside the daemon").await;
    daemon.stop().await;
    readers_change_nothing(&home, &[], "after its end").await;
    as_a_stranger(&home, "after its end").await;

    let daemon = home.daemon().await;
    outlet.publish("The river fell");
    requests::ask(&home.state(), &Request::Poll(outlet.url().to_string()), Clock::System.now()).unwrap();
    daemon.wait_until("two mails", |log| log.matches("mail sent").count() == 1).await;
    daemon.kill().await;
    assert!(home.state().join("habar.db-wal").exists(), "the log is left behind");
    readers_change_nothing(&home, &[], "after SIGKILL").await;
    as_a_stranger(&home, "after SIGKILL").await;
    std::fs::remove_file(home.state().join("habar.db-shm")).unwrap();
    readers_change_nothing(&home, &[], "with the log alone").await;
    as_a_stranger(&home, "with the log alone").await;
}

/// The same for somebody who may read the state and not write it. Root may write anything, and so becomes nobody.
async fn as_a_stranger(home: &Home, when: &str) {
    use std::os::unix::fs::PermissionsExt;
    let program = env!("CARGO_BIN_EXE_habar");
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(home.path(), 0o755);
    set(&home.state(), 0o555);
    let is_root = std::fs::write(home.state().join("probe"), "").is_ok();
    if is_root {
        std::fs::remove_file(home.state().join("probe")).unwrap();
        let tried =
            std::process::Command::new(nobody[0]).args(&nobody[1..]).args([program, "--version"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            readers_change_nothing(home, &nobody, &format!("{when}, as nobody")).await;
        } else {
            eprintln!(
                "SKIPPED: root cannot become nobody here, so a state that is not writable was not tried"
            );
        }
    } else {
        readers_change_nothing(home, &[], &format!("{when}, not writable")).await;
    }
    set(&home.state(), 0o755);
}

#[tokio::test]
async fn other_processes_ask_and_the_daemon_heeds() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", ""));
    let daemon = home.daemon().await;
    daemon.wait_to_hear("source works").await;
    let ask = |request: Request| {
        assert!(requests::ask(&home.state(), &request, Clock::System.now()).unwrap(), "{request:?}");
    };
    // The rhythm has nothing to do for a quarter of an hour: every poll here was asked for.
    ask(Request::Poll(outlet.url().to_string()));
    asked(&outlet.web, "/feed.xml", 2).await;

    ask(Request::PauseWatch("Rivers".to_owned(), true));
    outlet.publish("The river rose");
    // The pause was asked for first, so it is in force before the poll.
    ask(Request::Poll(outlet.url().to_string()));
    until_stored(&home, "SELECT count(*) FROM articles", 1).await;
    ask(Request::PauseWatch("Rivers".to_owned(), false));
    outlet.publish("The river fell");
    ask(Request::Poll(outlet.url().to_string()));
    mail_about(&smtp, "The river fell").await;
    assert!(!mails(&smtp).contains("The river rose"), "a paused watch makes no alerts");
    assert!(
        !requests::ask(&home.state(), &Request::Poll("http://nowhere/".into()), Clock::System.now()).unwrap()
    );
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_asked_while_nothing_ran_is_heeded() {
    let mut outlet = Outlet::open().await;
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    let ask = |request: Request| {
        assert!(requests::ask(&home.state(), &request, Clock::System.now()).unwrap(), "{request:?}");
    };
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    ask(Request::PauseSource(outlet.url().to_string(), true));
    outlet.publish("The river rose");
    assert_eq!(home.run(&["once", "--all"]).await.code, Some(0));
    assert_eq!(outlet.web.log().len(), 1, "a paused source is left alone");
    ask(Request::PauseSource(outlet.url().to_string(), false));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    assert_eq!(outlet.web.log().len(), 2);
}

// ---------------------------------------------------------------- the store

#[tokio::test]
async fn a_store_that_is_not_there_is_named() {
    let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", ""));
    for arguments in [&["feeds"][..], &["watches"], &["status"], &["outbox"], &["why", "1"], &["poll", "x"]] {
        let read = home.run(arguments).await;
        assert_eq!(read.code, Some(66), "{}", read.stderr);
        assert!(read.stderr.contains("there is no store at"), "{}", read.stderr);
        assert!(!home.state().exists(), "{arguments:?} makes nothing");
    }
}

type Spoil = fn(&Path);

#[tokio::test]
async fn a_store_that_is_not_ours_or_damaged_is_refused_and_left_as_it_is() {
    let outlet = Outlet::open().await;
    let cases: [(&str, Spoil, &str); 5] = [
        ("newer", |path| execute(path, "PRAGMA user_version = 99"), "has schema 99"),
        ("foreign", foreign, "is a database of another program"),
        ("header", |path| change(path, |bytes| bytes[..32].fill(0xA5)), "is damaged"),
        ("cut", |path| change(path, |bytes| bytes.truncate(bytes.len() / 2)), "is damaged"),
        ("root page", |path| change(path, |bytes| bytes[100..400].fill(0x5A)), "is damaged"),
    ];
    for (case, spoil, said) in cases {
        let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
        assert_eq!(home.run(&["once"]).await.code, Some(0));
        spoil(&home.database());
        let before = snapshot(&home.state());
        for arguments in [&["feeds"][..], &["run"], &["once"], &["status"], &["outbox"]] {
            let refused = home.run(arguments).await;
            assert_eq!(refused.code, Some(65), "{case}: {arguments:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(said), "{case}: {arguments:?}: {}", refused.stderr);
        }
        assert_eq!(snapshot(&home.state()), before, "{case}");
    }
}

fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn foreign(path: &Path) {
    std::fs::remove_file(path).unwrap();
    execute(path, "CREATE TABLE shopping (what TEXT); INSERT INTO shopping VALUES ('bread')");
}

pub fn change(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_store_of_an_earlier_run_goes_on_where_it_was() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", EAGER));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    assert_eq!(smtp.taken().len(), 1);
    assert_eq!(home.run(&["once", "--all"]).await.code, Some(0));
    let daemon = home.daemon().await;
    outlet.publish("The river fell");
    mail_about(&smtp, "The river fell").await;
    daemon.stop().await;
    assert_eq!(smtp.taken().len(), 2, "each story once");
    assert_eq!(mails(&smtp).matches("Subject: ").count(), 2);
}

#[tokio::test]
async fn a_start_spreads_the_polls_it_finds_overdue_and_says_what_came_of_them() {
    let mut outlets = Vec::new();
    for last in 2..8 {
        outlets.push(Outlet::open_at(&format!("127.0.0.{last}")).await);
    }
    outlets[0].web.page("/feed.xml", Answer::status(404));
    let urls: Vec<_> = outlets.iter().map(Outlet::url).collect();
    let home = Home::new(&config("maildir:mail", &urls, "[\"river\"]", ""));
    let daemon = home.daemon().await;
    daemon.wait_to_hear("first round: 5 of 6 sources answered, 1 did not; `habar feeds` says why").await;
    let log = daemon.stop().await;
    assert!(log.contains(" sources=6 watches=1") && log.contains("mail=\"maildir:"), "{log}");
    let why = log.lines().filter(|line| line.contains("source does not work") && line.contains("(404)"));
    assert_eq!((log.matches("source works").count(), why.count()), (5, 1), "{log}");
    let note = format!("mail goes to the Maildir {}", home.state().join("mail").display());
    assert!(log.contains(&note) && home.run(&["status"]).await.stdout.contains(&note), "{log}");
    let feeds = home.run(&["feeds"]).await.stdout;
    assert!(feeds.contains("never worked") && feeds.contains("(404)"), "{feeds}");
    assert!(feeds.contains("1 source has never worked. `habar check --online`"), "{feeds}");
    let over = home.ask("SELECT max(polled_at) - min(polled_at) FROM feeds");
    assert!(over >= 2000, "half a second for each of six: {over} ms");
}

// ---------------------------------------------------------------- once

#[tokio::test]
async fn once_ends_with_0_whatever_was_answered_and_tells_a_new_trouble_once() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    smtp.always(At::Rcpt, Act::say("451 4.3.0 later"));
    let down = url::Url::parse("http://127.0.0.9:9/feed.xml").unwrap();
    let missing = outlet.web.url("/missing.xml");
    let sources = [outlet.url(), down, missing];
    let home = Home::new(&config(&via(&smtp), &sources, "[\"river\"]", ""));
    let first = home.run(&["once"]).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let warnings = |log: &str| log.matches("source does not work").count();
    assert_eq!(warnings(&first.stderr), 2, "one event for each: {}", first.stderr);
    assert!(first.stderr.contains("mail not sent yet"), "{}", first.stderr);
    assert_eq!(first.stdout, "");
    let again = home.run(&["once", "--all"]).await;
    assert_eq!((again.code, warnings(&again.stderr)), (Some(0), 0), "known already: {}", again.stderr);
    assert_eq!(outlet.web.log().len(), 4, "--all asks again");
    smtp.behave();
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    assert_eq!(smtp.taken().len(), 1, "every run is one attempt");
}

#[tokio::test]
async fn progress_is_for_terminals() {
    let outlet = Outlet::open().await;
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    let piped = home.run(&["once"]).await;
    assert_eq!(piped.code, Some(0));
    assert!(!piped.stderr.contains(" polls, ") && !piped.stderr.contains('\r'), "{:?}", piped.stderr);

    // `script` runs a command on a terminal of its own.
    let line = format!(
        "{} --config {} --state {} once --all",
        env!("CARGO_BIN_EXE_habar"),
        home.config().display(),
        home.state().display()
    );
    let mut terminal = tokio::process::Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").stdin(std::process::Stdio::null());
    match terminal.output().await {
        Ok(shown) => {
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.contains(" polls, "), "{shown:?}");
        }
        Err(error) => eprintln!("SKIPPED: no terminal to try progress on: script: {error}"),
    }
}

// ---------------------------------------------------------------- config and secrets

#[tokio::test]
async fn a_config_with_an_error_ends_run_and_once_with_78_and_a_caret() {
    let home = Home::new("[mail]\nto = [\"desk@example.org\"]\ngahter = 1\n");
    for arguments in [&["run"][..], &["once"]] {
        let refused = home.run(arguments).await;
        assert_eq!(refused.code, Some(78));
        for part in ["habar.toml:3:1: error: ", "\n  gahter = 1\n  ^^^^^^\n"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
        assert!(!home.state().exists());
    }
}

#[tokio::test]
async fn a_way_out_that_the_sandbox_shuts_is_refused_with_the_remedy() {
    let shut = ["setpriv", "--no-new-privs"];
    if std::process::Command::new(shut[0]).args(&shut[1..]).arg("true").status().is_err() {
        eprintln!("SKIPPED: no setpriv to give up privileges with");
        return;
    }
    let run = |home: &Home, by: &[&str]| {
        let mut command = home.habar_by(by, &["run"]);
        command.env("INVOCATION_ID", "0123").env("STATE_DIRECTORY", home.state());
        command
    };
    let refused = [
        ("sendmail:/bin/true", "via = \"smtp://localhost:25?tls=none\""),
        ("sendmail:/bin/true", "habar.service.d/sendmail.conf"),
        ("maildir:/proc/nowhere/mail", "maildir.conf: ReadWritePaths=/proc/nowhere/mail"),
        ("maildir:/proc/nowhere/mail", "maildir /proc/nowhere/mail: No such file or directory"),
    ];
    for (via, remedy) in refused {
        let home = Home::new(&config(via, &[], "[\"river\"]", ""));
        let ended = end(run(&home, &shut)).await;
        assert_eq!(ended.code, Some(78), "{via}: {}", ended.stderr);
        assert!(ended.stderr.contains(remedy), "{via}: {}", ended.stderr);
        assert!(!home.state().exists(), "{via}: refused before anything is made");
    }
    let folder = tempfile::TempDir::new().unwrap();
    let opened = format!("maildir:{}", folder.path().join("mail").display());
    let served: [(&str, &[&str]); 4] = [
        (&opened, &shut),
        ("maildir:mail", &shut),
        ("smtp://127.0.0.1:9?tls=none", &shut),
        ("sendmail:/bin/true", &["env"]), // in a unit that gives up nothing
    ];
    for (via, by) in served {
        let home = Home::new(&config(via, &[], "[\"river\"]", ""));
        let daemon = Daemon::spawn(run(&home, by));
        daemon.wait_to_hear("habar runs").await;
        if by == shut {
            home.save(&config("sendmail:/bin/true", &[], "[\"river\"]", ""));
            daemon.signal("HUP");
            daemon.wait_to_hear("the old one stays").await;
        }
        daemon.stop().await;
    }
}

#[tokio::test]
async fn the_password_stays_where_it_is() {
    const PASSWORD: &str = "s3cr3t-oxbow-lake";
    // AUTH PLAIN of NUL, "habar", NUL and the password.
    const PROOF: &str = "AGhhYmFyAHMzY3IzdC1veGJvdy1sYWtl";
    let authority = Authority::new();
    let smtp = SmtpServer::start(Security::Implicit(authority.issue("localhost"))).await;
    smtp.require_login(&format!("AUTH PLAIN {PROOF}"));
    let mut outlet = Outlet::open().await;
    outlet.publish("The river rose");
    let home = Home::new("");
    authority.write_root(&home.path().join("root.pem"));
    std::fs::write(home.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let written = config(&format!("smtps://localhost:{}", smtp.port), &[outlet.url()], "[\"river\"]", EAGER)
        .replace(
            "[http]\n",
            "user = \"habar\"\npassword_file = \"password\"\n[http]\nca_file = \"root.pem\"\n",
        );
    home.save(&written);

    let mut command = home.habar(&["run"]);
    command.env("RUST_LOG", "trace");
    let daemon = Daemon::spawn(command);
    smtp.wait_for(1).await;
    let process = format!("/proc/{}", daemon.id());
    let seen: Vec<Vec<u8>> =
        ["environ", "cmdline"].map(|file| std::fs::read(format!("{process}/{file}")).unwrap()).to_vec();
    smtp.require_login("another");
    outlet.publish("The river fell");
    daemon.wait_to_hear("535").await;
    let log = daemon.stop().await;
    let tested = home.run(&["test-mail"]).await;
    assert_ne!(tested.code, Some(0), "the login is refused");

    let mut places = vec![log.into_bytes(), tested.stdout.into_bytes(), tested.stderr.into_bytes()];
    places.extend(seen);
    for file in std::fs::read_dir(home.state()).unwrap() {
        places.push(std::fs::read(file.unwrap().path()).unwrap_or_default());
    }
    for place in places {
        for secret in [PASSWORD, PROOF, "czNjcjN0LW94Ym93LWxha2U="] {
            let found = place.windows(secret.len()).position(|part| part == secret.as_bytes());
            assert_eq!(found, None, "{}", String::from_utf8_lossy(&place));
        }
    }
}

#[test]
fn every_reader_is_tried() {
    let names: BTreeSet<&str> = READERS.iter().map(|arguments| arguments[0]).collect();
    assert_eq!(names, BTreeSet::from(["feeds", "watches", "status", "why", "outbox", "doctor"]));
}
