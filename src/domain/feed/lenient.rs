//! The reader for what feed-rs loses or refuses: any version of RSS, RDF, Atom and CDF, however its tags are
//! written, nested or left open. It reads event by event and knows an element by its name and by what
//! encloses it, so that one broken field costs that field and not the feed.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::{resolve_html5_entity, unescape_with};
use quick_xml::events::{BytesStart, Event};
use url::Url;

use super::FeedError;
use super::draft::{Draft, DraftFeed, Link, MAX_ENTRIES, MAX_FIELD, MAX_LINKS, MAX_PEOPLE, resolve};

/// No feed nests so deep.
const MAX_DEPTH: usize = 256;
/// A tag is looked at for so many attributes.
const MAX_ATTRIBUTES: usize = 64;
/// A document is read in vain so many times over, in search of the end of what turns out to be no tag; a short one
/// oftener, a long one less often. Then it is taken to end.
const MAX_VAIN: usize = 16;
const LEAST_VAIN: usize = 1024 * 1024;
const MOST_VAIN: usize = 32 * 1024 * 1024;
/// After so many end tags that close nothing, no more are looked for far outside.
const MAX_STRAYS: usize = 10_000;
const NEAR: usize = 8;
/// More namespaces are not told apart.
const MAX_NAMESPACES: usize = 256;

/// Reads `xml`, which begins with its first tag.
pub(super) fn read(xml: &str, url: Option<&Url>) -> Result<DraftFeed, FeedError> {
    let mut reading = Reading::new(url);
    let most_vain = (xml.len() * MAX_VAIN).clamp(LEAST_VAIN, MOST_VAIN);
    let (mut start, mut vain) = (0, 0);
    while !reading.is_done() && vain <= most_vain {
        let Some(broken) = reading.read(xml, start)? else { break };
        // What cannot be a tag is text.
        let mark = xml[broken.at..].chars().next().map_or(1, char::len_utf8);
        reading.text(&xml[broken.at..broken.at + mark]);
        start = broken.at + mark;
        // The reader takes a mark of order at its beginning for none of the text, and counts on behind it.
        start += xml[start..].len() - xml[start..].trim_start_matches('\u{feff}').len();
        vain += broken.vain;
    }
    reading.finish(xml)
}

/// A place that is no XML.
struct Broken {
    at: usize,
    /// So many bytes were looked through to find that out.
    vain: usize,
}

/// What an element is to a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An entry.
    Item,
    /// Its content is collected.
    Field(Field),
    /// What it holds belongs neither to the entry nor to the feed.
    Aside,
    /// What it holds describes a picture or a film of the entry.
    Group,
    /// `channel`, `feed`, and what says nothing.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Title,
    /// A title that counts where there is no other.
    SecondTitle,
    Link,
    Id,
    Summary,
    SecondSummary,
    Content,
    Published,
    Updated,
    Created,
    Name,
    Language,
    /// Of how often the feed wants to be asked.
    Hint,
}

/// The vocabularies that name an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// RSS, RDF, Atom, CDF: whatever is not declared as something else.
    Feed,
    DublinCore,
    Content,
    Media,
    Syndication,
    Other,
}

impl Words {
    fn of_namespace(uri: &str) -> Self {
        match uri.trim() {
            uri if uri.contains("purl.org/dc/") => Self::DublinCore,
            uri if uri.contains("purl.org/rss/1.0/modules/content") => Self::Content,
            uri if uri.contains("search.yahoo.com/mrss") || uri.contains("itunes.com/dtds") => Self::Media,
            uri if uri.contains("modules/syndication") => Self::Syndication,
            uri if uri.contains("modules") => Self::Other,
            uri if ["atom", "Atom", "rdf", "rss", "RSS"].iter().any(|name| uri.contains(name)) => Self::Feed,
            "" => Self::Feed,
            _ => Self::Other,
        }
    }

    /// For a prefix that nobody declared.
    fn of_prefix(prefix: &str) -> Self {
        match prefix {
            "" | "rss" | "atom" | "a10" | "atom10" | "atom03" | "rdf" => Self::Feed,
            "dc" | "dcterms" => Self::DublinCore,
            "content" => Self::Content,
            "media" | "itunes" => Self::Media,
            "sy" => Self::Syndication,
            _ => Self::Other,
        }
    }
}

