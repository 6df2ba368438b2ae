//! The contract of the store, as every engine has to keep it, on a real file in a directory of its own.
//!
//! Each file holds the rules of one matter. Nothing here sleeps: `now` is an argument of every call.

mod claims;
mod clocks;
mod disk;
mod file;
mod hosts;
mod life;
mod mail_requests;
mod outbox;
mod polls;
mod requests;
mod stories;
mod tries;
mod upgrade;

use std::path::{Path, PathBuf};

use std::time::Duration;

use habar::domain::health::{Health, Record, State};
use habar::domain::schedule::skip::Wishes;
use habar::domain::schedule::{Outcome, Reason, Rhythm};
use habar::io::store::entries::{DueEntry, NewArticle, ReadPlan, WatchHits};
use habar::io::store::feeds::{DueFeed, NewDocument, NewEntry, PollPlan};
use habar::io::store::hosts::HostPlan;
use habar::io::store::lease::{Lease, Pick, Settled};
use habar::io::store::notices::NoticeChange;
use habar::io::store::outbox::{ComposePlan, DueMessage, DueRecipient, NewMessage};
use habar::io::store::roster::{Roster, Rows};
use habar::io::store::stories::NewAlert;
use habar::io::store::{FILE_NAME, Store};
use habar::time::{HOUR, SECOND, Timestamp};
use rusqlite::Connection;
use rusqlite::types::FromSql;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const FEED: &str = "https://news.example/feed";
const ANNA: &str = "anna@example.org";
const BORIS: &str = "boris@example.org";

/// A store in a directory that goes with it.
struct Rig {
    dir: TempDir,
    open: Option<Store>,
}

impl Rig {
    fn empty() -> Self {
        let dir = TempDir::new().unwrap();
        let open = Some(Store::open(dir.path(), NOW).unwrap());
        Self { dir, open }
    }

    /// With these sources, each on the host that its address names, and the watch "OTS" for Anna.
    async fn new(sources: &[&str]) -> Self {
        let rig = Self::empty();
        rig.enrol(&roster(sources, &[("OTS", &[ANNA])]), NOW).await;
        rig
    }

