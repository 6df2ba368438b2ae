//! From the page behind an entry to the article: its text, and what is known about it.
//!
//! A page is sieved (scripts and floods of attributes), parsed within bounds, flattened, and then only
//! looped over: nothing here recurses over a tree that a stranger made. What is not the article
//! (a wall, an error, a list) is still read, and named.

mod blocks;
mod body;
mod byline;
mod dates;
mod kind;
mod linked;
mod meta;
mod names;
mod title;

use url::Url;

use crate::domain::html::sieve;
use crate::domain::html::tree::{self, Page, squeeze, weight};
use crate::time::Timestamp;

use body::Body;

/// More of a page than this is not read.
const MAX_BYTES: usize = 4 << 20;
/// More text than this is no news article; keyword search need not go further.
const MAX_TEXT: usize = 512 << 10;

/// What a page says, without its menus and advertisements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Article {
    /// The headline, one line; may be empty.
    pub title: String,
    /// The text; paragraphs are parted by a line break.
    pub text: String,
    /// People, no organisations.
    pub authors: Vec<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// The same in RFC 3339, with the offset the page wrote.
    pub date: Option<String>,
    /// A language code of two or three letters.
    pub language: Option<String>,
    /// The address the page calls its own.
    pub canonical: Option<String>,
}

/// An article, and what is wrong with the page it was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extraction {
    /// What could be read, also from a page with a problem.
    pub article: Article,
    /// Why this may not be the article.
    pub problem: Option<Problem>,
}

/// Why a page is not the article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// Only the beginning is shown to those who do not pay.
    Paywall,
    /// A dialog about cookies is all there is.
    Consent,
    /// Readers must log in.
    Login,
    /// The server doubts that a person asks.
    Challenge,
    /// An error page, whatever status it came with.
    NotFound,
    /// Only a script would show the text.
    ScriptOnly,
    /// A front page or section.
    List,
    /// Nothing to read.
    Empty,
}

impl Problem {
    /// The name in `try page` and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paywall => "paywall",
            Self::Consent => "consent",
            Self::Login => "login",
            Self::Challenge => "challenge",
            Self::NotFound => "not-found",
            Self::ScriptOnly => "script-only",
            Self::List => "list",
            Self::Empty => "empty",
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a page. Never fails: what cannot be read is empty, and says so.
pub fn extract(body: &[u8], content_type: Option<&str>, url: &Url) -> Extraction {
    let body = &body[..body.len().min(MAX_BYTES)];
    let source = crate::domain::feed::decode::decode(body, content_type);
    let sieved = sieve::sieve(&source);
    let (html, whole) = tree::parse(&sieved.html);
    let page = Page::new(&html);
    let tags = meta::Tags::read(&page);
    let linked = linked::read(&sieved.data);

    let title = title::title(&page, &tags, &linked, url);
    let left_out = body::clutter(&page, true);
    let mut body = body::find(&page, &title);
    if let Some(told) = linked.body.as_deref() {
        prefer_told(&mut body, told);
    }
    if !whole && body.weight == 0 {
        body.paragraphs = linear(&sieved.html);
        body.weight = body.paragraphs.iter().map(|text| weight(text)).sum();
    }
    let seen = kind::Seen {
        page: &page,
        left_out: &left_out,
        tags: &tags,
        linked: &linked,
        body: &body,
        title: &title,
        script_bytes: sieved.script_bytes,
        url,
    };
    let problem = kind::problem(&seen);
    let text = joined(&body.paragraphs);
    let written = meta::published(&page, &tags, &linked, &left_out, url);
    let article = Article {
        authors: byline::authors(&page, &tags, &linked, &title),
        published: written.and_then(|written| written.timestamp()),
        date: written.map(|written| written.to_string()),
        language: meta::language(&page, &tags, &linked, &text),
        canonical: meta::canonical(&page, &tags, url),
        title,
        text,
    };
    Extraction { article, problem }
}

/// The text that structured data tells replaces a remnant, never a text that is as long.
fn prefer_told(body: &mut Body, told: &str) {
    let plain = crate::domain::text::from_html(told);
    let paragraphs: Vec<String> = plain.lines().map(squeeze).filter(|line| !line.is_empty()).collect();
    let told: usize = paragraphs.iter().map(|text| weight(text)).sum();
    if told > 200 && (body.weight < 250 && told > body.weight || told > body.weight * 3) {
        *body = Body { paragraphs, weight: told };
    }
}

/// The text between the tags, for a page that is no tree.
fn linear(html: &str) -> Vec<String> {
    let mut out = Vec::new();
    for piece in html.split('<') {
        let text = squeeze(piece.split_once('>').map_or("", |(_, text)| text));
        if weight(&text) >= 40 {
            out.push(text);
        }
    }
    out
}

fn joined(paragraphs: &[String]) -> String {
    let mut text = String::new();
    for paragraph in paragraphs {
        if text.len() + paragraph.len() > MAX_TEXT {
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(paragraph);
    }
    text
}

#[cfg(test)]
mod tests;
