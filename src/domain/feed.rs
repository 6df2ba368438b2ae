//! Bytes of a feed → entries: any encoding, RSS, RDF, Atom, CDF and JSON Feed, whatever its publisher made of them.
//!
//! ```text
//!                    ┌─sound RSS 2.0, Atom─▶ strict (feed-rs) ─┐
//! bytes ─decode─▶ text ─anything else, or a loss──▶ lenient ───┼─▶ drafts ─▶ Document
//!                    └─JSON─────────────────▶ json ────────────┘
//! ```
//!
//! A source may also be a [`sitemap`], or a page with a [`listing`] of news: [`read`] reads what its [`Kind`] says.
//!
//! No input panics: what feed-rs cannot bear is not given to it.

use std::sync::Arc;
use std::time::Duration;

use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use crate::domain::schedule::skip::Skip;
use crate::time::Timestamp;

pub mod dates;
pub mod decode;
mod draft;
mod hints;
pub mod identity;
mod json;
mod lenient;
pub mod listing;
pub mod relay;
pub mod sitemap;
mod strict;

/// Larger documents are not looked at; the client caps what it reads far below.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// So much may stand before the root.
const PREAMBLE: usize = 8192;

const WEB_PAGE: &str = "a web page";
/// What a sitemap is called where something else was expected.
pub const SITEMAP: &str = "a sitemap";
const TAKE_KIND_OUT: &str = "take `kind` out of its [[source]]";

/// What a source is, and with it how its document is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// RSS, Atom, RDF, CDF or JSON Feed.
    #[default]
    Feed,
    /// A sitemap, or the index of one.
    Sitemap,
    /// A web page that lists news.
    Page(Arc<listing::Selectors>),
}

impl Kind {
    /// The name in the config.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Sitemap => "sitemap",
            Self::Page(_) => "page",
        }
    }

    /// A hash of what makes the same document mean something else: the selectors of a page.
    pub fn fingerprint(&self) -> u64 {
        match self {
            Self::Feed | Self::Sitemap => 0,
            Self::Page(selectors) => xxhash_rust::xxh3::xxh3_64(selectors.fingerprint().as_bytes()),
        }
    }
}

/// What a source's address answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Entries.
    Document(Document),
    /// Only where the entries are: a sitemap in parts.
    Index(Vec<sitemap::Part>),
}

/// What a feed said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The feed's own title, on one line.
    pub title: Option<String>,
    /// The language it declares, as a lower-case tag (`tr`, `en-us`).
    pub language: Option<String>,
    /// How long it asks to be left alone.
    pub ttl: Option<Duration>,
    /// When it asks to be left alone.
    pub skip: Skip,
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
    /// The document ends before its root is closed, as when a transfer breaks: the entries are good, but others may
    /// be missing, so that its validators must not be kept.
    pub cut_off: bool,
    /// Which reader read it.
    pub reader: Reader,
    /// What the selectors of a page found.
    pub tally: Option<listing::Tally>,
}

/// The readers of feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// feed-rs.
    #[default]
    Strict,
    /// The reader for what feed-rs loses or refuses.
    Lenient,
    /// The reader of JSON Feed.
    Json,
    /// The reader of sitemaps.
    Sitemap,
    /// The reader of pages that list news.
    Listing,
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Strict => "feed-rs",
            Self::Lenient => "the lenient reader",
            Self::Json => "the reader of JSON Feed",
            Self::Sitemap => "the reader of sitemaps",
            Self::Listing => "its selectors",
        })
    }
}

/// One item of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What the feed knows it by; else its link, else a hash of title and summary. Never empty; not always
    /// its own: see [`identity`].
    pub id: String,
    /// On one line, without markup; may be empty.
    pub title: String,
    /// Absolute, http or https; as it is written in a document that was read without an address.
    pub link: Option<String>,
    /// Plain text: the longer of summary and content.
    pub summary: String,
    /// Who wrote it, when a name is given.
    pub author: Option<String>,
    /// When it was published, else when it was updated.
    pub published: Option<Timestamp>,
    /// The language of this entry where it declares one of its own, else the feed's.
    pub language: Option<String>,
    /// When its page was changed last, where only that is told: in a sitemap.
    pub modified: Option<Timestamp>,
}

/// Why there are no entries to be had, in words for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Something else was sent.
    #[error("this is {found}, not a feed{}", if found == SITEMAP { "; write kind = \"sitemap\" under its url" } else { "" })]
    NotAFeed {
        /// What it is instead.
        found: String,
    },
    /// Something else was sent than its source is said to be.
    #[error("this is {found}, not {wanted}{}{help}", if help.is_empty() { "" } else { "; " })]
    Mistaken {
        /// What it is instead.
        found: String,
        /// What it should be.
        wanted: &'static str,
        /// What to write; empty where nobody can know.
        help: &'static str,
    },
    /// A sitemap in parts, of which none can be read.
    #[error("this is a sitemap in parts, {what}")]
    Index {
        /// Why not, and what to write.
        what: String,
    },
    /// A selector of a page finds nothing.
    #[error("{0}")]
    Unmatched(listing::Unmatched),
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

