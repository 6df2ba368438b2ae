//! Real SIGKILLs of the built program while feeds publish, against a mail server that also takes a mail and
//! drops the line: nothing is lost, and what comes twice is the same mail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::Connection;
use url::Url;

use crate::program::{EAGER, Home, Item, config, rss};
use crate::smtp_server::{Act, At, Security, SmtpServer, Taken};
use crate::web::{Answer, Web};

/// How long each life lasts, in milliseconds.
const LIVES: [u64; 14] = [90, 1400, 260, 900, 150, 650, 1700, 330, 60, 1100, 480, 800, 200, 1250];
/// The lives in which the mail server drops the line after a mail it has taken.
const DROPS: [usize; 4] = [1, 3, 6, 9];
const STORIES_A_LIFE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_a_second_copy_is_the_same_mail() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut world = World::open().await;
    let via = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    let home = Home::new(&config(&via, &world.urls(), "[\"river\"]", EAGER));

    for (life, millis) in LIVES.into_iter().enumerate() {
        for _ in 0..STORIES_A_LIFE {
            world.publish();
        }
        if DROPS.contains(&life) {
            smtp.once(At::Dot, Act::TakeAndDrop);
        }
        let daemon = home.daemon().await;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        daemon.kill().await;
    }
    let daemon = home.daemon().await;
    for mails in 1.. {
        if tokens(&smtp.taken()).len() == world.published {
            break;
        }
        smtp.wait_for(mails).await;
    }
    daemon.stop().await;

    check(&smtp.taken(), world.published);
    let store = Connection::open(home.database()).unwrap();
    let sound: String = store.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

fn check(mails: &[Taken], published: usize) {
    let told: BTreeSet<String> = tokens(mails).into_keys().collect();
    let all: BTreeSet<String> = (0..published).map(token).collect();
    assert_eq!(told, all, "every story is told");
    for (story, ids) in tokens(mails) {
        assert_eq!(ids.len(), 1, "{story} is told by {ids:?}");
    }
    let mut copies: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for mail in mails {
        copies.entry(&mail.message_id).or_default().push(&mail.bytes);
    }
    for (id, copies) in &copies {
        assert!(copies.iter().all(|bytes| bytes == &copies[0]), "{id} changed from one copy to the next");
    }
    let again = mails.len() - copies.len();
    assert!(again >= DROPS.len(), "each mail taken without a word comes again, {again} did");
    assert!(again <= LIVES.len() + DROPS.len(), "{again} copies");
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
            prose(story + 1000)
        );
        web.page(&format!("/story/{story}"), Answer::ok("text/html; charset=utf-8", page));
        entries.insert(0, Item { guid: format!("guid-{story}"), title, summary: body, link });
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
