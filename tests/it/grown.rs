//! A store as it is after a long time: thousands of articles with their stories, hits and mails, put into
//! the file through SQL. Shared by the tests and the benchmark of a big store.

use std::path::Path;

use habar::io::store::{FILE_NAME, Store};
use habar::time::{DAY, MINUTE, Timestamp};
use rusqlite::{Connection, params};

/// How much has come together.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Read articles, of which one in 20 has a hit and one in 40 an alert that was told.
    pub articles: i64,
    /// Mails that were sent, but for one in a hundred that was given up.
    pub messages: i64,
    /// Letters of an article's text.
    pub text: usize,
    /// Letters of a mail.
    pub mail: usize,
    /// How long all that took.
    pub days: u32,
}

/// Rows of one transaction.
const BATCH: i64 = 10_000;

/// Makes a store in `dir` with these sources, the watch "Rail" and a reader, and fills it.
pub fn grow(dir: &Path, sources: &[String], size: Size, now: Timestamp) -> rusqlite::Result<()> {
    drop(Store::open(dir, now).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?);
    let mut store = Connection::open(dir.join(FILE_NAME))?;
    store.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -64000")?;
    enrol(&store, sources, now)?;
    in_batches(&mut store, size.articles, |tx, first, last| {
        articles(tx, first, last, sources.len(), size, now)
    })?;
    in_batches(&mut store, size.messages, |tx, first, last| messages(tx, first, last, size, now))?;
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn in_batches(
    store: &mut Connection,
    rows: i64,
    fill: impl Fn(&Connection, i64, i64) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut first = 1;
    while first <= rows {
        let last = rows.min(first + BATCH - 1);
        let tx = store.transaction()?;
        fill(&tx, first, last)?;
        tx.commit()?;
        first = last + 1;
    }
    Ok(())
}

/// Sources that were polled before and are due in an hour, each on a host of its own.
fn enrol(store: &Connection, sources: &[String], now: Timestamp) -> rusqlite::Result<()> {
    store.execute_batch("BEGIN")?;
    for (number, url) in (1_i64..).zip(sources) {
        let host = url.split('/').nth(2).unwrap_or_default();
        store.execute("INSERT OR IGNORE INTO hosts (name) VALUES (?1)", [host])?;
        store.execute(
            "INSERT INTO feeds (id, url, host_id, title, added_at, seen_at, polled_at, worked_at, health,
                 health_since, due_at) SELECT ?1, ?2, id, 'Outlet ' || ?1, ?3, ?3, ?3, ?3, 'fine', ?3, ?4
             FROM hosts WHERE name = ?5",
            params![number, url, now.millis(), (now + 60 * MINUTE).millis(), host],
        )?;
    }
    store.execute_batch(
        "INSERT INTO watches (id, name, position) VALUES (1, 'Rail', 0);
         INSERT INTO recipients (id, address) VALUES (1, 'desk@example.org');
         INSERT INTO subscriptions (id, watch_id, recipient_id) VALUES (1, 1, 1);
         COMMIT",
    )
}

fn articles(
    tx: &Connection,
    first: i64,
    last: i64,
    feeds: usize,
    size: Size,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut entry = tx.prepare(
        "INSERT INTO entries (id, feed_id, ident, content, title, link, summary, author, published, found_at, host_id,
             place) SELECT ?1, ?2, ?3, ?1, ?4, ?5, ?6, 'A. Reporter', ?7, ?7, host_id, ?8 FROM feeds WHERE id = ?2",
    )?;
    let mut article = tx.prepare(
        "INSERT INTO articles (entry_id, story_id, full, text, language, published, canonical, placed_at)
         VALUES (?1, ?2, 1, ?3, 'en', ?4, ?5, ?4)",
    )?;
    let mut story = tx.prepare("INSERT OR IGNORE INTO stories (id, first_at) VALUES (?1, ?2)")?;
    let mut key =
        tx.prepare("INSERT OR IGNORE INTO story_keys (key, story_id, entry_id) VALUES (?1, ?2, ?3)")?;
    for id in first..=last {
        let feed = id % i64::try_from(feeds).unwrap_or(1) + 1;
        let at = found_at(id, size.articles, size.days, now);
        let link = format!("https://outlet{feed}.example/2026/news/{id}-the-ministers-met-and-spoke.html");
        let mut words = Words::new(id);
        let title = words.text(70);
        // Every fifth article is a reprint.
        let of = id - i64::from(id % 5 == 0);
        entry.execute(params![
            id,
            feed,
            scattered(id, 0),
            title,
            link,
            words.text(400),
            at,
            scattered(id, 4)
        ])?;
        story.execute(params![of, at])?;
        article.execute(params![id, of, words.text(size.text), at, link])?;
        for kind in 1..=3 {
            key.execute(params![scattered(id, kind), of, id])?;
        }
        if id % 20 == 0 {
            told(tx, id, of, at, size)?;
        }
    }
    Ok(())
}

