//! Sitemaps → entries: plain ones and those of news, with any other namespace beside, as XML or one address a line;
//! and the index of a sitemap in parts, of which those are read that have news.
//!
//! A sitemap lists what a site has, old and new alike, and most say neither title nor date of publication. So
//! what counts as new is narrower than with a feed, see [`sift`]; an entry without a title is called by the words
//! of its address until its page has been read.

use std::collections::{HashMap, HashSet};

use quick_xml::Reader as Xml;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::draft::{language_tag, resolve};
use super::{Document, Entry, FeedError, Reader, dates};
use crate::domain::{story, text};
use crate::time::{DAY, Timestamp};

/// So many addresses a sitemap may have by its protocol; what comes after them is not read.
const MAX_URLS: usize = 50_000;
/// Of an index with more parts the newest are known.
const MAX_PARTS: usize = 2000;
/// No element that counts lies deeper; what lies so deep is not looked at.
const MAX_DEPTH: usize = 16;
/// A document that is broken in more places is taken to end there.
const MAX_BREAKS: usize = 64;
/// A title holds at most so many characters.
const MAX_TITLE: usize = 1000;
/// More addresses that were never seen before are an archive that is listed anew, whatever its cause.
const FLOOD: usize = 1000;
/// A part that has failed so often in a row waits until the others have been read.
const HOPELESS: u8 = 3;
/// By these names the plug-ins of a widespread system list its topics and authors, not its articles.
const LISTS: [&str; 6] = [
    "category-sitemap",
    "post_tag-sitemap",
    "author-sitemap",
    "wp-sitemap-taxonomies-",
    "wp-sitemap-users-",
    "tag-sitemap",
];

/// What an address of a sitemap answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sitemap {
    /// Addresses of pages.
    Urls(Document),
    /// Addresses of sitemaps.
    Index(Vec<Part>),
}

/// A part of a sitemap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is.
    pub url: Url,
    /// When it was changed last, if the index says so.
    pub modified: Option<Timestamp>,
}

/// Reads a sitemap. `url` is where it came from.
pub(super) fn read(text: &str, url: Option<&Url>) -> Result<Sitemap, FeedError> {
    if text.trim_start().starts_with('<') { read_xml(text, url) } else { read_lines(text).map(Sitemap::Urls) }
}

/// One address a line.
fn read_lines(text: &str) -> Result<Document, FeedError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut listing = Listing::default();
    for line in lines.take(MAX_URLS) {
        // Not what resolves against the address of the list: prose does too.
        match resolve(line, None) {
            Some(page) => listing.add(page, Listed::default()),
            None if listing.entries.is_empty() => return Err(super::mistaken("plain text", "a sitemap", "")),
            None => {}
        }
    }
    if listing.entries.is_empty() {
        return Err(super::mistaken("an empty document", "a sitemap", ""));
    }
    Ok(listing.finish(false))
}

/// What is told of an address.
#[derive(Default)]
struct Listed {
    loc: String,
    modified: Option<Timestamp>,
    published: Option<Timestamp>,
    title: String,
    language: Option<String>,
}

/// The entries of a document, each place once: an address is known by where it leads, whatever it is dressed in.
#[derive(Default)]
struct Listing {
    entries: Vec<Entry>,
    seen: HashSet<u64>,
    name: String,
}

impl Listing {
    fn add(&mut self, mut page: Url, listed: Listed) {
        page.set_fragment(None);
        let link = String::from(page);
        // Old pages are remembered by this alone, and a site that moves to https lists them all anew.
        let id = story::canonical(&link).unwrap_or_else(|| link.clone());
        if self.entries.len() >= MAX_URLS || !self.seen.insert(xxh3_64(id.as_bytes())) {
            return;
        }
        let title = text::cut(&text::clean(&listed.title), MAX_TITLE);
        self.entries.push(Entry {
            title: if title.is_empty() { words_of(&link) } else { title },
            id,
            link: Some(link),
            published: listed.published,
            modified: listed.modified,
            language: listed.language,
            ..Entry::default()
        });
    }

