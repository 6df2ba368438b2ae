//! What a reader found → entries that can be relied on: plain text of bounded length, absolute links, an id.

use std::cmp::Ordering;

use url::Url;

use super::dates::{Order, Written};
use super::hints::Hints;
use super::{Document, Entry, hash};
use crate::domain::text;

/// A summary holds at most so many characters.
const MAX_SUMMARY: usize = 64 * 1024;
/// A title holds at most so many characters.
const MAX_TITLE: usize = 1000;
/// The names of people and of feeds.
const MAX_NAME: usize = 300;
/// Longer addresses are no links, and longer ids are stored by their hash.
const MAX_ADDRESS: usize = 2048;

/// A longer text, with its markup, is cut; what is kept of it is much shorter still.
pub(super) const MAX_FIELD: usize = 1024 * 1024;
/// So many entries of a document are read.
pub(super) const MAX_ENTRIES: usize = 100_000;
/// So many addresses and people of an entry are kept, until the best of them are chosen.
pub(super) const MAX_LINKS: usize = 32;
pub(super) const MAX_PEOPLE: usize = 32;

/// A feed as a reader found it.
#[derive(Debug, Default)]
pub(super) struct DraftFeed {
    pub title: String,
    pub language: Option<String>,
    pub hints: Hints,
    pub links: Vec<Link>,
    pub entries: Vec<Draft>,
    /// How many entries began.
    pub items: usize,
    pub cut_off: bool,
}

/// An entry as a reader found it: texts are HTML, of addresses only those with a base of their own are absolute.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub title: String,
    pub summary: String,
    pub content: String,
    /// They count where there is no other.
    pub second_title: String,
    pub second_summary: String,
    pub id: String,
    /// The address that RDF knows it by.
    pub about: String,
    pub links: Vec<Link>,
    pub people: Vec<String>,
    pub published: Option<Written>,
    pub updated: Option<Written>,
    pub created: Option<Written>,
    pub language: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Link {
    pub href: String,
    pub rel: Option<String>,
    pub media_type: Option<String>,
}

impl Link {
    /// It leads to the entry itself: not to its comments, its enclosures or its feed.
    pub fn is_own(&self) -> bool {
        matches!(self.rel.as_deref(), None | Some("alternate" | "" | "canonical"))
    }
}

impl DraftFeed {
    pub fn finish(self, url: Option<&Url>) -> Document {
        let home = url.and(page(&self.links)).and_then(|home| resolve(&home.href, url));
        let base = home.or_else(|| url.cloned());
        let language = self.language.as_deref().and_then(language_tag);
        let order = order(&self.entries, language.as_deref());
        let entries =
            self.entries.into_iter().map(|draft| draft.finish(base.as_ref(), language.as_ref(), order));
        Document {
            entries: entries.collect(),
            title: Some(one_line(&self.title, MAX_NAME)).filter(|title| !title.is_empty()),
            language,
            ttl: self.hints.pause(),
            skip: self.hints.skip,
            cut_off: self.cut_off,
            ..Document::default()
        }
    }
}

/// How the feed orders the numbers of its dates, where that is to be seen: a publisher writes all of them alike.
fn order(entries: &[Draft], language: Option<&str>) -> Option<Order> {
    let proof = entries.iter().filter_map(|entry| entry.date()?.order());
    let (mut day_first, mut month_first) = (0, 0);
    for order in proof {
        match order {
            Order::DayFirst => day_first += 1,
            Order::MonthFirst => month_first += 1,
        }
    }
    match day_first.cmp(&month_first) {
        Ordering::Less => Some(Order::MonthFirst),
        Ordering::Greater => Some(Order::DayFirst),
        Ordering::Equal => (language == Some("en-us")).then_some(Order::MonthFirst),
    }
}