fn mistaken(found: &str, wanted: &'static str, help: &'static str) -> FeedError {
    FeedError::Mistaken { found: found.to_owned(), wanted, help }
}

fn in_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" in line {line}"))
}

/// Reads the document of a source of this kind. `url` is where it came from.
pub fn read(
    kind: &Kind,
    body: &[u8],
    content_type: Option<&str>,
    url: Option<&Url>,
) -> Result<Reading, FeedError> {
    if let Kind::Feed = kind {
        return parse(body, content_type, url).map(Reading::Document);
    }
    if body.len() > MAX_BODY {
        return Err(FeedError::TooLarge);
    }
    let text = decode::decode(body, content_type);
    match kind {
        Kind::Page(selectors) => {
            if let Some((found, help)) = what_else(&text) {
                return Err(mistaken(found, WEB_PAGE, help));
            }
            listing::read(&text, selectors, url).map(Reading::Document).map_err(FeedError::Unmatched)
        }
        _ => match sitemap::read(&text, url)? {
            sitemap::Sitemap::Urls(document) => Ok(Reading::Document(document)),
            sitemap::Sitemap::Index(parts) => Ok(Reading::Index(parts)),
        },
    }
}

/// What a document is that should be a web page and is none, with what to write then.
fn what_else(text: &str) -> Option<(&'static str, &'static str)> {
    let start = text.trim_start();
    if start.is_empty() {
        return Some(("an empty answer", ""));
    }
    if start.starts_with(['{', '[']) {
        return Some(("JSON", TAKE_KIND_OUT));
    }
    let mut tags = start.split('<').skip(1).take(64).map(|tag| {
        let name =
            tag.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
        name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase()
    });
    let root = tags.find(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    match root.as_str() {
        "rss" | "rdf" | "feed" => Some(("a feed", TAKE_KIND_OUT)),
        "urlset" | "sitemapindex" => {
            Some((SITEMAP, "write kind = \"sitemap\" instead, and take its selectors out"))
        }
        _ => None,
    }
}

/// Reads a feed. `url` is where it came from; relative links are resolved against it, unless the feed names a base.
/// Without it they are left as they are.
///
/// Of a document of more than 100,000 entries those are read that stand first, since feeds list the newest first.
/// A document without entries is an empty feed only if it holds none: one whose entries cannot be read is broken.
pub fn parse(body: &[u8], content_type: Option<&str>, url: Option<&Url>) -> Result<Document, FeedError> {
    if body.len() > MAX_BODY {
        return Err(FeedError::TooLarge);
    }
    let text = decode::decode(body, content_type);
    let start = text.trim_start();
    if start.is_empty() {
        return Err(FeedError::NotAFeed { found: "an empty answer".to_owned() });
    }
    let (draft, reader) = if start.starts_with(['{', '[']) {
        (json::read(start)?, Reader::Json)
    } else {
        let xml = first_tag(&text)?;
        match strict::read(xml) {
            Some(draft) => (draft, Reader::Strict),
            None => (lenient::read(xml, url)?, Reader::Lenient),
        }
    };
    if draft.entries.is_empty() && draft.items > 0 {
        let what = format!("none of its {} entries could be read", draft.items);
        return Err(FeedError::Broken { line: None, what });
    }
    Ok(Document { reader, ..draft.finish(url) })
}

/// Where the markup begins: scripts leave warnings before it.
fn first_tag(text: &str) -> Result<&str, FeedError> {
    if is_web_page(text.trim_start()) {
        return Err(FeedError::NotAFeed { found: WEB_PAGE.to_owned() });
    }
    let head = &text[..text.floor_char_boundary(PREAMBLE)];
    let roots = ["<?xml", "<rss", "<feed", "<rdf:RDF"].iter().filter_map(|root| head.find(root));
    match roots.min().or_else(|| text.find('<')) {
        Some(start) => Ok(&text[start..]),
        None => Err(FeedError::NotAFeed { found: "plain text".to_owned() }),
    }
}

fn is_web_page(text: &str) -> bool {
    ["<!doctype html", "<html"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// An error when the root of this name is no feed's.
fn check_root(name: &str) -> Result<(), FeedError> {
    let found = match name.to_ascii_lowercase().as_str() {
        "rss" | "rdf" | "feed" | "channel" | "entry" | "item" => return Ok(()),
        "urlset" | "sitemapindex" => SITEMAP.to_owned(),
        "opml" => "an OPML list of feeds".to_owned(),
        "html" | "head" | "body" | "meta" | "title" | "script" | "div" | "p" | "br" | "h1" | "center" => {
            WEB_PAGE.to_owned()
        }
        _ => format!("an XML document of another kind (<{}>)", crate::domain::text::cut(name, 40)),
    };
    Err(FeedError::NotAFeed { found })
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

fn hash(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

#[cfg(test)]
mod tests;