    fn finish(self, cut_off: bool) -> Document {
        let name = text::cut(&text::clean(&self.name), 300);
        Document {
            title: Some(name).filter(|name| !name.is_empty()),
            entries: self.entries,
            cut_off,
            reader: Reader::Sitemap,
            ..Document::default()
        }
    }
}

/// The words of an address: of its longest piece, if that has three or more.
fn words_of(link: &str) -> String {
    let path = link.split(['?', '#']).next().unwrap_or_default().splitn(4, '/').nth(3).unwrap_or_default();
    let piece = path.split('/').max_by_key(|piece| piece.len()).unwrap_or_default();
    let piece = percent_decoded(piece);
    let piece = [".html", ".htm", ".php", ".aspx", ".shtml"]
        .iter()
        .find_map(|end| piece.strip_suffix(end))
        .unwrap_or(&piece);
    let words: Vec<&str> = piece.split(['-', '_', '+', ' ']).filter(|word| !word.is_empty()).collect();
    let is_word = |word: &&&str| word.chars().all(char::is_alphabetic);
    if words.iter().filter(is_word).count() < 3 {
        return String::new();
    }
    // The number of the article says nothing.
    let is_number = |word: &&str| word.len() >= 5 && word.bytes().all(|b| b.is_ascii_digit());
    let told: Vec<&str> = words.into_iter().filter(|word| !is_number(word)).collect();
    text::cut(&text::clean(&told.join(" ")), 300)
}

fn percent_decoded(piece: &str) -> String {
    let mut bytes = Vec::with_capacity(piece.len());
    let mut rest = piece.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = |at: usize| {
            after.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok())
        };
        let octet = hex(0).zip(hex(1)).filter(|_| *byte == b'%').map(|(high, low)| high * 16 + low);
        rest = if octet.is_some() { &after[2..] } else { after };
        bytes.push(octet.unwrap_or(*byte));
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn read_xml(text: &str, url: Option<&Url>) -> Result<Sitemap, FeedError> {
    let xml = &text[text.find('<').unwrap_or(0)..];
    let mut reading = Reading { url, ..Reading::default() };
    let (mut start, mut breaks) = (0, 0);
    while !reading.is_done() && breaks <= MAX_BREAKS {
        let Some(broken) = reading.read(&xml[start..])? else { break };
        start += broken + xml[start + broken..].chars().next().map_or(1, char::len_utf8);
        breaks += 1;
    }
    match reading.root.as_str() {
        "sitemapindex" => Ok(Sitemap::Index(reading.parts)),
        "urlset" => Ok(Sitemap::Urls(reading.listing.finish(!reading.closed))),
        _ => Err(super::mistaken("an empty document", "a sitemap", "")),
    }
}

#[derive(Default)]
struct Reading<'x> {
    url: Option<&'x Url>,
    root: String,
    closed: bool,
    /// The names of what is open, without their prefixes: an image has a `loc` too, but not in the same place.
    open: Vec<String>,
    /// What is open deeper than is looked at.
    deeper: usize,
    field: Option<String>,
    listed: Listed,
    listing: Listing,
    parts: Vec<Part>,
}

