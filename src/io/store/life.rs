//! The life of one article, for people who ask why: who is meant, and all that the store knows of it.

use rusqlite::{Connection, OptionalExtension, Row, params};
use url::Url;

use super::outbox::{self, Shown};
use super::overview::{self, Known};
use super::tries::{self, Failed, Tried};
use crate::domain::story::{self, KeyKind, Traits};
use crate::domain::text;
use crate::time::Timestamp;

/// An article that a person may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its link.
    pub link: Option<String>,
    /// The configured address of its source.
    pub source: String,
    /// The feed's own title.
    pub feed_title: Option<String>,
    /// When it was found.
    pub found_at: Timestamp,
    /// Its story.
    pub story: Option<i64>,
    /// An alert was made for it.
    pub alerted: bool,
}

/// The articles of this link; where none has it to the letter, those whose addresses lead to the same page.
pub fn by_link(connection: &Connection, link: &str) -> rusqlite::Result<Vec<Candidate>> {
    let canonical = story::canonical(link);
    // What both ways of writing an address have in common, so that few have to be taken apart.
    let url = Url::parse(link).ok();
    let tail = url.as_ref().and_then(|url| url.path().split('/').rfind(|part| !part.is_empty()));
    let leads_there = |other: &str| {
        canonical.is_some()
            && tail.is_none_or(|tail| other.contains(tail))
            && story::canonical(other) == canonical
    };
    let (mut exact, mut same) = (Vec::new(), Vec::new());
    let mut statement =
        connection.prepare("SELECT id, link FROM entries INDEXED BY entries_words WHERE link IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let other = row.get_ref(1)?.as_str().unwrap_or_default();
        if other == link {
            exact.push(row.get(0)?);
        } else if leads_there(other) {
            same.push(row.get(0)?);
        }
    }
    if exact.is_empty() {
        same.extend(by_canonical(connection, link, leads_there)?);
        exact = same;
    }
    candidates(connection, exact)
}

