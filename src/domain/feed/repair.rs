//! Looks an XML document through before feed-rs reads it: refuses what would hurt, mends small known defects.
//!
//! One pass with the tokenizer that feed-rs uses, so that both see the same elements. Mended are only defects that
//! cost feed-rs a whole document; what is broken in other ways is refused with its line.

use quick_xml::Error;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use url::Url;

use super::FeedError;

/// Elements nested deeper are no feed. feed-rs counts its levels in 16 bits and panics beyond them.
const MAX_DEPTH: usize = 256;
/// Namespaces in scope at once: each is looked at for each element, so that many of them take hours.
const MAX_NAMESPACES: usize = 256;
/// A longer tag is left without its attributes.
const MAX_TAG: usize = 16 * 1024;

/// Stands for `@` in names of people: feed-rs cuts addresses out of names at bytes that may lie inside a character,
/// and panics there. No text holds this character otherwise, since decoding leaves controls out.
pub(super) const AT: char = '\u{1}';

/// A document that feed-rs can be given.
#[derive(Debug)]
pub(super) struct Repaired {
    pub text: String,
    /// How many items or entries it holds.
    pub items: usize,
    /// It ended before its root was closed; `text` then ends after the last complete item.
    pub cut_off: bool,
    /// The address of the site, as an RSS channel gives it.
    pub home: Option<String>,
}

/// Checks and mends `source`, whose root is expected at or after the byte `start`.
pub(super) fn repair(source: &str, start: usize) -> Result<Repaired, FeedError> {
    let xml = &source[start..];
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    let mut pass = Pass::new(xml);
    let mut from = 0;
    loop {
        let event = reader.read_event();
        let to = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let line = || 1 + newlines(source, start + from);
        match event {
            Ok(Event::Eof) | Err(Error::Syntax(_)) => return pass.cut_short(line),
            Ok(event) => pass.event(&event, xml.get(from..to).unwrap_or_default(), line)?,
            Err(error) => return Err(FeedError::Broken { line: Some(line()), what: in_words(&error) }),
        }
        if pass.is_closed() {
            return Ok(Repaired { text: pass.out, items: pass.items, cut_off: false, home: pass.home });
        }
        from = to;
    }
}

fn newlines(text: &str, end: usize) -> usize {
    text.bytes().take(end).filter(|b| *b == b'\n').count()
}

fn in_words(error: &Error) -> String {
    match error {
        Error::IllFormed(quick_xml::errors::IllFormedError::MismatchedEndTag { expected, found }) => {
            format!("the element <{expected}> is closed by </{found}>")
        }
        Error::IllFormed(quick_xml::errors::IllFormedError::UnmatchedEndTag(name)) => {
            format!("</{name}> closes no element")
        }
        error => error.to_string(),
    }
}

/// An element that is open.
struct Open<'a> {
    name: &'a str,
    namespaces: usize,
}

struct Pass<'a> {
    out: String,
    open: Vec<Open<'a>>,
    namespaces: usize,
    items: usize,
    home: Option<String>,
    is_atom: bool,
    is_atom_03: bool,
    last_item: Option<LastItem>,
}

/// The end of the last complete item: where the output can end.
struct LastItem {
    end: usize,
    /// How many of the elements that were open there still are, and the end tags of those that are not.
    depth: usize,
    closed_since: String,
}

impl<'a> Pass<'a> {
    fn new(xml: &'a str) -> Self {
        Self {
            out: String::with_capacity(xml.len() + 64),
            open: Vec::with_capacity(16),
            namespaces: 0,
            items: 0,
            home: None,
            is_atom: false,
            is_atom_03: xml.contains("purl.org/atom/ns#"),
            last_item: None,
        }
    }

