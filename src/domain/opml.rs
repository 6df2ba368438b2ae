//! OPML 1 and 2: the lists by which readers of feeds exchange what they subscribe to.
//!
//! Read is whatever a reader ever wrote: attributes in any case, bare ampersands, HTML entities, any encoding.
//! Folders and categories become tags. Written is OPML 2.0 that other readers take: one folder a source.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use crate::domain::address::{self, BadAddress};
use crate::domain::feed::decode::decode;
use crate::domain::text;

/// Larger documents are not looked at.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Nobody reads so many feeds.
const MAX_SUBSCRIPTIONS: usize = 20_000;
/// A source has no more tags than this, and of its folders fewer.
const MAX_TAGS: usize = 64;
const MAX_FOLDERS: usize = 16;
/// What a config takes for a name and a tag, in characters.
const MAX_NAME: usize = 200;
/// Folders within more folders than this give no tags.
const MAX_DEPTH: usize = 128;
/// An outline is looked at for so many attributes.
const MAX_ATTRIBUTES: usize = 64;

/// What a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opml {
    /// Its feeds, each once, in their order.
    pub subscriptions: Vec<Subscription>,
    /// How many more times feeds were in it.
    pub repeated: usize,
    /// What was meant as a feed and cannot be one.
    pub unusable: Vec<Unusable>,
}

/// A feed of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Where it is: http or https.
    pub url: Url,
    /// What its reader calls it.
    pub name: Option<String>,
    /// The site that it is the feed of.
    pub site: Option<String>,
    /// Its folders from the outside in, then its categories; none twice.
    pub tags: Vec<String>,
}

/// An outline that is meant as a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Its line in the document, from 1.
    pub line: usize,
    /// What its reader calls it.
    pub name: Option<String>,
    /// The site that it belongs to.
    pub site: Option<String>,
    /// What is wrong with it.
    pub why: Why,
}

/// Why an outline gives no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It has no address of a feed.
    #[error("no address of a feed")]
    NoAddress,
    /// What it has is no address that can be polled.
    #[error("{0}")]
    BadAddress(BadAddress),
    /// It stands for another list.
    #[error("it stands for another list, {0}")]
    Include(String),
}

/// Why there is no list to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpmlError {
    /// Something else was given.
    #[error("this is {found}, not OPML")]
    NotOpml {
        /// What it is instead.
        found: String,
    },
    /// It breaks off or is no XML.
    #[error("line {line}: {what}")]
    Broken {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// More than is read.
    #[error("it holds more than {MAX_SUBSCRIPTIONS} feeds, or is larger than 64 MiB: split it")]
    TooMuch,
}

/// Reads a list.
pub fn read(body: &[u8]) -> Result<Opml, OpmlError> {
    if body.len() > MAX_BODY {
        return Err(OpmlError::TooMuch);
    }
    let text = decode(body, None);
    let Some(start) = text.find('<') else {
        let found = if text.trim().is_empty() { "an empty file" } else { "plain text" };
        return Err(OpmlError::NotOpml { found: found.to_owned() });
    };
    let mut reading = Reading::new(&text);
    let mut reader = Reader::from_str(&text[start..]);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let place = |position: u64| start.saturating_add(usize::try_from(position).unwrap_or(usize::MAX));
    loop {
        let at = place(reader.buffer_position());
        match reader.read_event() {
            Ok(Event::Eof) => return reading.finish(),
            Ok(Event::Start(tag)) => reading.start(&tag, at, false)?,
            Ok(Event::Empty(tag)) => reading.start(&tag, at, true)?,
            Ok(Event::End(tag)) => reading.end(tag.name().as_ref()),
            Ok(_) => {}
            Err(error) => {
                let line = reading.lines.of(place(reader.error_position()));
                return Err(OpmlError::Broken { line, what: error.to_string() });
            }
        }
    }
}

/// An outline that is open.
enum Open {
    /// What it holds has this tag.
    Folder(Option<String>),
    /// What it holds is a remark.
    Remark,
}

