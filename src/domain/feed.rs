//! Bytes of a feed → entries: any encoding, RSS, RDF, Atom, CDF and JSON Feed, whatever its publisher made of them.
//!
//! ```text
//!                    ┌─sound RSS 2.0, Atom─▶ strict (feed-rs) ─┐
//! bytes ─decode─▶ text ─anything else, or a loss──▶ lenient ───┼─▶ drafts ─▶ Document
//!                    └─JSON─────────────────▶ json ────────────┘
//! ```
//!
//! No input panics: what feed-rs cannot bear is not given to it.

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
pub mod relay;
mod strict;

/// Larger documents are not looked at; the client caps what it reads far below.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// So much may stand before the root.
const PREAMBLE: usize = 8192;

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
    /// When it asks to be left alone.
    pub skip: Skip,
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
    /// The document ends before its root is closed, as when a transfer breaks: the entries are good, but others may
    /// be missing, so that its validators must not be kept.
    pub cut_off: bool,
    /// Which reader read it.
    pub reader: Reader,
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
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Strict => "feed-rs",
            Self::Lenient => "the lenient reader",
            Self::Json => "the reader of JSON Feed",
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
        "urlset" | "sitemapindex" => "a sitemap".to_owned(),
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