    fn event(
        &mut self,
        event: &Event<'a>,
        source: &'a str,
        line: impl Fn() -> usize,
    ) -> Result<(), FeedError> {
        match event {
            Event::Start(tag) => self.start(tag, source, false, line)?,
            Event::Empty(tag) => self.start(tag, source, true, line)?,
            Event::End(_) => self.end(source),
            Event::Text(text) if !self.open.is_empty() => self.text(text, source.contains('&')),
            Event::CData(_) if !self.open.is_empty() => self.cdata(source),
            Event::GeneralRef(reference) if !self.open.is_empty() => self.reference(reference, source),
            // The declaration names an encoding that no longer holds; the rest says nothing to a reader.
            _ => {}
        }
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.open.is_empty() && !self.out.is_empty()
    }

    fn start(
        &mut self,
        tag: &BytesStart<'a>,
        source: &'a str,
        is_empty: bool,
        line: impl Fn() -> usize,
    ) -> Result<(), FeedError> {
        // The name as it stands in the source, for as long as the source lives.
        let name = source.get(1..=tag.name().as_ref().len()).unwrap_or_default();
        if self.open.is_empty() {
            self.is_atom = is_atom(name)?;
        }
        if self.open.len() == MAX_DEPTH {
            return Err(FeedError::TooDeep { line: line() });
        }
        let namespaces = if source.len() > MAX_TAG { 0 } else { source.matches("xmlns").count() };
        if self.namespaces + namespaces > MAX_NAMESPACES {
            let what = format!("more than {MAX_NAMESPACES} namespaces are declared at once");
            return Err(FeedError::Broken { line: Some(line()), what });
        }
        self.items += usize::from(matches!(local(name), "item" | "entry"));
        if self.needs_mending(name, source) {
            self.mend(tag, source, is_empty);
        } else {
            self.out.push_str(source);
        }
        if !is_empty {
            self.namespaces += namespaces;
            self.open.push(Open { name, namespaces });
        }
        Ok(())
    }

    fn end(&mut self, source: &str) {
        let Some(closed) = self.open.pop() else { return };
        self.namespaces -= closed.namespaces;
        match self.renamed(closed.name) {
            Some(name) => self.out.extend(["</", prefix(closed.name), name, ">"]),
            None => self.out.push_str(source),
        }
        if matches!(local(closed.name), "item" | "entry") {
            self.last_item =
                Some(LastItem { end: self.out.len(), depth: self.open.len(), closed_since: String::new() });
        } else if let Some(last) = self.last_item.as_mut().filter(|last| last.depth > self.open.len()) {
            last.depth = self.open.len();
            last.closed_since.extend(["</", closed.name, ">"]);
        }
    }

    fn text(&mut self, text: &str, has_ampersand: bool) {
        self.note_home(text);
        let from = self.out.len();
        if has_ampersand {
            self.out.push_str(&text.replace('&', "&amp;"));
        } else {
            self.out.push_str(text);
        }
        self.hide_addresses(from);
    }

    fn cdata(&mut self, source: &str) {
        self.note_home(source.trim_start_matches("<![CDATA[").trim_end_matches("]]>"));
        let from = self.out.len();
        self.out.push_str(source);
        self.hide_addresses(from);
    }

    fn reference(&mut self, reference: &BytesRef<'_>, source: &str) {
        match reference.resolve_char_ref() {
            Ok(None) => self.out.push_str(source),
            Ok(Some('@')) if self.is_in_name() => self.out.push(AT),
            Ok(Some(c)) if !c.is_control() || c.is_whitespace() => self.out.push_str(source),
            // A control, or no character at all, for which feed-rs refuses the document.
            _ => {}
        }
    }

    fn hide_addresses(&mut self, from: usize) {
        if self.is_in_name() && self.out[from..].contains('@') {
            let hidden = self.out[from..].replace('@', AT.encode_utf8(&mut [0; 4]));
            self.out.truncate(from);
            self.out.push_str(&hidden);
        }
    }

    fn is_in_name(&self) -> bool {
        let name = self.open.last().map_or("", |open| local(open.name));
        matches!(name, "author" | "creator" | "managingEditor" | "webMaster")
    }