struct Reading<'t> {
    lines: Lines<'t>,
    open: Vec<Open>,
    remarks: usize,
    /// Whether the root was seen, and whether it is still open.
    root: Option<bool>,
    /// Where in the list each place is.
    places: HashMap<String, usize>,
    list: Opml,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Self {
        let lines = Lines { text, at: 0, line: 1 };
        let (places, list) = (HashMap::new(), Opml::default());
        Self { lines, open: Vec::new(), remarks: 0, root: None, places, list }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize, is_empty: bool) -> Result<(), OpmlError> {
        let name = tag.name();
        let name = name.as_ref();
        if self.root.is_none() {
            check_root(name)?;
            // What lacks its root ends anywhere.
            self.root = Some(!is_empty && name.eq_ignore_ascii_case("opml"));
        }
        if !name.eq_ignore_ascii_case("outline") {
            return Ok(());
        }
        let outline = Outline::new(tag);
        let is_remark = self.remarks > 0 || outline.is_remark;
        if !is_remark {
            self.take(&outline, at, is_empty);
        }
        if self.list.subscriptions.len() + self.list.unusable.len() > MAX_SUBSCRIPTIONS {
            return Err(OpmlError::TooMuch);
        }
        if !is_empty {
            self.remarks += usize::from(is_remark);
            let is_near = self.open.len() < MAX_DEPTH;
            self.open.push(if is_remark {
                Open::Remark
            } else {
                Open::Folder(outline.name.filter(|_| is_near))
            });
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("outline") {
            let closed = self.open.pop();
            self.remarks -= usize::from(matches!(closed, Some(Open::Remark)));
        } else if name.eq_ignore_ascii_case("opml") {
            self.root = Some(false);
        }
    }

    fn take(&mut self, outline: &Outline, at: usize, is_empty: bool) {
        let why = match outline.address() {
            Address::Feed(url) => return self.subscribe(outline, url),
            Address::None if is_empty && outline.claims_a_feed() => Why::NoAddress,
            Address::None => return,
            Address::Unusable(why) => why,
        };
        let (name, site) = (outline.name.clone(), outline.site());
        self.list.unusable.push(Unusable { line: self.lines.of(at), name, site, why });
    }

    fn subscribe(&mut self, outline: &Outline, url: Url) {
        let folders = self.open.iter().take(MAX_DEPTH).filter_map(|open| match open {
            Open::Folder(name) => name.clone(),
            Open::Remark => None,
        });
        let tags = folders.take(MAX_FOLDERS).chain(outline.categories());
        let subscriptions = &mut self.list.subscriptions;
        let place = *self.places.entry(address::place(&url)).or_insert(subscriptions.len());
        if let Some(known) = subscriptions.get_mut(place) {
            self.list.repeated += 1;
            add_tags(&mut known.tags, tags);
            return;
        }
        let name = outline.name.clone().filter(|name| name != url.as_str() && *name != outline.feed);
        let mut new = Subscription { url, name, site: outline.site(), tags: Vec::new() };
        add_tags(&mut new.tags, tags);
        subscriptions.push(new);
    }

    fn finish(mut self) -> Result<Opml, OpmlError> {
        match self.root {
            Some(false) => Ok(self.list),
            None => Err(OpmlError::NotOpml { found: "no XML".to_owned() }),
            Some(true) => {
                let line = self.lines.of(usize::MAX);
                Err(OpmlError::Broken { line, what: "it ends before </opml>, as if cut off".to_owned() })
            }
        }
    }
}

fn check_root(name: &str) -> Result<(), OpmlError> {
    let found = match name.to_ascii_lowercase().as_str() {
        "opml" | "body" | "outline" => return Ok(()),
        "rss" | "feed" | "rdf:rdf" => "a feed itself".to_owned(),
        "html" | "head" | "script" | "div" | "p" => "a web page".to_owned(),
        _ => format!("an XML document of another kind (<{}>)", text::cut(&text::clean(name), 40)),
    };
    Err(OpmlError::NotOpml { found })
}

fn add_tags(tags: &mut Vec<String>, more: impl Iterator<Item = String>) {
    for tag in more {
        if tags.len() == MAX_TAGS {
            return;
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
}

/// Counts lines going forward only, so that ten thousand bad outlines cost no more than one.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> usize {
        let at = self.text.floor_char_boundary(at.min(self.text.len()));
        if at > self.at {
            self.line += self.text[self.at..at].matches('\n').count();
            self.at = at;
        }
        self.line
    }
}

// ---- one outline

/// What is read of an outline's attributes.
#[derive(Default)]
struct Outline {
    name: Option<String>,
    /// The address of a feed, as written; may be empty.
    feed: String,
    /// An address of something.
    url: String,
    html: String,
    kind: String,
    category: String,
    is_remark: bool,
}

enum Address {
    Feed(Url),
    Unusable(Why),
    None,
}

