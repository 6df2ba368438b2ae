//! Bytes of a feed → entries: any encoding, RSS, RDF, Atom and JSON Feed, whatever its publisher made of them.
//!
//! ```text
//! bytes ─decode─▶ text ─repair─▶ sound document ─feed-rs─▶ model ─here─▶ Document
//! ```
//!
//! No input panics: what feed-rs cannot bear is refused or mended before it is asked.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, UNIX_EPOCH};

use feed_rs::model;
use feed_rs::parser::{ParseErrorKind, ParseFeedError};
use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use crate::domain::text;
use crate::time::Timestamp;

pub mod dates;
pub mod decode;
mod json;
mod repair;

/// A summary holds at most so many characters.
const MAX_SUMMARY: usize = 64 * 1024;
/// A title holds at most so many characters.
const MAX_TITLE: usize = 300;
/// Longer addresses are no links, and longer ids are stored by their hash.
const MAX_ADDRESS: usize = 2048;
/// Larger documents are not looked at; the client caps what it reads far below.
const MAX_BODY: usize = 64 * 1024 * 1024;

const WEB_PAGE: &str = "a web page";

/// What a feed said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The feed's own title, on one line.
    pub title: Option<String>,
    /// The language it declares, as a lower-case tag (`tr`, `en-us`).
    pub language: Option<String>,
    /// How long it asks to be left alone.
    pub ttl: Option<Duration>,
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
    /// The document ends before its root is closed, as when a transfer breaks: the entries are good, but others may
    /// be missing, so that its validators must not be kept.
    pub cut_off: bool,
}

/// One item of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What the feed knows it by; else its link, else a hash of title and summary. Never empty.
    pub id: String,
    /// On one line, without markup; may be empty.
    pub title: String,
    /// Absolute, http or https.
    pub link: Option<String>,
    /// Plain text: the longer of summary and content.
    pub summary: String,
    /// Who wrote it, when a name is given.
    pub author: Option<String>,
    /// When it was published, else when it was updated.
    pub published: Option<Timestamp>,
    /// The language of this entry where it declares one of its own, else the feed's.
    pub language: Option<String>,
}

/// Why there are no entries to be had, in words for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Something else was sent.
    #[error("this is {found}, not a feed")]
    NotAFeed {
        /// What it is instead.
        found: String,
    },
    /// A feed that cannot be read.
    #[error("the feed is broken{}: {what}", in_line(*line))]
    Broken {
        /// The line of the document, counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong there.
        what: String,
    },
    /// No feed nests so deep; reading it could exhaust the machine.
    #[error("elements are nested more than 256 deep in line {line}")]
    TooDeep {
        /// Where the limit is passed.
        line: usize,
    },
    /// More than is ever read.
    #[error("the document is larger than 64 MiB")]
    TooLarge,
}

fn in_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" in line {line}"))
}

/// Reads a feed. `url` is where it came from; relative links are resolved against it, unless the feed names a base.
///
/// A document without entries is an empty feed only if it holds none: one whose entries cannot be read is broken.
pub fn parse(body: &[u8], content_type: Option<&str>, url: &Url) -> Result<Document, FeedError> {
    if body.len() > MAX_BODY {
        return Err(FeedError::TooLarge);
    }
    let sound = Sound::new(&decode::decode(body, content_type), url)?;
    let feed = feed_rs::parser::Builder::new()
        .base_uri(Some(&sound.base))
        .sanitize_content(false)
        .id_generator(|_, _, _| String::new())
        .timestamp_parser(|text| {
            let at = dates::parse(text)?;
            Some((UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).ok()?)).into())
        })
        .build()
        .parse(sound.text.as_bytes())
        .map_err(|error| FeedError::Broken { line: None, what: in_words(&error) })?;
    let document = document(feed, &sound);
    if document.entries.is_empty() && sound.items > 0 {
        let what = format!("none of its {} entries could be read", sound.items);
        return Err(FeedError::Broken { line: None, what });
    }
    Ok(document)
}

fn in_words(error: &ParseFeedError) -> String {
    match error {
        ParseFeedError::ParseError(ParseErrorKind::NoFeedRoot) => "its root holds no channel".to_owned(),
        error => error.to_string(),
    }
}

/// A document that feed-rs can be given.
struct Sound {
    text: String,
    items: usize,
    cut_off: bool,
    base: Url,
}

impl Sound {
    fn new(text: &str, url: &Url) -> Result<Self, FeedError> {
        let start = text.trim_start();
        if start.is_empty() {
            return Err(FeedError::NotAFeed { found: "an empty answer".to_owned() });
        }
        if start.starts_with(['{', '[']) {
            let (text, items) = json::repair(start)?;
            return Ok(Self { text, items, cut_off: false, base: url.clone() });
        }
        if is_web_page(start) {
            return Err(FeedError::NotAFeed { found: WEB_PAGE.to_owned() });
        }
        let head = &text[..text.floor_char_boundary(4096)];
        let Some(root) = head.find("<?xml ").or_else(|| text.find('<')) else {
            return Err(FeedError::NotAFeed { found: "plain text".to_owned() });
        };
        let found = repair::repair(text, root)?;
        let base = found.home.and_then(|home| resolve(&home, url)).unwrap_or_else(|| url.clone());
        Ok(Self { text: found.text, items: found.items, cut_off: found.cut_off, base })
    }
}