    fn store(&self) -> &Store {
        self.open.as_ref().unwrap()
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The process dies with all it holds, and another one starts.
    fn crash(&mut self, now: Timestamp) {
        self.open = None;
        self.open = Some(Store::open(self.path(), now).unwrap());
    }

    /// A connection of another process.
    fn other(&self) -> Connection {
        let connection = Connection::open(self.path().join(FILE_NAME)).unwrap();
        connection.busy_timeout(5 * SECOND).unwrap();
        connection
    }

    fn run(&self, sql: &str) {
        self.other().execute_batch(sql).unwrap();
    }

    /// The one value that `sql` selects.
    fn ask<T: FromSql>(&self, sql: &str) -> T {
        self.other().query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    fn count(&self, of: &str) -> i64 {
        self.ask(&format!("SELECT count(*) FROM {of}"))
    }

    async fn enrol(&self, roster: &Roster, now: Timestamp) -> Rows {
        self.store().enrol(roster.clone(), now).await.unwrap()
    }

    async fn claim_polls(&self, now: Timestamp) -> Vec<Lease<DueFeed>> {
        self.store().claim_polls(now, now, Pick::Usual, 100).await.unwrap()
    }

    async fn claim_poll(&self, now: Timestamp) -> Lease<DueFeed> {
        one(self.claim_polls(now).await)
    }

    async fn claim_pages(&self, now: Timestamp) -> Vec<Lease<DueEntry>> {
        self.store().claim_pages(now, now, Pick::Usual, 100).await.unwrap()
    }

    async fn claim_page(&self, now: Timestamp) -> Lease<DueEntry> {
        one(self.claim_pages(now).await)
    }

    async fn claim_pageless(&self, now: Timestamp) -> Vec<Lease<DueEntry>> {
        self.store().claim_pageless(now, Pick::Usual).await.unwrap()
    }

    async fn claim_recipients(&self, now: Timestamp) -> Vec<Lease<DueRecipient>> {
        self.store().claim_recipients(now, 100).await.unwrap()
    }

    async fn claim_messages(&self, now: Timestamp) -> Vec<Lease<DueMessage>> {
        self.store().claim_messages(now, "maildir:mail".to_owned(), 100).await.unwrap()
    }

    /// The one due source is polled and has these entries.
    async fn publish(&self, now: Timestamp, entries: Vec<NewEntry>) {
        let lease = self.claim_poll(now).await;
        let plan = PollPlan { document: Some(document(entries)), ..polled(now) };
        self.store().settle_poll(lease, plan).await.unwrap().unwrap();
    }

    /// The one due source is polled, and due again then for this reason.
    async fn poll_is_due(&self, due_at: Timestamp, reason: Reason) -> i64 {
        let lease = self.claim_poll(NOW).await;
        let id = lease.job.id;
        let _ = self.store().settle_poll(lease, polled(NOW)).await.unwrap();
        let (due_at, reason) = (due_at.millis(), reason.as_str());
        self.run(&format!("UPDATE feeds SET due_at = {due_at}, due_reason = '{reason}' WHERE id = {id}"));
        id
    }

    async fn settle_read(&self, lease: Lease<DueEntry>, plan: ReadPlan) -> Settled {
        one(self.store().settle_reads(vec![(lease, plan)]).await.unwrap())
    }

    /// One entry that needs no page comes by the source and is read; with alerts that may be mailed at `release`.
    async fn told(&self, now: Timestamp, entry: NewEntry, subscriptions: &[i64], release: Timestamp) {
        self.publish(now, vec![NewEntry { host: None, ..entry }]).await;
        let plan = ReadPlan {
            hits: vec![WatchHits { watch: 1, found: "[]".to_owned() }],
            alerts: subscriptions.iter().map(|id| alert(*id, release)).collect(),
            ..read(now)
        };
        assert_eq!(self.settle_read(one(self.claim_pageless(now).await), plan).await, Settled::Written);
    }

    /// Messages to Anna that are due.
    async fn outbox(&self, now: Timestamp, bodies: Vec<Vec<u8>>) {
        self.run("UPDATE recipients SET due_at = 0 WHERE id = 1");
        let lease = one(self.claim_recipients(now).await);
        let messages = bodies.into_iter().enumerate().map(|(n, body)| message(n, body)).collect();
        let plan = ComposePlan { messages, ..composed(now) };
        assert_eq!(self.store().settle_compose(lease, plan).await.unwrap(), Settled::Written);
    }
}

fn one<T>(mut items: Vec<T>) -> T {
    assert_eq!(items.len(), 1, "exactly one was expected");
    items.remove(0)
}

fn roster(sources: &[&str], watches: &[(&str, &[&str])]) -> Roster {
    let host = |url: &&str| url.split('/').nth(2).unwrap_or_default().to_owned();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Roster {
        sources: sources.iter().map(|url| ((*url).to_owned(), host(url))).collect(),
        watches: watches.iter().map(|(name, to)| ((*name).to_owned(), owned(to))).collect(),
        administrators: Vec::new(),
    }
}

/// A poll that worked and brought nothing new.
fn polled(now: Timestamp) -> PollPlan {
    PollPlan {
        now,
        rhythm: every(HOUR),
        price: 1.0,
        outcome: Outcome::Worked { fresh_for: None },
        health: Health { state: State::Fine, since: NOW, failures: 0, reason: None },
        document: None,
        hosts: gap(now),
        record: Record::default(),
        wishes: Wishes::default(),
        new_host: None,
        notices: Vec::new(),
        stored: Vec::new(),
        no_room: false,
    }
}

/// Polled at this interval, whatever is learned.
fn every(interval: Duration) -> Rhythm {
    Rhythm { budget: 48, floor: interval, ceiling: interval, max_interval: None }
}

fn gap(now: Timestamp) -> HostPlan {
    HostPlan { next_at: now + 2 * SECOND, ..HostPlan::default() }
}

fn document(entries: Vec<NewEntry>) -> NewDocument {
    NewDocument {
        title: Some("News".to_owned()),
        etag: Some(b"\"1\"".to_vec()),
        last_modified: None,
        answered_by: FEED.to_owned(),
        body_hash: 1,
        complete: true,
        shows: u32::try_from(entries.len()).ok(),
        relayed: false,
        entries,
        archive: Vec::new(),
        note: None,
    }
}

fn entry(number: i64) -> NewEntry {
    NewEntry {
        ident: number,
        place: None,
        content: number,
        title: format!("Title {number}"),
        link: Some(format!("https://pages.example/{number}")),
        summary: words(number),
        author: None,
        language: None,
        published: None,
        quiet: false,
        host: Some("pages.example".to_owned()),
        likely: false,
    }
}

/// The same entry with a word more, each time another.
fn edited(number: i64, times: i64) -> NewEntry {
    NewEntry {
        content: number * 1000 + times,
        summary: format!("{}edit{times}", words(number)),
        ..entry(number)
    }
}

/// A text like no other number's, long enough to be a story by itself.
fn words(number: i64) -> String {
    (0..40).fold(String::new(), |text, n| text + &format!("w{}x{n} ", number * 1000 + n))
}

/// A read that took the text of `words(0)` from no page: the entry's summary stands for it.
fn read(now: Timestamp) -> ReadPlan {
    ReadPlan {
        now,
        article: Some(article(None, None)),
        hits: Vec::new(),
        alerts: Vec::new(),
        retry_at: None,
        error: None,
        tries: 1,
        failed: None,
        hosts: gap(now),
        notice: NoticeChange::None,
    }
}

fn article(canonical: Option<&str>, text: Option<String>) -> NewArticle {
    NewArticle {
        title: None,
        text,
        author: None,
        language: None,
        published: None,
        canonical: canonical.map(str::to_owned),
        problem: None,
    }
}

fn alert(subscription: i64, release_at: Timestamp) -> NewAlert {
    NewAlert { subscription, release_at, held: false, gathers: false }
}

fn composed(now: Timestamp) -> ComposePlan {
    ComposePlan { now, messages: Vec::new(), cancelled: Vec::new(), quiet: Vec::new(), put_off: None }
}

fn message(number: usize, body: Vec<u8>) -> NewMessage {
    NewMessage {
        subscription: 1,
        message_id: format!("<{number}@example.org>"),
        subject: format!("[OTS] {number}"),
        body,
        alerts: Vec::new(),
        copies: Vec::new(),
        notices: Vec::new(),
    }
}
