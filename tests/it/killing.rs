//! What it takes to kill the built program again and again while feeds publish, and to count what came of it.
//! `benches/kills.rs` uses it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use url::Url;

use crate::program::{Daemon, EAGER, Home, Item, config, rss};
use crate::smtp_server::{Act, At, Security, SmtpServer, Taken};
use crate::web::{Answer, Web};

/// One life of the program.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// How long it lasts.
    pub lasts: Duration,
    /// The mail server drops the line after a mail that it has taken.
    pub drops: bool,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// SIGKILL.
    Kill,
    /// SIGTERM, and 0 is expected within 40 seconds.
    Term,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Lives.
    pub lives: usize,
    /// Lives that ended while a mail was under way.
    pub with_mail_under_way: usize,
    /// Times that the mail server dropped the line.
    pub drops: usize,
    /// Stories that were published.
    pub stories: usize,
    /// Stories that no mail tells.
    pub lost: Vec<String>,
    /// Mails that came again, byte for byte, under their Message-ID.
    pub copies: usize,
    /// Message-IDs whose copies differ.
    pub changed: Vec<String>,
    /// Stories told by mails of two Message-IDs.
    pub told_twice: Vec<String>,
    /// What `quick_check` said before a start when it was not "ok".
    pub unsound: Vec<String>,
}

const STORIES_A_LIFE: usize = 4;
/// Feeds list so many of their newest entries.
const WINDOW: usize = 100;

/// Lets the program live these lives, and then one more until everything is told.
pub async fn live(lives: impl IntoIterator<Item = Life>, end: End) -> Tally {
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut world = World::open().await;
    let via = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    let home = Home::new(&config(&via, &world.urls(), "[\"river\"]", EAGER));
    let mut tally = Tally::default();
    for life in lives {
        for _ in 0..STORIES_A_LIFE {
            world.publish();
        }
        if life.drops {
            smtp.once(At::Dot, Act::TakeAndDrop);
            tally.drops += 1;
        }
        let daemon = home.daemon().await;
        tokio::time::sleep(life.lasts).await;
        finish(daemon, end).await;
        tally.lives += 1;
        look_at_store(&home, &mut tally);
    }
    let daemon = home.daemon().await;
    for mails in 1.. {
        if tokens(&smtp.taken()).len() == world.published {
            break;
        }
        smtp.wait_for(mails).await;
    }
    daemon.stop().await;
    look_at_store(&home, &mut tally);
    count(&smtp.taken(), world.published, &mut tally);
    tally
}

async fn finish(daemon: Daemon, end: End) {
    match end {
        End::Kill => daemon.kill().await,
        End::Term => {
            let asked = std::time::Instant::now();
            daemon.stop().await;
            assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
        }
    }
}

/// Looks as a start would: before anything is written.
fn look_at_store(home: &Home, tally: &mut Tally) {
    let store = Connection::open_with_flags(home.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sound: String = store.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    if sound != "ok" {
        tally.unsound.push(sound);
    }
    let held = "SELECT count(*) FROM messages WHERE owner IS NOT NULL";
    let held: i64 = store.query_row(held, [], |row| row.get(0)).unwrap();
    tally.with_mail_under_way += usize::from(held > 0);
}

fn count(mails: &[Taken], published: usize, tally: &mut Tally) {
    let told = tokens(mails);
    tally.stories = published;
    tally.lost = (0..published).map(token).filter(|story| !told.contains_key(story)).collect();
    tally.told_twice = told.into_iter().filter(|(_, ids)| ids.len() > 1).map(|(story, _)| story).collect();
    let mut copies: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for mail in mails {
        copies.entry(&mail.message_id).or_default().push(&mail.bytes);
    }
    tally.copies = mails.len() - copies.len();
    let changed = copies.into_iter().filter(|(_, copies)| copies.iter().any(|bytes| bytes != &copies[0]));
    tally.changed = changed.map(|(id, _)| id.to_owned()).collect();
}

/// The stories that the mails tell, each with the Message-IDs that tell it.
fn tokens(mails: &[Taken]) -> BTreeMap<String, BTreeSet<String>> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in mails {
        let text = mail_parser::MessageParser::default().parse(&mail.bytes).unwrap();
        let text = text.body_text(0).unwrap().into_owned();
        for (at, _) in text.match_indices("Token") {
            let token = text[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
            told.entry(token).or_default().insert(mail.message_id.clone());
        }
    }
    told
}

fn token(story: usize) -> String {
    format!("Token{story:03}x")
}

/// Outlets, each a host with one feed; the first two have pages behind their entries.
struct World {
    outlets: Vec<(Web, &'static str, Vec<Item>)>,
    published: usize,
}

impl World {
    async fn open() -> Self {
        let mut outlets = Vec::new();
        for (ip, path) in [
            ("127.0.0.2", "/full.xml"),
            ("127.0.0.3", "/full.xml"),
            ("127.0.0.4", "/a.xml"),
            ("127.0.0.5", "/b.xml"),
        ] {
            let web = Web::at(ip).await;
            web.page(path, Answer::feed(rss(&[])));
            outlets.push((web, path, Vec::new()));
        }
        Self { outlets, published: 0 }
    }

    fn urls(&self) -> Vec<Url> {
        self.outlets.iter().map(|(web, path, _)| web.url(path)).collect()
    }

    fn publish(&mut self) {
        let story = self.published;
        self.published += 1;
        let count = self.outlets.len();
        let (web, path, entries) = &mut self.outlets[story % count];
        let title = format!("{} and the river", token(story));
        let body = prose(story);
        let link = path.starts_with("/full").then(|| web.url(&format!("/story/{story}")).to_string());
        let page = format!(
            "<!doctype html><html lang=en><title>{title}</title><article><h1>{title}</h1><p>{body}</p><p>{}</p></article>",
            prose(story + 1_000_000)
        );
        web.page(&format!("/story/{story}"), Answer::ok("text/html; charset=utf-8", page));
        entries.insert(0, Item { guid: format!("guid-{story}"), title, summary: body, link });
        entries.truncate(WINDOW);
        web.page(path, Answer::feed(rss(entries)));
    }
}

/// A paragraph that no other story has.
fn prose(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let words = (0..60).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters =
            (0..6).map(|place| char::from(b'a' + u8::try_from(state >> (20 + 5 * place) & 15).unwrap()));
        letters.collect::<String>()
    });
    format!("The river rose again. {}.", words.collect::<Vec<_>>().join(" "))
}