fn is_web_page(text: &str) -> bool {
    ["<!doctype html", "<html"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

fn document(feed: model::Feed, sound: &Sound) -> Document {
    let language = feed.language.as_deref().and_then(language_tag);
    let entries = feed.entries.into_iter().map(|found| entry(&found, &sound.base, language.as_ref()));
    let mut entries: Vec<Entry> = entries.collect();
    tell_apart(&mut entries);
    Document {
        title: feed.title.map(|title| one_line(&title.content)).filter(|title| !title.is_empty()),
        language,
        ttl: feed
            .ttl
            .filter(|minutes| *minutes > 0)
            .map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        entries,
        cut_off: sound.cut_off,
    }
}

fn entry(found: &model::Entry, base: &Url, feed_language: Option<&String>) -> Entry {
    let title = one_line(found.title.as_ref().map_or("", |title| &title.content));
    let summary = summary(found);
    let guid = text::clean(&found.id);
    let link = link(&found.links, base).or_else(|| permalink(&guid, base));
    let id = if !guid.is_empty() {
        if guid.len() > MAX_ADDRESS { hash(&guid) } else { guid }
    } else if let Some(link) = &link {
        link.clone()
    } else {
        hash(&format!("{title}\n{summary}"))
    };
    Entry {
        id,
        title,
        link,
        summary,
        author: author(&found.authors),
        published: found.published.or(found.updated).map(|at| Timestamp::from_millis(at.timestamp_millis())),
        language: found.language.as_deref().and_then(language_tag).or_else(|| feed_language.cloned()),
    }
}

fn hash(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

fn one_line(html: &str) -> String {
    text::cut(&text::clean(&text::from_html(html)), MAX_TITLE)
}

fn summary(found: &model::Entry) -> String {
    let short = found.summary.as_ref().map(|summary| text::from_html(&summary.content)).unwrap_or_default();
    let is_text = |content: &&model::Content| {
        let kind = content.content_type.to_string();
        kind.starts_with("text/") || kind.ends_with("xml")
    };
    let content = found.content.as_ref().filter(is_text).and_then(|content| content.body.as_deref());
    let long = content.map(text::from_html).unwrap_or_default();
    text::cut(if long.len() > short.len() { &long } else { &short }, MAX_SUMMARY)
}

/// The first address of the entry itself: not of its comments, its enclosures or its feed.
fn link(links: &[model::Link], base: &Url) -> Option<String> {
    let is_own = |link: &&model::Link| {
        link.target.is_none() && matches!(link.rel.as_deref(), None | Some("alternate" | "" | "canonical"))
    };
    let is_page = |link: &&model::Link| link.media_type.as_deref().is_none_or(|kind| kind.contains("html"));
    let own = || links.iter().filter(is_own);
    own().filter(is_page).chain(own()).find_map(|link| resolve(&link.href, base)).map(String::from)
}

/// A guid that is an address leads to the entry, unless something better does.
fn permalink(guid: &str, base: &Url) -> Option<String> {
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| guid.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    if is_address { resolve(guid, base).map(String::from) } else { None }
}

fn resolve(href: &str, base: &Url) -> Option<Url> {
    let href = href.trim();
    if href.is_empty() || href.len() > MAX_ADDRESS {
        return None;
    }
    let url = base.join(&href.replace("&amp;", "&")).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= MAX_ADDRESS).then_some(url)
}

fn author(people: &[model::Person]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for name in people.iter().filter_map(|person| person_name(person.name.as_deref()?)) {
        if !names.contains(&name) && names.len() < 5 {
            names.push(name);
        }
    }
    if names.is_empty() { None } else { Some(text::cut(&names.join(", "), MAX_TITLE)) }
}

/// The name in `editor@example.org (Ayşe Yılmaz)`, `Ayşe Yılmaz <editor@example.org>` or `Ayşe Yılmaz`.
fn person_name(raw: &str) -> Option<String> {
    let raw = raw.replace(repair::AT, "@");
    let name = match raw.split_once('(') {
        Some((address, name)) if address.contains('@') => name.trim_end().trim_end_matches(')').to_owned(),
        _ => {
            let words = raw.split_whitespace().filter(|word| !word.contains('@'));
            words.collect::<Vec<_>>().join(" ")
        }
    };
    let name = text::clean(&text::from_html(&name));
    if name.is_empty() { None } else { Some(name) }
}

fn language_tag(raw: &str) -> Option<String> {
    let tag = raw.trim().to_ascii_lowercase().replace('_', "-");
    let primary = tag.split('-').next().unwrap_or_default();
    let valid = matches!(primary.len(), 2..=3)
        && tag.len() <= 35
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && primary.bytes().all(|b| b.is_ascii_lowercase());
    valid.then_some(tag)
}

/// Some publishers give every item the same guid, or the same link and no guid. Such items are known by
/// their links, and where these are one too by their words, so that none hides another.
fn tell_apart(entries: &mut [Entry]) {
    let by_link = shared(entries, |entry| entry.link.clone());
    for entry in entries.iter_mut().filter(|entry| by_link.contains(&entry.id)) {
        if let Some(link) = &entry.link {
            entry.id.clone_from(link);
        }
    }
    let by_words = shared(entries, |entry| entry.title.clone());
    for entry in entries.iter_mut().filter(|entry| by_words.contains(&entry.id)) {
        entry.id = hash(&format!("{}\n{}\n{}", entry.id, entry.title, entry.summary));
    }
}

/// The ids that stand on entries which differ in this trait.
fn shared<T: PartialEq>(entries: &[Entry], by: impl Fn(&Entry) -> T) -> HashSet<String> {
    let mut first: HashMap<&str, T> = HashMap::with_capacity(entries.len());
    let mut shared = HashSet::new();
    for entry in entries {
        let own = by(entry);
        match first.get(entry.id.as_str()) {
            None => drop(first.insert(&entry.id, own)),
            Some(known) if *known != own => drop(shared.insert(entry.id.clone())),
            Some(_) => {}
        }
    }
    shared
}

#[cfg(test)]
mod tests;