fn told(tx: &Connection, entry: i64, story: i64, at: i64, size: Size) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO hits (entry_id, watch_id, found) VALUES (?1, 1, ?2)")?.execute(
        params![
            entry,
            r#"[{"term":"railway","form":"railway","field":"text","sentence":"The railway was spoken of."}]"#
        ],
    )?;
    if entry % 40 == 0 && size.messages > 0 {
        tx.prepare_cached(
            "INSERT INTO alerts (subscription_id, story_id, entry_id, made_at, release_at, state, message_id, told_at)
             VALUES (1, ?1, ?2, ?3, ?3, 'told', ?4, ?3)",
        )?
        .execute(params![story, entry, at, entry * size.messages / size.articles.max(1) + 1])?;
    }
    Ok(())
}

fn messages(tx: &Connection, first: i64, last: i64, size: Size, now: Timestamp) -> rusqlite::Result<()> {
    let mut message = tx.prepare(
        "INSERT INTO messages (id, subscription_id, recipient_id, message_id, subject, composed_at, state,
             settled_at, reply, attempts) VALUES (?1, 1, 1, ?2, ?3, ?4, ?5, ?4, printf('%-500s', ?6), 1)",
    )?;
    let mut body = tx.prepare("INSERT INTO bodies (message_id, bytes) VALUES (?1, ?2)")?;
    for id in first..=last {
        let at = found_at(id, size.messages, size.days, now);
        let (state, reply) =
            if id % 100 == 0 { ("dead", "550 no such user") } else { ("sent", "250 queued") };
        let mut words = Words::new(id);
        message.execute(params![id, format!("<{id}@habar.example>"), words.text(80), at, state, reply])?;
        body.execute(params![id, words.text(size.mail).into_bytes()])?;
    }
    Ok(())
}

/// Rows come evenly over the days; the last one a minute ago.
fn found_at(id: i64, of: i64, days: u32, now: Timestamp) -> i64 {
    let span = i64::try_from((DAY * days).as_millis()).unwrap_or(0);
    now.millis() - 60_000 - (of - id) * span / of.max(1)
}

/// What a hash looks like.
fn scattered(id: i64, kind: u8) -> i64 {
    let bytes = [id.to_le_bytes(), i64::from(kind).to_le_bytes()].concat();
    bytes.iter().fold(-3_750_763_034_362_895_579, |hash, byte| {
        (hash ^ i64::from(*byte)).wrapping_mul(1_099_511_628_211).rotate_left(23)
    })
}

/// Words in an order that is the same at every run.
struct Words(u64);

impl Words {
    const ALL: [&str; 32] = [
        "minister",
        "summit",
        "economy",
        "trade",
        "corridor",
        "pipeline",
        "market",
        "health",
        "region",
        "border",
        "president",
        "railway",
        "port",
        "transit",
        "culture",
        "festival",
        "weather",
        "snow",
        "climate",
        "river",
        "dam",
        "budget",
        "parliament",
        "wheat",
        "teachers",
        "agreement",
        "visit",
        "tonnes",
        "delegation",
        "court",
        "airline",
        "harvest",
    ];

    fn new(seed: i64) -> Self {
        Self(seed.unsigned_abs() + 1)
    }

    fn text(&mut self, letters: usize) -> String {
        let mut text = String::with_capacity(letters + 16);
        while text.len() < letters {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(Self::ALL[usize::try_from(self.0 >> 59).unwrap_or(0)]);
            text.push(' ');
        }
        text
    }
}