impl Reading<'_> {
    fn is_done(&self) -> bool {
        self.closed
    }

    /// Reads to the end, or to a place that is no XML: then says where.
    fn read(&mut self, xml: &str) -> Result<Option<usize>, FeedError> {
        let mut reader = Xml::from_str(xml);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        while !self.is_done() {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(Event::Start(tag)) => self.start(local(tag.name().as_ref()))?,
                Ok(Event::Empty(tag)) => {
                    let name = local(tag.name().as_ref()).to_owned();
                    self.start(&name)?;
                    self.end(&name);
                }
                Ok(Event::End(tag)) => self.end(local(tag.name().as_ref())),
                Ok(Event::Text(text)) => self.text(&text),
                Ok(Event::CData(text)) => self.text(&text),
                Ok(Event::GeneralRef(name)) => match name.resolve_char_ref() {
                    Ok(Some(c)) => self.text(c.encode_utf8(&mut [0; 4])),
                    Ok(None) => match resolve_html5_entity(&name) {
                        Some(text) => self.text(text),
                        None => self.text(&format!("&{}", &*name)),
                    },
                    Err(_) => {}
                },
                Ok(_) => {}
                Err(_) => return Ok(Some(at.min(xml.len().saturating_sub(1)))),
            }
        }
        Ok(None)
    }

    fn start(&mut self, name: &str) -> Result<(), FeedError> {
        let name = name.to_ascii_lowercase();
        if self.root.is_empty() {
            check_root(&name)?;
            self.root.clone_from(&name);
        }
        if self.open.len() >= MAX_DEPTH {
            self.deeper += 1;
            return Ok(());
        }
        self.open.push(name);
        if self.place().is_some() {
            self.field = Some(String::new());
        }
        Ok(())
    }

    /// What the innermost element is, if it counts.
    fn place(&self) -> Option<Place> {
        let mut open = [""; 5];
        let deep = self.open.len();
        for (name, open) in open.get_mut(..deep)?.iter_mut().zip(&self.open) {
            *name = open;
        }
        Some(match &open[..deep] {
            ["urlset", "url", "loc"] | ["sitemapindex", "sitemap", "loc"] => Place::Loc,
            ["urlset", "url", "lastmod"] | ["sitemapindex", "sitemap", "lastmod"] => Place::Modified,
            ["urlset", "url", "news", "publication_date"] => Place::Published,
            ["urlset", "url", "news", "title"] => Place::Title,
            ["urlset", "url", "news", "publication", "language"] => Place::Language,
            ["urlset", "url", "news", "publication", "name"] => Place::Name,
            _ => return None,
        })
    }

    fn text(&mut self, text: &str) {
        if let Some(field) = self.field.as_mut().filter(|field| field.len() < 8192) {
            field.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let Some(place) = self.open.iter().rposition(|open| *open == name) else { return };
        while self.open.len() > place {
            self.close();
        }
    }

    fn close(&mut self) {
        let place = self.place();
        let told = self.field.take().filter(|_| place.is_some()).map(|field| field.trim().to_owned());
        match (place, told) {
            (Some(Place::Loc), Some(told)) => self.listed.loc = told,
            (Some(Place::Modified), Some(told)) => self.listed.modified = dates::parse(&told),
            (Some(Place::Published), Some(told)) => self.listed.published = dates::parse(&told),
            (Some(Place::Title), Some(told)) => self.listed.title = text::from_html(&told),
            (Some(Place::Language), Some(told)) => self.listed.language = language_tag(&told),
            (Some(Place::Name), Some(told)) if self.listing.name.is_empty() => self.listing.name = told,
            _ => {}
        }
        let closed = self.open.pop();
        match (self.open.len(), closed.as_deref()) {
            (0, _) => self.closed = true,
            (1, Some("url" | "sitemap")) => self.listed(),
            _ => {}
        }
    }

    /// An address with all that is told of it.
    fn listed(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let Some(url) = resolve(&listed.loc, self.url) else { return };
        if self.root == "urlset" {
            self.listing.add(url, listed);
        } else if self.parts.len() < MAX_URLS && self.listing.seen.insert(xxh3_64(url.as_str().as_bytes())) {
            self.parts.push(Part { url, modified: listed.modified });
        }
    }
}