/// The articles whose own pages name this address as theirs.
fn by_canonical(
    connection: &Connection,
    link: &str,
    leads_there: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<i64>> {
    let address = Traits { link: Some(link), title: "", text: "", full: false };
    let Some(key) = story::keys(&address).into_iter().find(|key| key.kind == KeyKind::Link) else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare(
        "SELECT x.entry_id, x.canonical FROM story_keys k JOIN articles x ON x.story_id = k.story_id
         WHERE k.key = ?1 AND x.canonical IS NOT NULL",
    )?;
    let rows = statement.query_map([key.hash], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let found: rusqlite::Result<Vec<_>> = rows.collect();
    Ok(found?.into_iter().filter(|(_, own)| own == link || leads_there(own)).map(|(id, _)| id).collect())
}

/// The articles of this title, as the feed or the page has it; where none has it to the letter, those of which it
/// is a part, whatever the case and the marks.
pub fn by_title(connection: &Connection, title: &str) -> rusqlite::Result<Vec<Candidate>> {
    let words = text::remembered(title);
    let (mut exact, mut part) = (Vec::new(), Vec::new());
    let scans = [
        "SELECT id, title FROM entries INDEXED BY entries_words",
        "SELECT entry_id, title FROM articles INDEXED BY articles_words WHERE title IS NOT NULL",
    ];
    for sql in scans {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let other = row.get_ref(1)?.as_str().unwrap_or_default();
            if other == title {
                exact.push(row.get(0)?);
            } else if !words.is_empty() && text::remembered(other).contains(&words) {
                part.push(row.get(0)?);
            }
        }
    }
    candidates(connection, if exact.is_empty() { part } else { exact })
}

/// The article of this number.
pub fn by_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<Candidate>> {
    connection
        .prepare_cached(
            "SELECT e.id, ifnull(x.title, e.title), e.link, f.url, f.title, e.found_at, x.story_id,
                 EXISTS (SELECT 1 FROM alerts a WHERE a.entry_id = e.id)
             FROM entries e JOIN feeds f ON f.id = e.feed_id LEFT JOIN articles x ON x.entry_id = e.id
             WHERE e.id = ?1",
        )?
        .query_row([id], |row| {
            Ok(Candidate {
                id: row.get(0)?,
                title: row.get(1)?,
                link: row.get(2)?,
                source: row.get(3)?,
                feed_title: row.get(4)?,
                found_at: Timestamp::from_millis(row.get(5)?),
                story: row.get(6)?,
                alerted: row.get(7)?,
            })
        })
        .optional()
}

/// More than these nobody reads.
const MOST: usize = 10;

/// The newest of these, newest first.
fn candidates(connection: &Connection, mut ids: Vec<i64>) -> rusqlite::Result<Vec<Candidate>> {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    let found: rusqlite::Result<Vec<_>> =
        ids.into_iter().take(MOST).map(|id| by_id(connection, id)).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// Whether anything was forgotten but for that it was seen.
pub fn has_forgotten(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM seen LIMIT 1")?.exists([])
}

/// The sources that an address nobody has seen would come by: those on its site, and those whose entries lead there.
pub fn sources_of_site(connection: &Connection, link: &str) -> rusqlite::Result<Vec<Known>> {
    let host = |link: &str| Some(Url::parse(link).ok()?.host_str()?.trim_start_matches("www.").to_owned());
    let Some(wanted) = host(link) else { return Ok(Vec::new()) };
    let mut leads_there = None;
    let mut statement =
        connection.prepare("SELECT id, link FROM entries INDEXED BY entries_words WHERE link IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let other = row.get_ref(1)?.as_str().unwrap_or_default();
        let id = Some(row.get::<_, i64>(0)?);
        if id > leads_there && other.contains(&wanted) && host(other).as_ref() == Some(&wanted) {
            leads_there = id;
        }
    }
    let by: Option<String> = connection
        .query_row(
            "SELECT f.url FROM entries e JOIN feeds f ON f.id = e.feed_id WHERE e.id = ?1",
            [leads_there],
            |row| row.get(0),
        )
        .optional()?;
    let known = overview::known(connection)?;
    Ok(known
        .into_iter()
        .filter(|s| host(&s.url).as_ref() == Some(&wanted) || Some(&s.url) == by.as_ref())
        .collect())
}

/// All that the store knows of an article.
#[derive(Clone, Debug)]
pub struct Life {
    /// The source it came by.
    pub source: Known,
    /// The entry.
    pub entry: Entry,
    /// What was read.
    pub article: Option<Article>,
    /// The tries of the page that failed, oldest first.
    pub tries: Vec<Failed>,
    /// The story's other articles, the first ones first.
    pub others: Vec<Candidate>,
    /// Watches and their hits as the read stored them, as JSON.
    pub hits: Vec<(String, String)>,
    /// The alerts of the story.
    pub alerts: Vec<Alert>,
    /// The watches that are paused.
    pub paused: Vec<String>,
}

/// An entry as `why` tells it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// The feed's title of it.
    pub title: String,
    /// Its link.
    pub link: Option<String>,
    /// The feed's summary of it.
    pub summary: String,
    /// The feed's date.
    pub published: Option<Timestamp>,
    /// When it was found.
    pub found_at: Timestamp,
    /// It was old when its source was first seen: never read.
    pub quiet: bool,
    /// It stood in the document that was its source's first.
    pub first: bool,
    /// How often the feed changed it.
    pub edits: u32,
    /// The language that the feed names.
    pub language: Option<String>,
    /// When it is read next.
    pub due_at: Option<Timestamp>,
    /// It is being read.
    pub under_way: bool,
    /// Tries of its page so far.
    pub attempts: u32,
    /// Its words are older than what is kept.
    pub forgotten: bool,
}

/// An article as `why` tells it.
#[derive(Clone, Debug)]
pub struct Article {
    /// Its story.
    pub story: i64,
    /// Since when that is.
    pub story_since: Timestamp,
    /// True when it is the page's text, false when it is the feed's summary.
    pub full: bool,
    /// The page's title, where it is not the feed's.
    pub title: Option<String>,
    /// The page's text; empty when it is no longer kept.
    pub text: Option<String>,
    /// Its authors.
    pub author: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// The address that counts as its own.
    pub canonical: Option<String>,
    /// Why the page is not the article.
    pub problem: Option<String>,
    /// When this was read.
    pub read_at: Option<Timestamp>,
}

/// An alert as `why` tells it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Alert {
    /// The watch.
    pub watch: String,
    /// The recipient.
    pub to: String,
    /// open, told or cancelled.
    pub state: String,
    /// It waits for what was first seen with it.
    pub held: bool,
    /// The number of the article of the story that it was made for.
    pub entry: i64,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it is open.
    pub release_at: Timestamp,
    /// When it was told last.
    pub told_at: Option<Timestamp>,
    /// The mail that tells it, or the line in the ledger that it was cancelled by.
    pub message: Option<Shown>,
}

/// More articles of a story are not told.
const OTHERS: usize = 50;