fn kind(words: Words, name: &str) -> Kind {
    let field = match (words, name) {
        (Words::Feed, "item" | "entry") => return Kind::Item,
        (Words::Feed, "source" | "image" | "textinput" | "items") | (Words::Other, _) => return Kind::Aside,
        (Words::Media, "group" | "content" | "owner") => return Kind::Group,
        (Words::Feed, "title") => Field::Title,
        (Words::DublinCore | Words::Media, "title") => Field::SecondTitle,
        (Words::Feed, "link") => Field::Link,
        (Words::Feed, "guid" | "id") => Field::Id,
        (Words::Feed, "description" | "summary" | "tagline" | "abstract") => Field::Summary,
        (Words::DublinCore | Words::Media, "description" | "summary") => Field::SecondSummary,
        (Words::Feed, "content" | "body" | "fullitem") | (Words::Content, "encoded") => Field::Content,
        (Words::Feed, "pubdate" | "published" | "issued") | (Words::DublinCore, "issued") => Field::Published,
        (Words::Feed, "updated" | "modified" | "lastmod") | (Words::DublinCore, "date" | "modified") => {
            Field::Updated
        }
        (Words::Feed | Words::DublinCore, "created") | (Words::Feed, "date") => Field::Created,
        (Words::Feed, "author") | (Words::DublinCore, "creator") => Field::Name,
        (Words::Feed | Words::DublinCore, "language") => Field::Language,
        (Words::Feed, "ttl" | "hour" | "day") | (Words::Syndication, "updateperiod" | "updatefrequency") => {
            Field::Hint
        }
        _ => return Kind::Other,
    };
    Kind::Field(field)
}

/// What is read of a tag.
#[derive(Default)]
struct Attributes {
    href: Option<String>,
    rel: Option<String>,
    media_type: Option<String>,
    mode: Option<String>,
    about: Option<String>,
    changed: Option<String>,
    language: Option<String>,
}

impl Attributes {
    /// The content is in base64: Atom 0.3 says so, and what is no text has no other way.
    fn is_encoded(&self) -> bool {
        let is_bytes = |kind: &String| kind.starts_with("application/") && !kind.ends_with("xml");
        self.href.is_none()
            && (self.mode.as_deref() == Some("base64") || self.media_type.as_ref().is_some_and(is_bytes))
    }
}

/// An element that is open.
struct Open<'x> {
    name: Cow<'x, str>,
    kind: Kind,
    /// What was valid outside of it.
    namespaces: usize,
    bases: usize,
}

/// A field whose content is being collected.
struct Capture {
    field: Field,
    attributes: Attributes,
    text: String,
    /// Its own name was opened so often inside of it.
    nested: usize,
    /// What looks like markup in the text is none.
    literal: bool,
    /// What comes is not part of it.
    skips: bool,
}

impl Capture {
    fn markup(&mut self, parts: [&str; 3]) {
        if self.text.len() < MAX_FIELD {
            self.text.extend(parts);
        }
    }
}

struct Reading<'x> {
    url: Option<&'x Url>,
    open: Vec<Open<'x>>,
    namespaces: Vec<(String, Words)>,
    bases: Vec<Url>,
    capture: Option<Capture>,
    feed: DraftFeed,
    item: Option<Draft>,
    began: bool,
    /// The root is that of RSS, and no channel was seen in it.
    needs_channel: bool,
    /// End tags that closed nothing.
    strays: usize,
}

impl<'x> Reading<'x> {
    fn new(url: Option<&'x Url>) -> Self {
        Self {
            url,
            open: Vec::with_capacity(16),
            namespaces: Vec::new(),
            bases: Vec::new(),
            capture: None,
            feed: DraftFeed::default(),
            item: None,
            began: false,
            needs_channel: false,
            strays: 0,
        }
    }

