//! feed-rs, for what it reads without loss.
//!
//! A look at the tags says whether it can be given a document at all (it panics on some, and needs a multiple of
//! the memory of others), and whether something stands there that it is known to lose; what it returns is
//! compared with what that look has counted.

use std::time::{Duration, UNIX_EPOCH};

use feed_rs::model;

use super::dates;
use super::draft::{Draft, DraftFeed, Link};
use super::hints::Hints;
use crate::time::Timestamp;

/// Deeper documents are not given to feed-rs, nor longer tags and texts, nor more namespaces, entries and elements.
const MAX_DEPTH: usize = 64;
const MAX_TAG: usize = 4096;
const MAX_TEXT: usize = 1024 * 1024;
const MAX_NAMESPACES: usize = 32;
const MAX_ITEMS: usize = 10_000;
const MAX_ELEMENTS: usize = 500_000;

/// So much of what follows a tag is looked at.
const GLANCE: usize = 2048;

/// Reads a document that begins with its first tag; none for one that feed-rs would lose something of.
pub(super) fn read(xml: &str) -> Option<DraftFeed> {
    let seen = look(xml)?;
    let feed = feed_rs::parser::Builder::new()
        .sanitize_content(false)
        .id_generator(|_, _, _| String::new())
        .timestamp_parser(|text| {
            let at = dates::parse(text)?;
            Some((UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).ok()?)).into())
        })
        .build()
        .parse(&xml.as_bytes()[seen.start..seen.end])
        .ok()?;
    let draft = DraftFeed {
        title: feed.title.map(|title| title.content).unwrap_or_default(),
        language: feed.language,
        hints: seen.hints,
        links: feed.links.into_iter().map(link).collect(),
        entries: feed.entries.into_iter().map(entry).collect(),
        items: seen.items,
        cut_off: false,
    };
    let dated = draft.entries.iter().filter(|entry| entry.published.or(entry.updated).is_some()).count();
    let titled = draft.entries.iter().filter(|entry| !entry.title.is_empty()).count();
    (draft.entries.len() == seen.items && dated >= seen.dates.min(seen.items) && titled >= seen.titles)
        .then_some(draft)
}

/// What the tags of a document tell.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Where the root begins: what is declared before it names an encoding that no longer holds.
    start: usize,
    /// Where the root is closed.
    end: usize,
    items: usize,
    /// Entries in which a title stands.
    titles: usize,
    /// Entries in which a date stands.
    dates: usize,
    hints: Hints,
}

/// Goes through the tags; none when feed-rs is not to be asked.
fn look(xml: &str) -> Option<Seen> {
    let mut seen = Seen::default();
    let (mut depth, mut namespaces, mut at) = (0_usize, 0, 0);
    let (mut item_depth, mut title, mut date) = (0, false, false);
    let (mut is_rss, mut elements) = (false, 0);
    while let Some(tag) = next_tag(xml, at)? {
        let text = tag.end - tag.source.len() - at;
        at = tag.end;
        if tag.closes {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                seen.end = tag.end;
                return Some(seen);
            }
            if depth < item_depth {
                seen.titles += usize::from(title);
                seen.dates += usize::from(date);
                (item_depth, title, date) = (0, false, false);
            }
            continue;
        }
        elements += 1;
        let is_long = tag.source.len() > MAX_TAG || text > MAX_TEXT || elements > MAX_ELEMENTS;
        if is_long || depth == MAX_DEPTH || (depth == 0 && !is_sound_root(&tag)) {
            return None;
        }
        if depth == 0 {
            is_rss = tag.name == "rss";
            seen.start = tag.end - tag.source.len();
        }
        namespaces += tag.source.matches("xmlns").count();
        if namespaces > MAX_NAMESPACES || tag.is_lost(xml, is_rss) {
            return None;
        }
        depth += usize::from(!tag.is_empty);
        match tag.name {
            "item" | "entry" if !tag.is_empty => {
                if item_depth > 0 || seen.items == MAX_ITEMS {
                    return None;
                }
                (item_depth, seen.items) = (depth, seen.items + 1);
            }
            "ttl" | "sy:updatePeriod" | "sy:updateFrequency" | "hour" | "day" if item_depth == 0 => {
                let name = tag.name.trim_start_matches("sy:").to_ascii_lowercase();
                seen.hints.read(&name, tag.inside(xml));
            }
            "title" => title |= item_depth > 0,
            "pubDate" | "published" | "updated" | "dc:date" => date |= item_depth > 0,
            _ => {}
        }
    }
    None
}

struct Tag<'x> {
    name: &'x str,
    source: &'x str,
    end: usize,
    closes: bool,
    is_empty: bool,
}