/// The life of the entry of this number.
pub fn of(connection: &Connection, id: i64) -> rusqlite::Result<Option<Life>> {
    let found = connection
        .query_row(
            "SELECT id, title, link, summary, published, found_at, quiet, first, edits, language, due_at,
                 owner IS NOT NULL, attempts, forgotten, (SELECT url FROM feeds WHERE id = feed_id) FROM entries WHERE id = ?1",
            [id],
            |row| Ok((entry(row)?, row.get::<_, String>(14)?)),
        )
        .optional()?;
    let Some((entry, url)) = found else { return Ok(None) };
    let Some(source) = overview::known_by(connection, &url)? else { return Ok(None) };
    let article = article(connection, id)?;
    let story = article.as_ref().map(|article| article.story);
    Ok(Some(Life {
        source,
        entry,
        tries: tries::of(connection, Tried::Page(id))?,
        others: others(connection, story, id)?,
        hits: hits(connection, id)?,
        alerts: alerts(connection, story)?,
        paused: paused(connection)?,
        article,
    }))
}

fn at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        title: row.get(1)?,
        link: row.get(2)?,
        summary: row.get(3)?,
        published: at(row, 4)?,
        found_at: Timestamp::from_millis(row.get(5)?),
        quiet: row.get(6)?,
        first: row.get(7)?,
        edits: row.get(8)?,
        language: row.get(9)?,
        due_at: at(row, 10)?,
        under_way: row.get(11)?,
        attempts: row.get(12)?,
        forgotten: row.get(13)?,
    })
}

fn article(connection: &Connection, id: i64) -> rusqlite::Result<Option<Article>> {
    connection
        .query_row(
            "SELECT x.story_id, s.first_at, x.full, x.title, x.text, x.author, x.language, x.published, x.canonical,
                 x.problem, x.read_at
             FROM articles x JOIN stories s ON s.id = x.story_id WHERE x.entry_id = ?1",
            [id],
            |row| {
                Ok(Article {
                    story: row.get(0)?,
                    story_since: Timestamp::from_millis(row.get(1)?),
                    full: row.get(2)?,
                    title: row.get(3)?,
                    text: row.get(4)?,
                    author: row.get(5)?,
                    language: row.get(6)?,
                    published: at(row, 7)?,
                    canonical: row.get(8)?,
                    problem: row.get(9)?,
                    read_at: at(row, 10)?,
                })
            },
        )
        .optional()
}

fn others(connection: &Connection, story: Option<i64>, but: i64) -> rusqlite::Result<Vec<Candidate>> {
    let sql = "SELECT entry_id FROM articles WHERE story_id = ?1 AND entry_id <> ?2 ORDER BY placed_at, entry_id LIMIT ?3";
    let limit = i64::try_from(OTHERS).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(sql)?;
    let ids: rusqlite::Result<Vec<i64>> =
        statement.query_map(params![story, but, limit], |row| row.get(0))?.collect();
    let found: rusqlite::Result<Vec<_>> = ids?.into_iter().map(|id| by_id(connection, id)).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn hits(connection: &Connection, id: i64) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT w.name, h.found FROM hits h JOIN watches w ON w.id = h.watch_id WHERE h.entry_id = ?1
         ORDER BY w.position, w.id";
    connection.prepare(sql)?.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn paused(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM watches WHERE paused = 1")?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn alerts(connection: &Connection, story: Option<i64>) -> rusqlite::Result<Vec<Alert>> {
    let mut statement = connection.prepare(
        "SELECT w.name, r.address, a.state, a.held, a.entry_id, a.made_at, a.release_at, a.told_at, a.message_id
         FROM alerts a JOIN subscriptions s ON s.id = a.subscription_id JOIN watches w ON w.id = s.watch_id
         JOIN recipients r ON r.id = s.recipient_id
         WHERE a.story_id = ?1 ORDER BY w.position, w.id, r.address",
    )?;
    let rows = statement.query_map([story], |row| {
        let message: Option<i64> = row.get(8)?;
        let alert = Alert {
            watch: row.get(0)?,
            to: row.get(1)?,
            state: row.get(2)?,
            held: row.get(3)?,
            entry: row.get(4)?,
            made_at: Timestamp::from_millis(row.get(5)?),
            release_at: Timestamp::from_millis(row.get(6)?),
            told_at: at(row, 7)?,
            message: None,
        };
        Ok((alert, message))
    })?;
    let found: rusqlite::Result<Vec<_>> = rows.collect();
    found?
        .into_iter()
        .map(|(alert, message)| {
            let message = message.map(|id| outbox::line(connection, id)).transpose()?.flatten();
            Ok(Alert { message, ..alert })
        })
        .collect()
}