    /// Reads on from `start`, to the end or to a place that is no XML.
    fn read(&mut self, xml: &'x str, start: usize) -> Result<Option<Broken>, FeedError> {
        let mut reader = Reader::from_str(&xml[start..]);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        while !self.is_done() {
            let at = start + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = reader.read_event();
            let end = start + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match event {
                Ok(Event::Eof) => break,
                Ok(Event::Start(tag) | Event::Empty(tag)) => {
                    let name = xml.get(at + 1..at + 1 + tag.name().as_ref().len()).unwrap_or_default();
                    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                        return Ok(Some(Broken { at, vain: end - at }));
                    }
                    let is_empty = xml.get(..end).is_some_and(|tag| tag.ends_with("/>"));
                    self.start(&tag, name, is_empty, || super::line(xml, at))?;
                }
                Ok(Event::End(tag)) => self.end(tag.name().as_ref()),
                Ok(Event::Text(text)) => self.text(&text),
                Ok(Event::CData(text)) => self.text(&text),
                Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                    Ok(Some(c)) => self.text(c.encode_utf8(&mut [0; 4])),
                    Ok(None) => self.entity(&reference),
                    Err(_) if reference.starts_with("#X") => self.entity(&reference),
                    Err(_) => {}
                },
                Ok(_) => {}
                Err(_) => return Ok(Some(Broken { at, vain: xml.len() - at })),
            }
        }
        Ok(None)
    }

    fn is_done(&self) -> bool {
        self.began && self.open.is_empty()
    }

    fn start(
        &mut self,
        tag: &BytesStart<'_>,
        name: &'x str,
        is_empty: bool,
        line: impl Fn() -> usize,
    ) -> Result<(), FeedError> {
        let full_name = name;
        let (prefix, name) = split(name);
        if self.open.len() >= MAX_DEPTH {
            return Err(FeedError::TooDeep { line: line() });
        }
        let (namespaces, bases) = (self.namespaces.len(), self.bases.len());
        if self.capture.is_some() && kind(self.words(prefix), &name) != Kind::Item {
            self.markup(&name, is_empty);
            return Ok(());
        }
        let attributes = self.attributes(tag);
        let kind = kind(self.words(prefix), &name);
        if !self.began {
            super::check_root(full_name.rsplit(':').next().unwrap_or(full_name))?;
            (self.began, self.needs_channel) = (true, name == "rss");
            self.feed.language.clone_from(&attributes.language);
        }
        self.needs_channel &= name != "channel";
        let kind = if kind == Kind::Item && self.is_aside() { Kind::Aside } else { kind };
        match kind {
            Kind::Item => self.begin_item(attributes),
            Kind::Field(field) if self.belongs(field) => {
                let literal = attributes.media_type.as_deref().is_some_and(|kind| kind.contains("xhtml"));
                self.capture = Some(Capture {
                    field,
                    attributes,
                    text: String::new(),
                    nested: 0,
                    literal,
                    skips: false,
                });
            }
            _ => {}
        }
        self.open.push(Open { name, kind, namespaces, bases });
        if is_empty {
            self.close(self.open.len() - 1);
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        let (_, name) = split(name);
        let place = self.place(&name);
        if let Some(capture) = &mut self.capture {
            let is_own = place.is_some_and(|place| place + 1 == self.open.len());
            if is_own && capture.nested > 0 {
                capture.nested -= 1;
            }
            if place.is_none() || is_own && capture.nested > 0 {
                self.markup_end(&name);
                return;
            }
        }
        if let Some(place) = place {
            self.close(place);
        }
    }

    /// The innermost open element of this name.
    fn place(&mut self, name: &str) -> Option<usize> {
        let reach = if self.strays < MAX_STRAYS { MAX_DEPTH } else { NEAR };
        let outermost = self.open.len().saturating_sub(reach);
        let found = self.open[outermost..].iter().rposition(|open| open.name == name);
        self.strays += usize::from(found.is_none());
        found.map(|place| outermost + place)
    }

    /// Closes what is open from `place` on.
    fn close(&mut self, place: usize) {
        while self.open.len() > place {
            let Some(closed) = self.open.pop() else { return };
            match closed.kind {
                Kind::Item => self.end_item(),
                Kind::Field(_) => self.end_field(&closed.name),
                _ => {}
            }
            self.namespaces.truncate(closed.namespaces);
            self.bases.truncate(closed.bases);
        }
    }

    fn text(&mut self, text: &str) {
        let Some(capture) = self.capture.as_mut().filter(|capture| !capture.skips) else { return };
        let room = MAX_FIELD.saturating_sub(capture.text.len());
        let text = &text[..text.floor_char_boundary(room)];
        if capture.literal && text.contains(['<', '&']) {
            capture.text.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
        } else {
            capture.text.push_str(text);
        }
    }

    fn entity(&mut self, name: &str) {
        match name {
            "amp" => self.text("&"),
            "lt" => self.text("<"),
            "gt" => self.text(">"),
            "quot" => self.text("\""),
            "apos" => self.text("'"),
            _ => {
                if let Some(capture) = self.capture.as_mut().filter(|capture| !capture.skips) {
                    capture.markup(["&", name, ";"]);
                }
            }
        }
    }

    /// Markup inside a field is part of its text; inside a person it says which part is the name.
    fn markup(&mut self, name: &str, is_empty: bool) {
        let is_own = self.open.last().is_some_and(|open| open.name == name);
        let Some(capture) = &mut self.capture else { return };
        capture.nested += usize::from(is_own && !is_empty);
        if capture.field != Field::Name {
            capture.markup(["<", name, if is_empty { "/>" } else { ">" }]);
        } else if name == "name" {
            capture.text.clear();
            capture.skips = false;
        } else {
            capture.skips = true;
        }
    }

    fn markup_end(&mut self, name: &str) {
        let Some(capture) = &mut self.capture else { return };
        if capture.field != Field::Name {
            capture.markup(["</", name, ">"]);
        } else if name == "name" {
            capture.skips = true;
        }
    }

    /// An entry that another one quotes, or that something holds which is no feed's.
    fn is_aside(&self) -> bool {
        self.open.iter().any(|open| matches!(open.kind, Kind::Aside | Kind::Group))
    }

    /// A field of the entry, or of the feed as long as no entry is open.
    fn belongs(&self, field: Field) -> bool {
        if field == Field::Hint && self.item.is_some() {
            return false;
        }
        let second = matches!(field, Field::SecondTitle | Field::SecondSummary);
        let around = self.open.iter().rev().map(|open| open.kind);
        around.take_while(|kind| *kind != Kind::Item).all(|kind| match kind {
            Kind::Aside => false,
            Kind::Group => second,
            _ => true,
        })
    }

    fn begin_item(&mut self, attributes: Attributes) {
        // One that was not closed ends where the next begins; one with nothing in it only wraps the next.
        self.item = self.item.take().filter(|item| !item.is_empty());
        if let Some(place) = self.open.iter().position(|open| open.kind == Kind::Item) {
            self.close(place);
        }
        self.capture = None;
        self.feed.items += 1;
        let mut draft = Draft { language: attributes.language, ..Draft::default() };
        draft.about = attributes.about.unwrap_or_default();
        draft.links.extend(attributes.href.map(|href| Link { href: self.absolute(href), ..Link::default() }));
        draft.updated = attributes.changed.as_deref().and_then(super::dates::read);
        self.item = Some(draft);
    }

    fn end_item(&mut self) {
        self.feed.entries.extend(self.item.take().filter(|_| self.feed.entries.len() < MAX_ENTRIES));
    }

    fn end_field(&mut self, name: &str) {
        let Some(Capture { field, mut text, attributes, .. }) = self.capture.take() else { return };
        if attributes.is_encoded() {
            text = base64(&text).unwrap_or(text);
        }
        if field == Field::Link {
            return self.end_link(text, attributes);
        }
        let Some(item) = &mut self.item else {
            match field {
                Field::Title if self.feed.title.is_empty() => self.feed.title = text,
                Field::Language => self.feed.language = Some(text),
                Field::Hint => self.feed.hints.read(name, &text),
                _ => {}
            }
            return;
        };
        let first = |place: &mut String, text: String| {
            if place.trim().is_empty() {
                *place = text;
            }
        };
        match field {
            Field::Title => first(&mut item.title, text),
            Field::SecondTitle => first(&mut item.second_title, text),
            Field::Id => first(&mut item.id, text),
            Field::Summary => first(&mut item.summary, text),
            Field::SecondSummary => first(&mut item.second_summary, text),
            Field::Content => first(&mut item.content, text),
            Field::Published => item.published = item.published.or_else(|| super::dates::read(&text)),
            Field::Updated => item.updated = item.updated.or_else(|| super::dates::read(&text)),
            Field::Created => item.created = item.created.or_else(|| super::dates::read(&text)),
            Field::Name if item.people.len() < MAX_PEOPLE => item.people.push(text),
            Field::Language => item.language = Some(text),
            Field::Name | Field::Link | Field::Hint => {}
        }
    }

    fn end_link(&mut self, text: String, attributes: Attributes) {
        let href = attributes.href.filter(|href| !href.trim().is_empty()).unwrap_or(text);
        if href.trim().is_empty() {
            return;
        }
        let link = Link { href: self.absolute(href), rel: attributes.rel, media_type: attributes.media_type };
        let links = self.item.as_mut().map_or(&mut self.feed.links, |item| &mut item.links);
        if link.is_own() && links.len() < MAX_LINKS {
            links.push(link);
        }
    }

    fn absolute(&self, href: String) -> String {
        let base = self.bases.last();
        base.and_then(|base| resolve(&href, Some(base))).map_or(href, String::from)
    }

    fn words(&self, prefix: &str) -> Words {
        let declared = self.namespaces.iter().rev().find(|(name, _)| *name == prefix);
        declared.map_or_else(|| Words::of_prefix(prefix), |(_, words)| *words)
    }

    fn attributes(&mut self, tag: &BytesStart<'_>) -> Attributes {
        let mut found = Attributes::default();
        if tag.len() == tag.name().as_ref().len() {
            return found;
        }
        for attribute in tag.html_attributes().with_checks(false).take(MAX_ATTRIBUTES).filter_map(Result::ok)
        {
            let value = unescape_with(&attribute.value, resolve_html5_entity)
                .map_or_else(|_| attribute.value.to_string(), Cow::into_owned);
            match attribute.key.as_ref().to_ascii_lowercase().as_str() {
                "href" => found.href = Some(value),
                "rel" => found.rel = Some(value),
                "type" => found.media_type = Some(value),
                "mode" => found.mode = Some(value),
                "rdf:about" | "about" => found.about = Some(value),
                "lastmod" => found.changed = Some(value),
                "xml:lang" => found.language = Some(value),
                "xml:base" | "base" => {
                    let base = resolve(&value, self.bases.last().or(self.url));
                    self.bases.extend(base);
                }
                key => {
                    if let Some(prefix) = key.strip_prefix("xmlns")
                        && self.namespaces.len() < MAX_NAMESPACES
                    {
                        let prefix = prefix.trim_start_matches(':');
                        // Some feeds invent a namespace of their own for all that they write.
                        let own = prefix.is_empty() && !value.contains("w3.org/1999");
                        let words = if own { Words::Feed } else { Words::of_namespace(&value) };
                        self.namespaces.push((prefix.to_owned(), words));
                    }
                }
            }
        }
        found
    }

    fn finish(mut self, xml: &str) -> Result<DraftFeed, FeedError> {
        if !self.began {
            return Err(FeedError::NotAFeed { found: "not XML or JSON".to_owned() });
        }
        self.feed.cut_off = !self.open.is_empty();
        // The field that was being read when the document broke off may lack its end.
        if let Some(item) = self.item.take()
            && !item.title.is_empty()
            && !(item.id.is_empty() && item.links.is_empty())
        {
            self.feed.entries.push(item);
        }
        match self.open.last() {
            Some(open) if self.feed.entries.is_empty() => {
                let what = format!("it ends inside the element <{}>, as if cut off", open.name);
                Err(FeedError::Broken { line: Some(super::line(xml, xml.len())), what })
            }
            None if self.needs_channel && self.feed.items == 0 => {
                Err(FeedError::Broken { line: None, what: "its root holds no channel".to_owned() })
            }
            _ => Ok(self.feed),
        }
    }
}

/// The text that base64 stands for.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end().trim_end_matches('=').bytes().filter(|b| !b.is_ascii_whitespace()) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
        }
    }
    String::from_utf8(bytes).ok()
}

/// The prefix and the local name, in lower case.
fn split(name: &str) -> (&str, Cow<'_, str>) {
    let (prefix, local) = name.rsplit_once(':').unwrap_or(("", name));
    let local = if local.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(local.to_ascii_lowercase())
    } else {
        Cow::Borrowed(local)
    };
    (prefix, local)
}