#[derive(Clone, Copy)]
enum Place {
    Loc,
    Modified,
    Published,
    Title,
    Language,
    Name,
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn check_root(name: &str) -> Result<(), FeedError> {
    match name {
        "urlset" | "sitemapindex" => Ok(()),
        "rss" | "rdf" | "feed" | "channel" => {
            Err(super::mistaken("a feed", "a sitemap", super::TAKE_KIND_OUT))
        }
        "html" | "head" | "body" => Err(super::mistaken(super::WEB_PAGE, "a sitemap", "")),
        _ => {
            let found = format!("an XML document of another kind (<{}>)", text::cut(name, 40));
            Err(super::mistaken(&found, "a sitemap", ""))
        }
    }
}

// ---- what is new

/// Parts addresses that were never seen into what is news and what is only to be remembered.
///
/// A sitemap that is read for the first time lists years of pages: of these, only what it dates in the last day is
/// new; and one of news, which holds no more than two days, is new where it has no date. Later every address is,
/// unless more of them come at once than any site publishes: then the dates decide again.
pub fn sift(unseen: Vec<Entry>, first_sight: bool, now: Timestamp) -> (Vec<Entry>, Vec<Entry>) {
    if !first_sight && unseen.len() <= FLOOD {
        return (unseen, Vec::new());
    }
    let is_news = unseen.iter().any(|entry| entry.published.is_some());
    unseen.into_iter().partition(|entry| match entry.published.or(entry.modified.map(end_of_day)) {
        Some(at) => at >= now - DAY,
        None => is_news,
    })
}

/// A date without a time of day means all of the day.
fn end_of_day(at: Timestamp) -> Timestamp {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    if at.millis() % day == 0 { at + DAY } else { at }
}

/// Whether a host has parts of a sitemap that these hosts have: it is one of them, with or without its `www`.
pub fn near(host: &str, homes: &[String]) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    homes.iter().any(|home| bare(home) == bare(host))
}

/// Why none of the parts of an index can be read.
pub fn no_part(due: &Due) -> FeedError {
    let what = match due.elsewhere {
        0 => "and lists none that can be read".to_owned(),
        1 => "whose only part lies at another host; write the address of that part".to_owned(),
        count => format!("whose {count} parts lie at another host; write the address of one of them"),
    };
    FeedError::Index { what }
}

/// Why a part is not read that is an index itself.
pub fn nested() -> FeedError {
    FeedError::Index {
        what: "which parts cannot be again; write its address as a source of its own".to_owned(),
    }
}

/// What is remembered of the parts of a sitemap between two polls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    known: HashMap<String, Known>,
}

/// What is remembered of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// Its date in the index when it was read, in unix milliseconds; or when the source was seen first.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<i64>,
    /// It was there when the source was seen first, and has not been read since: it is an archive.
    #[serde(skip_serializing_if = "is_default")]
    archive: bool,
    /// How often in a row it could not be read.
    #[serde(skip_serializing_if = "is_default")]
    failures: u8,
    /// The validators of its last answer, where they are text, and the hash of its body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// See `etag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// See `etag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<i64>,
    /// The day on which it was last had whole, counted from 1970.
    #[serde(skip_serializing_if = "is_default")]
    whole_on: i64,
}

impl Known {
    /// What is known of a part from its answer.
    pub fn of(etag: Option<String>, last_modified: Option<String>, body: i64, now: Timestamp) -> Self {
        Self { etag, last_modified, body: Some(body), whole_on: day(now), ..Self::default() }
    }

    /// Whether the server would be believed that the part has not changed: not where the index says that it has, and
    /// not for more than a day.
    pub fn is_believed(&self, part: &Part, now: Timestamp) -> bool {
        self.modified == part.modified.map(Timestamp::millis) && self.whole_on == day(now)
    }

    /// It has never been read.
    fn is_unread(&self) -> bool {
        self.body.is_none()
    }

    /// The same of a part that has answered as before.
    #[must_use]
    pub fn as_before(&self) -> Self {
        Self { archive: false, failures: 0, ..self.clone() }
    }
}