/// The next tag at or after `from`; the outer none for a document that is not well-formed there.
#[expect(clippy::option_option, reason = "no tag any more is not the same as no XML")]
fn next_tag(xml: &str, from: usize) -> Option<Option<Tag<'_>>> {
    let mut at = from;
    loop {
        let Some(start) = xml[at..].find('<').map(|found| at + found) else { return Some(None) };
        let rest = &xml[start..];
        let (skipped, end) = if rest.starts_with("<!--") {
            ("<!--", "-->")
        } else if rest.starts_with("<![CDATA[") {
            ("<![CDATA[", "]]>")
        } else if rest.starts_with("<!") || (rest.starts_with("<?xml") && from > 0) {
            // A document type may declare entities, and a declaration inside another encoding.
            return None;
        } else if rest.starts_with("<?") {
            ("<?", "?>")
        } else {
            let source = &rest[..=rest.find('>')?];
            let inner = source.trim_start_matches('<').trim_end_matches('>');
            let name = inner.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next()?;
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(['<', '&']);
            return named.then_some(Some(Tag {
                name,
                source,
                end: start + source.len(),
                closes: inner.starts_with('/'),
                is_empty: inner.ends_with('/'),
            }));
        };
        at = start + skipped.len() + rest[skipped.len()..].find(end)? + end.len();
    }
}

/// A date of two small numbers and a year, either of which may be the month.
fn is_numeric(date: &str) -> bool {
    let date = date.trim_start().as_bytes();
    date.contains(&b'/') || date.iter().take(3).any(|b| *b == b'-')
}

/// The names of what an entry is made of.
fn is_field(name: &str) -> bool {
    matches!(
        name,
        "title"
            | "link"
            | "guid"
            | "id"
            | "description"
            | "summary"
            | "content"
            | "encoded"
            | "author"
            | "creator"
            | "pubDate"
            | "published"
            | "updated"
            | "modified"
            | "issued"
            | "created"
            | "date"
    )
}

/// feed-rs knows two spellings; of the others it reads nothing.
fn is_sound_root(tag: &Tag<'_>) -> bool {
    let has = |attribute: &str| tag.source.contains(attribute);
    let quoted =
        |key: &str, value: &str| has(&format!("{key}=\"{value}\"")) || has(&format!("{key}='{value}'"));
    match tag.name {
        "rss" => quoted("version", "2.0") && !has("xmlns="),
        "feed" => quoted("xmlns", "http://www.w3.org/2005/Atom"),
        _ => false,
    }
}

impl Tag<'_> {
    /// Whether feed-rs loses this element or refuses a document for it.
    fn is_lost(&self, xml: &str, is_rss: bool) -> bool {
        let inside = || self.inside(xml);
        match self.name {
            // It refuses documents for empty ones of the first, and panics at long durations in the second.
            name if name.starts_with("media:")
                || name.starts_with("itunes:")
                || name.starts_with("podcast:") =>
            {
                true
            }
            // It ends a title at the first element inside.
            "title" => {
                let inside = inside().trim_start();
                let marked_up = inside.contains('<') && !inside.starts_with("<![CDATA[");
                marked_up || !self.is_empty && self.source.contains("type=") && !self.is_text()
            }
            "summary" | "content" | "subtitle" | "rights" => {
                self.source.contains("src=") || self.source.contains("type=") && !self.is_text()
            }
            // It takes a name with an address for the address.
            "author" | "managingEditor" | "webMaster" | "dc:creator" | "name" if inside().contains('@') => {
                true
            }
            "source" | "issued" | "modified" | "created" => true,
            // Others of its feed may tell the order of day and month.
            "pubDate" | "published" | "updated" | "dc:date" if is_numeric(inside()) => true,
            // What other formats have, and RSS has not.
            "id" | "pubdate" | "published" | "updated" => is_rss,
            "link" => is_rss && self.source.contains("href"),
            "dc:date" | "dc:creator" | "dc:language" | "content:encoded" | "atom:link" => false,
            // What it knows by another prefix, or not at all.
            name => {
                self.source.contains("xml:base")
                    || name.split_once(':').is_some_and(|(_, name)| is_field(name))
            }
        }
    }

    /// What stands between this tag and the next that closes one.
    fn inside<'x>(&self, xml: &'x str) -> &'x str {
        let rest = if self.is_empty { "" } else { &xml[self.end..] };
        let rest = &rest[..rest.floor_char_boundary(GLANCE)];
        &rest[..rest.find("</").unwrap_or(rest.len())]
    }

    fn is_text(&self) -> bool {
        ["html", "text", "xhtml"].iter().any(|kind| {
            self.source.contains(&format!("type=\"{kind}\""))
                || self.source.contains(&format!("type='{kind}'"))
        })
    }
}

fn link(found: model::Link) -> Link {
    Link { href: found.href, rel: found.rel, media_type: found.media_type }
}

fn entry(found: model::Entry) -> Draft {
    let is_text = |content: &model::Content| {
        let kind = content.content_type.to_string();
        kind.starts_with("text/") || kind.ends_with("xml")
    };
    Draft {
        title: found.title.map(|title| title.content).unwrap_or_default(),
        summary: found.summary.map(|summary| summary.content).unwrap_or_default(),
        content: found.content.filter(is_text).and_then(|content| content.body).unwrap_or_default(),
        id: found.id,
        // Those of comments and enclosures lead elsewhere.
        links: found.links.into_iter().filter(|link| link.target.is_none()).map(link).collect(),
        people: found.authors.into_iter().filter_map(|person| person.name).collect(),
        published: found.published.map(|at| Timestamp::from_millis(at.timestamp_millis()).into()),
        updated: found.updated.map(|at| Timestamp::from_millis(at.timestamp_millis()).into()),
        language: found.language,
        ..Draft::default()
    }
}