impl Outline {
    fn new(tag: &BytesStart<'_>) -> Self {
        let mut outline = Self::default();
        let mut text_attribute = None;
        let mut attributes = tag.html_attributes();
        for attribute in attributes.with_checks(false).take(MAX_ATTRIBUTES).filter_map(Result::ok) {
            let value = unescape(&attribute.value);
            match attribute.key.as_ref().to_ascii_lowercase().as_str() {
                "title" => outline.name = name(&value),
                "text" => text_attribute = name(&value),
                "xmlurl" | "xmluri" | "xml_url" | "feedurl" | "feed_url" | "rssurl" => {
                    value.trim().clone_into(&mut outline.feed);
                }
                "url" => value.trim().clone_into(&mut outline.url),
                "htmlurl" | "html_url" | "siteurl" => value.trim().clone_into(&mut outline.html),
                "type" => outline.kind = value.trim().to_ascii_lowercase(),
                "category" => outline.category = value.into_owned(),
                "iscomment" => outline.is_remark = value.trim().eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        outline.name = outline.name.or(text_attribute);
        outline
    }

    fn claims_a_feed(&self) -> bool {
        ["rss", "atom", "feed", "rdf", "pie"].iter().any(|kind| self.kind.contains(kind))
    }

    fn address(&self) -> Address {
        let is_list = self.url.to_ascii_lowercase().ends_with(".opml");
        let written = match self.kind.as_str() {
            _ if !self.feed.is_empty() => &self.feed,
            "include" | "link" if is_list || self.kind == "include" => {
                return Address::Unusable(Why::Include(text::cut(&text::clean(&self.url), MAX_NAME)));
            }
            _ if self.claims_a_feed() && !self.url.is_empty() => &self.url,
            _ => return Address::None,
        };
        match address::read(written) {
            Ok(url) => Address::Feed(url),
            Err(bad) => Address::Unusable(Why::BadAddress(bad)),
        }
    }

    /// The site, where it has an address of the web.
    fn site(&self) -> Option<String> {
        address::read(&self.html).ok().map(String::from)
    }

    /// `category` holds tags parted by commas, and paths that begin with a slash.
    fn categories(&self) -> impl Iterator<Item = String> {
        let each = self.category.split(',').map(str::trim).flat_map(|category| {
            let is_path = category.starts_with('/');
            category.split(move |c| is_path && c == '/')
        });
        each.filter_map(name)
    }
}

/// A name or tag as a config takes it.
fn name(written: &str) -> Option<String> {
    Some(text::cut(&text::clean(written), MAX_NAME)).filter(|name| !name.is_empty())
}

/// The value of an attribute; what is no reference stays as it is written.
fn unescape(value: &str) -> Cow<'_, str> {
    let Some(first) = value.find('&') else { return Cow::Borrowed(value) };
    let mut out = value[..first].to_owned();
    let mut rest = &value[first..];
    while let Some(after) = rest.strip_prefix('&') {
        let end = after.bytes().take(32).position(|byte| byte == b';');
        let meant = end.and_then(|end| Some((refers_to(&after[..end])?, &after[end + 1..])));
        let (meant, after) = meant.unwrap_or((Cow::Borrowed("&"), after));
        out.push_str(&meant);
        let next = after.find('&').unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    Cow::Owned(out)
}

fn refers_to(name: &str) -> Option<Cow<'static, str>> {
    let Some(number) = name.strip_prefix('#') else { return resolve_html5_entity(name).map(Cow::Borrowed) };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    code.ok().and_then(char::from_u32).map(|c| Cow::Owned(c.to_string()))
}

// ---- writing

/// Writes a list. A source lies in the folder of its first tag; all of its tags are its `category`.
pub fn write(title: &str, subscriptions: &[Subscription]) -> String {
    let mut folders: Vec<(Vec<&str>, Vec<&Subscription>)> = Vec::new();
    let mut known: HashMap<Vec<&str>, usize> = HashMap::new();
    for subscription in subscriptions {
        let path = path(&subscription.tags);
        let place = *known.entry(path.clone()).or_insert_with(|| {
            folders.push((path, Vec::new()));
            folders.len() - 1
        });
        folders[place].1.push(subscription);
    }
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n  <head>\n    \
         <title>{}</title>\n  </head>\n  <body>\n",
        escape(title)
    );
    for (path, inside) in folders {
        for (depth, folder) in path.iter().enumerate() {
            let name = escape(folder);
            let _ = writeln!(out, "{}<outline text=\"{name}\" title=\"{name}\">", indent(depth));
        }
        for subscription in inside {
            outline(&mut out, subscription, &indent(path.len()));
        }
        for depth in (0..path.len()).rev() {
            let _ = writeln!(out, "{}</outline>", indent(depth));
        }
    }
    out.push_str("  </body>\n</opml>\n");
    out
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth + 2)
}

/// The folders of a source: its first tag, then those that `category` cannot hold.
fn path(tags: &[String]) -> Vec<&str> {
    let odd = tags.iter().skip(1).filter(|tag| !fits_category(tag));
    tags.first().into_iter().chain(odd).map(String::as_str).collect()
}

fn fits_category(tag: &str) -> bool {
    !tag.contains(',') && !tag.starts_with('/')
}

fn outline(out: &mut String, subscription: &Subscription, indent: &str) {
    let Subscription { url, name, site, tags } = subscription;
    let name = escape(name.as_deref().unwrap_or(url.as_str()));
    let _ = write!(
        out,
        "{indent}<outline type=\"rss\" text=\"{name}\" title=\"{name}\" xmlUrl=\"{}\"",
        escape(url.as_str())
    );
    if let Some(site) = site {
        let _ = write!(out, " htmlUrl=\"{}\"", escape(site));
    }
    let categories: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| fits_category(tag)).collect();
    if tags.len() > 1 && !categories.is_empty() {
        let _ = write!(out, " category=\"{}\"", escape(&categories.join(",")));
    }
    out.push_str("/>\n");
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text::clean(text)).replace(['\u{fffe}', '\u{ffff}'], "")
}

#[cfg(test)]
mod tests;