fn day(now: Timestamp) -> i64 {
    now.millis().div_euclid(i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The parts of an index that may have news.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// In the order in which they are worth reading.
    pub parts: Vec<Part>,
    /// All parts that are this source's, due or not; of very many the newest.
    pub near: Vec<Part>,
    /// There are more than these.
    pub is_cut: bool,
    /// So many lie at other hosts, and are never read.
    pub elsewhere: usize,
    /// Each part says when it changed, so that the index changes when one of them does.
    pub all_dated: bool,
}

impl Parts {
    /// Which parts to read: those that changed, the newest first. Parts at hosts that `is_near` refuses, see
    /// [`near`], are none of this source's, and what `own` names are no parts. `turn` grows with every poll: of the parts without dates one is read in turn with the others.
    pub fn due(&self, index: &[Part], own: &[&Url], is_near: impl Fn(&Url) -> bool, turn: u64) -> Due {
        let parts = index.iter().filter(|part| !own.contains(&&part.url));
        let (mut near, far): (Vec<&Part>, Vec<&Part>) = parts.partition(|part| is_near(&part.url));
        near.retain(|part| !is_list(&part.url));
        near.sort_by_cached_key(|part| std::cmp::Reverse(recency(part)));
        let is_cut = near.len() > MAX_PARTS;
        near.truncate(MAX_PARTS);
        let all_dated = near.iter().all(|part| part.modified.is_some());
        let mut due: Vec<&Part> = near.iter().copied().filter(|part| self.may_have_news(part)).collect();
        due.sort_by_key(|part| self.of(&part.url).is_some_and(|known| known.failures >= HOPELESS));
        let undated = due.iter().position(|part| part.modified.is_none()).unwrap_or(due.len());
        if let Some(rest) = due.get_mut(undated + 1..).filter(|rest| !rest.is_empty()) {
            let by = usize::try_from(turn % rest.len() as u64).unwrap_or(0);
            rest[..].rotate_left(by);
        }
        let owned = |parts: Vec<&Part>| parts.into_iter().cloned().collect();
        Due { parts: owned(due), near: owned(near), is_cut, elsewhere: far.len(), all_dated }
    }

    fn may_have_news(&self, part: &Part) -> bool {
        match (self.of(&part.url), part.modified) {
            (Some(known), Some(modified)) => known.modified != Some(modified.millis()),
            (Some(_) | None, None) | (None, _) => true,
        }
    }

    /// What is known of a part.
    pub fn of(&self, part: &Url) -> Option<&Known> {
        self.known.get(&key(part))
    }

    /// Whether a part that is about to be read is an archive, of which only what is dated today is news. Where not all
    /// parts are known, one that never was read may be old: an edit in it has brought it among the newest.
    pub fn is_archive(&self, part: &Url, due: &Due) -> bool {
        match self.of(part) {
            Some(known) => known.archive || (due.is_cut && known.is_unread()),
            None => due.is_cut,
        }
    }

    /// Notes at the first sight of the source its parts that were not read: they are archives. One that failed is
    /// tried again all the same.
    pub fn note_archives(&mut self, parts: &[Part]) {
        for part in parts {
            let modified = part.modified.map(Timestamp::millis);
            self.known
                .entry(key(&part.url))
                .and_modify(|known| known.archive |= known.is_unread())
                .or_insert(Known { modified, archive: true, ..Known::default() });
        }
    }

    /// Notes that a part was read, with what makes its next request conditional.
    pub fn note_read(&mut self, part: &Part, known: Known) {
        self.known.insert(key(&part.url), Known { modified: part.modified.map(Timestamp::millis), ..known });
    }

    /// Notes that a part could not be read.
    pub fn note_failure(&mut self, part: &Part) {
        let known = self.known.entry(key(&part.url)).or_default();
        known.failures = known.failures.saturating_add(1);
    }

    /// Forgets all parts but these, which are listed.
    pub fn retain(&mut self, parts: &[Part]) {
        let listed: HashSet<String> = parts.iter().map(|part| key(&part.url)).collect();
        self.known.retain(|known, _| listed.contains(known));
    }
}

fn key(part: &Url) -> String {
    format!("{:x}", xxh3_64(part.as_str().as_bytes()))
}

fn is_list(part: &Url) -> bool {
    let name = part.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    LISTS.iter().any(|list| name.starts_with(list))
}

/// What tells a newer part from an older one: its date, else that it is of news, else the numbers in its address, of
/// which years, months and days come first.
fn recency(part: &Part) -> (Option<Timestamp>, bool, Vec<u64>) {
    let address = &part.url[url::Position::BeforePath..];
    let numbers = address.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    (part.modified, address.to_ascii_lowercase().contains("news"), numbers.collect())
}

#[cfg(test)]
mod tests;