    fn note_home(&mut self, text: &str) {
        if self.home.is_none()
            && let [_, channel, link] = self.open.as_slice()
            && (channel.name, link.name) == ("channel", "link")
            && !text.trim().is_empty()
        {
            self.home = Some(text.trim().to_owned());
        }
    }

    /// Ends the output after the last complete item, when there is one.
    fn cut_short(mut self, line: impl Fn() -> usize) -> Result<Repaired, FeedError> {
        let Some(inside) = self.open.last() else {
            return Err(FeedError::NotAFeed { found: "not XML or JSON".to_owned() });
        };
        let Some(last) = self.last_item else {
            let what = format!("it ends inside the element <{}>, as if cut off", inside.name);
            return Err(FeedError::Broken { line: Some(line()), what });
        };
        self.out.truncate(last.end);
        self.out.push_str(&last.closed_since);
        for open in self.open[..last.depth].iter().rev() {
            self.out.extend(["</", open.name, ">"]);
        }
        Ok(Repaired { text: self.out, items: self.items, cut_off: true, home: self.home })
    }

    /// The name feed-rs knows an element of Atom 0.3 by.
    fn renamed(&self, name: &str) -> Option<&'static str> {
        if !self.is_atom_03 {
            return None;
        }
        match local(name) {
            "issued" => Some("published"),
            "modified" => Some("updated"),
            "tagline" => Some("subtitle"),
            _ => None,
        }
    }

    fn needs_mending(&self, name: &str, source: &str) -> bool {
        self.open.is_empty()
            || source.len() > MAX_TAG
            || source.contains("xmlns")
            || source.contains("xml:base")
            || (self.is_atom && is_atom_text(name) && (source.contains("type") || source.contains("src")))
            || self.renamed(name).is_some()
    }

    fn mend(&mut self, tag: &BytesStart<'_>, source: &str, is_empty: bool) {
        let raw_name = tag.name();
        let name = raw_name.as_ref();
        let is_rss = self.open.is_empty() && local(name) == "rss";
        match self.renamed(name) {
            Some(new) => self.out.extend(["<", prefix(name), new]),
            None => self.out.extend(["<", name]),
        }
        if is_rss {
            // feed-rs reads the other versions no differently, and refuses their many spellings.
            self.attribute("version", "2.0");
        }
        let mut attributes = tag.attributes();
        let kept = if source.len() > MAX_TAG { 0 } else { usize::MAX };
        for attribute in attributes.with_checks(false).take(kept).filter_map(Result::ok) {
            let (key, value) = (attribute.key.as_ref(), attribute.value.as_ref());
            match key {
                "version" | "xmlns" if is_rss => {}
                "xml:base" if !is_base(value) => {}
                "type" if self.is_atom && is_atom_text(name) => self.attribute(key, text_type(value)),
                "src" if self.is_atom && local(name) == "content" => {}
                _ if key.starts_with("xmlns") => self.attribute(key, namespace(value)),
                _ => self.attribute(key, value),
            }
        }
        self.out.push_str(if is_empty { "/>" } else { ">" });
    }

    fn attribute(&mut self, key: &str, value: &str) {
        self.out.extend([" ", key, "=\"", &value.replace('"', "&quot;"), "\""]);
    }
}

/// Whether the root of this name is Atom's; an error when it is no feed's.
fn is_atom(root: &str) -> Result<bool, FeedError> {
    let found = match local(root) {
        "feed" | "entry" => return Ok(true),
        "rss" | "RDF" => return Ok(false),
        "urlset" | "sitemapindex" => "a sitemap".to_owned(),
        "opml" => "an OPML list of feeds".to_owned(),
        name if is_html(name) => super::WEB_PAGE.to_owned(),
        name => format!("an XML document of another kind (<{}>)", crate::domain::text::cut(name, 40)),
    };
    Err(FeedError::NotAFeed { found })
}