impl Draft {
    /// Nothing was found in it.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.title, &self.summary, &self.content, &self.second_title, &self.second_summary];
        texts.iter().chain(&[&self.id, &self.about]).all(|text| text.trim().is_empty())
            && self.links.is_empty()
            && self.people.is_empty()
            && self.date().is_none()
    }

    /// When it was published, else when it was changed.
    fn date(&self) -> Option<Written> {
        self.published.or(self.updated).or(self.created)
    }

    fn finish(self, base: Option<&Url>, feed_language: Option<&String>, order: Option<Order>) -> Entry {
        let published = self.date().map(|date| date.at(order));
        let title = first(one_line(&self.title, MAX_TITLE), || one_line(&self.second_title, MAX_TITLE));
        let short = first(text::from_html(&self.summary), || text::from_html(&self.second_summary));
        let long = text::from_html(&self.content);
        let summary = text::cut(if long.len() > short.len() { &long } else { &short }, MAX_SUMMARY);
        let guid = first(text::clean(&self.id), || text::clean(&self.about));
        let link = page(&self.links).and_then(|link| address(&link.href, base));
        let link = link.or_else(|| permalink(&guid, base));
        let id = match &link {
            _ if guid.len() > MAX_ADDRESS => hash(&guid),
            _ if !guid.is_empty() => guid,
            Some(link) => link.clone(),
            None => hash(&format!("{title}\n{summary}")),
        };
        Entry {
            id,
            title,
            link,
            summary,
            author: author(&self.people),
            published,
            language: self.language.as_deref().and_then(language_tag).or_else(|| feed_language.cloned()),
            modified: None,
        }
    }
}

fn first(text: String, other: impl FnOnce() -> String) -> String {
    if text.is_empty() { other() } else { text }
}

fn one_line(html: &str, most: usize) -> String {
    text::cut(&text::clean(&text::from_html(html)), most)
}

/// The first address of the entry itself.
fn page(links: &[Link]) -> Option<&Link> {
    let is_page = |link: &&Link| link.media_type.as_deref().is_none_or(|kind| kind.contains("html"));
    let own = || links.iter().filter(|link| link.is_own());
    own().find(is_page).or_else(|| own().next())
}

/// A guid that is an address leads to the entry, unless something better does.
fn permalink(guid: &str, base: Option<&Url>) -> Option<String> {
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| guid.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    if is_address { address(guid, base) } else { None }
}

/// A link as it is stored; without a base as it is written, if it leads into the web.
fn address(href: &str, base: Option<&Url>) -> Option<String> {
    if base.is_some() {
        return resolve(href, base).map(String::from);
    }
    let href = href.trim();
    let relative = Url::parse(href) == Err(url::ParseError::RelativeUrlWithoutBase);
    let fits = !href.is_empty() && href.len() <= MAX_ADDRESS;
    (fits && (relative || resolve(href, None).is_some())).then(|| href.replace("&amp;", "&"))
}

/// The http address that `href` means.
pub(super) fn resolve(href: &str, base: Option<&Url>) -> Option<Url> {
    let href = href.trim();
    if href.is_empty() || href.len() > MAX_ADDRESS {
        return None;
    }
    let url = Url::options().base_url(base).parse(&href.replace("&amp;", "&")).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= MAX_ADDRESS).then_some(url)
}

fn author(people: &[String]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for name in people.iter().filter_map(|person| person_name(person)) {
        if !names.contains(&name) && names.len() < 5 {
            names.push(name);
        }
    }
    if names.is_empty() { None } else { Some(text::cut(&names.join(", "), MAX_NAME)) }
}

/// The name in `editor@example.org (Ayşe Yılmaz)`, `Ayşe Yılmaz <editor@example.org>` or `Ayşe Yılmaz`.
fn person_name(raw: &str) -> Option<String> {
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

pub(super) fn language_tag(raw: &str) -> Option<String> {
    let tag = raw.trim().to_ascii_lowercase().replace('_', "-");
    let primary = tag.split('-').next().unwrap_or_default();
    let valid = matches!(primary.len(), 2..=3)
        && tag.len() <= 35
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && primary.bytes().all(|b| b.is_ascii_lowercase());
    valid.then_some(tag)
}