fn is_html(name: &str) -> bool {
    ["html", "head", "body", "meta", "title", "script", "div", "p", "br", "h1", "center"]
        .iter()
        .any(|html| name.eq_ignore_ascii_case(html))
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn prefix(name: &str) -> &str {
    &name[..name.len() - local(name).len()]
}

fn is_atom_text(name: &str) -> bool {
    matches!(local(name), "title" | "summary" | "content" | "subtitle" | "tagline" | "rights")
}

/// feed-rs refuses a document for a type it does not know.
fn text_type(value: &str) -> &'static str {
    match value.trim().to_ascii_lowercase().as_str() {
        "html" | "text/html" => "html",
        mime if mime.ends_with("xml") || mime == "xhtml" => "xhtml",
        _ => "text",
    }
}

/// feed-rs refuses a document for a base that is no address.
fn is_base(value: &str) -> bool {
    matches!(Url::parse(value), Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase))
}

/// The namespace as feed-rs knows it. Media and podcast extensions become unknown: nothing in them is needed here,
/// and feed-rs refuses documents for an empty `media:description` and panics at long durations.
fn namespace(value: &str) -> &str {
    match value.trim() {
        "http://purl.org/atom/ns#" | "https://www.w3.org/2005/Atom" => "http://www.w3.org/2005/Atom",
        "http://my.netscape.com/rdf/simple/0.9/" | "http://channel.netscape.com/rdf/simple/0.9/" => {
            "http://purl.org/rss/1.0/"
        }
        "http://search.yahoo.com/mrss/"
        | "http://www.itunes.com/dtds/podcast-1.0.dtd"
        | "https://podcastindex.org/namespace/1.0" => "urn:unread",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xml: &str, expected: &str) {
        assert_eq!(repair(xml, 0).unwrap().text, expected, "{xml:?}");
    }

    #[test]
    fn a_sound_document_passes_as_it_is() {
        let xml = "<rss version=\"2.0\"><channel><!-- c --><item><title>a &lt; b &#38; c</title><x:y z='1'/><![CDATA[<&]]></item></channel></rss>";
        check(xml, &xml.replace("<!-- c -->", ""));
    }

    #[test]
    fn small_defects_are_mended() {
        let cases = [
            ("<?xml version='1.0' encoding='koi8-r'?>\n<!DOCTYPE rss [<!ENTITY a 'b'>]><feed/>", "<feed/>"),
            (
                "<rss><a>AT&T & Co &amp; x&#0;&#xD800;&#27;</a></rss>",
                "<rss version=\"2.0\"><a>AT&amp;T &amp; Co &amp; x</a></rss>",
            ),
            ("<rss version='0.94' xmlns='urn:odd'></rss> junk <a", "<rss version=\"2.0\"></rss>"),
            (
                "<rss><author>«a@b.cc»</author></rss>",
                "<rss version=\"2.0\"><author>«a\u{1}b.cc»</author></rss>",
            ),
            ("<rss><author>a&#64;b</author></rss>", "<rss version=\"2.0\"><author>a\u{1}b</author></rss>"),
            (
                "<feed><title type=''>a</title><content type='application/xhtml+xml' src='x'/></feed>",
                "<feed><title type=\"text\">a</title><content type=\"xhtml\"/></feed>",
            ),
            (
                "<feed xmlns='http://purl.org/atom/ns#'><issued>1</issued></feed>",
                "<feed xmlns=\"http://www.w3.org/2005/Atom\"><published>1</published></feed>",
            ),
            ("<feed xml:base='http://['/>", "<feed/>"),
        ];
        for (xml, expected) in cases {
            check(xml, expected);
        }
    }

    #[test]
    fn a_document_that_is_cut_off_ends_after_its_last_item() {
        for rest in [
            "",
            "</channel>",
            "<item><title>two",
            "<item><ti",
            "<item><![CDATA[two",
            "<image><url>",
            "</channel><x>",
        ] {
            let found = repair(&format!("<rss version=\"2.0\"><channel><item>one</item>{rest}"), 0).unwrap();
            assert_eq!(
                found.text, "<rss version=\"2.0\"><channel><item>one</item></channel></rss>",
                "{rest:?}"
            );
            assert!(found.cut_off);
        }
    }
}
