//! An HTML page that lists news → entries, by CSS selectors: one for what encloses a piece of news, and others for
//! what is inside of it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::draft::resolve;
use super::{Document, Entry, Reader, dates};
use crate::domain::html::{sieve, tree};
use crate::domain::text;
use crate::time::Timestamp;

/// More entries than this are no page of news.
const MAX_ENTRIES: usize = 1000;
/// So many elements are compared with the selectors, and no more.
const MAX_LOOKS: usize = 400_000;
/// A title holds at most so many characters, and a summary.
const MAX_TITLE: usize = 1000;
const MAX_SUMMARY: usize = 64 * 1024;

/// How the news of a page are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selectors {
    /// What encloses a piece of news.
    pub item: Css,
    /// Its link; without it the first link inside.
    pub link: Option<Css>,
    /// Its title; without it the first heading inside, else the text of the link.
    pub title: Option<Css>,
    /// Its date; without it the first `<time>` inside.
    pub date: Option<Css>,
    /// Its summary; without it there is none.
    pub summary: Option<Css>,
}

impl Selectors {
    /// The selectors of a page of which only the items are named.
    pub fn new(item: Css) -> Self {
        Self { item, link: None, title: None, date: None, summary: None }
    }

    /// A text that is another one for other selectors.
    pub fn fingerprint(&self) -> String {
        let inner = [&self.link, &self.title, &self.date, &self.summary];
        let texts = inner.iter().map(|css| css.as_ref().map_or("", |css| css.text.as_str()));
        [self.item.text.as_str()].into_iter().chain(texts).collect::<Vec<_>>().join("\n")
    }
}

/// A CSS selector as it is written, and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Css {
    text: String,
    selector: Selector,
}

impl fmt::Display for Css {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no CSS selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSelector(String);

impl FromStr for Css {
    type Err = BadSelector;

    fn from_str(text: &str) -> Result<Self, BadSelector> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadSelector("it is empty".to_owned()));
        }
        match Selector::parse(text) {
            Ok(selector) => Ok(Self { text: text.to_owned(), selector }),
            Err(error) => Err(BadSelector(mistake(text, &format!("{error:?}")))),
        }
    }
}

/// What is wrong, from the parser's own name for it.
fn mistake(text: &str, error: &str) -> String {
    let has = |words: &str| error.contains(words);
    if text.starts_with('/') {
        "this is XPath; a CSS selector is like article.card or ul > li".to_owned()
    } else if has("UnsupportedPseudo") {
        format!("`:{}` is not known", unknown_pseudo(text))
    } else if has("DanglingCombinator") {
        "something is missing before or after a space, >, + or ~".to_owned()
    } else if has("EmptySelector") || has("EndOfLine") {
        "something is missing in it".to_owned()
    } else if has("Attribute") {
        "what stands in [ ] is no attribute; write [name] or [name=\"value\"]".to_owned()
    } else if has("Namespace") {
        "it has a namespace; write the name of the element alone".to_owned()
    } else {
        "it is not understood".to_owned()
    }
}

/// The first name after a colon that is none of those that are known.
fn unknown_pseudo(text: &str) -> &str {
    const KNOWN: [&str; 8] = ["has", "is", "where", "not", "empty", "root", "scope", "link"];
    let mut names = text.split(':').skip(1).filter(|name| !name.is_empty()).map(|name| {
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(name.len());
        &name[..end]
    });
    let is_known =
        |name: &str| KNOWN.contains(&name) || name.ends_with("-child") || name.ends_with("-of-type");
    names.find(|name| !is_known(name)).unwrap_or_default()
}

/// What the selectors found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// So many times the item.
    pub items: usize,
    /// In so many of them a link.
    pub links: usize,
    /// A title.
    pub titles: usize,
    /// A date that can be read.
    pub dates: usize,
    /// A summary.
    pub summaries: usize,
}

/// A selector that finds nothing, so that there are no entries to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// `item`, `link` or `title`.
    pub key: &'static str,
    /// As it is written; None: the one that stands in for it.
    pub selector: Option<String>,
    /// How often `item` matches.
    pub items: usize,
    /// How many entries there were when the page was read last.
    pub before: Option<usize>,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, selector, items, before } = self;
        let longer = if before.is_some() { " any longer" } else { "" };
        match (selector, *key) {
            (Some(selector), "item") => write!(f, "the selector `{selector}` matches nothing{longer}")?,
            (Some(selector), key) => write!(
                f,
                "the selector `{selector}` finds no {key}{longer} in any of the {items} places that item matches"
            )?,
            (None, key) => {
                write!(f, "there is no {key}{longer} in any of the {items} places that item matches")?;
            }
        }
        match before {
            Some(before) => write!(f, " (it matched {before} before)"),
            None => Ok(()),
        }
    }
}

/// Reads the news of a page. `url` is where it came from.
pub(super) fn read(source: &str, selectors: &Selectors, url: Option<&Url>) -> Result<Document, Unmatched> {
    let (html, whole) = tree::parse(&sieve::sieve(source).html);
    let mut page = Listing::new(&html, selectors, url);
    for item in elements(&html) {
        if page.looks >= MAX_LOOKS || page.entries.len() >= MAX_ENTRIES {
            break;
        }
        page.looks += 1;
        if selectors.item.selector.matches(&item) {
            page.item(item);
        }
    }
    page.check()?;
    let head = |name: &str| elements(&html).find(|e| e.value().name() == name);
    Ok(Document {
        title: head("title").map(|title| line(title, 300)).filter(|title| !title.is_empty()),
        language: page.language,
        entries: page.entries.into_iter().filter(|entry| !entry.title.is_empty()).collect(),
        cut_off: !whole,
        reader: Reader::Listing,
        tally: Some(page.tally),
        ..Document::default()
    })
}

fn elements(html: &Html) -> impl Iterator<Item = ElementRef<'_>> {
    html.tree.root().descendants().filter_map(ElementRef::wrap)
}

/// What is being read.
struct Listing<'s> {
    selectors: &'s Selectors,
    base: Option<Url>,
    language: Option<String>,
    entries: Vec<Entry>,
    by_link: HashMap<String, usize>,
    tally: Tally,
    looks: usize,
}

impl<'s> Listing<'s> {
    fn new(html: &Html, selectors: &'s Selectors, url: Option<&Url>) -> Self {
        let first = |name: &str, attribute: &str| {
            let found = elements(html).find(|e| e.value().name() == name);
            found.and_then(|e| e.value().attr(attribute))
        };
        let language = first("html", "lang").and_then(super::draft::language_tag);
        Self {
            selectors,
            base: first("base", "href").and_then(|base| resolve(base, url)).or_else(|| url.cloned()),
            language,
            entries: Vec::new(),
            by_link: HashMap::new(),
            tally: Tally::default(),
            looks: 0,
        }
    }

    fn item(&mut self, item: ElementRef<'_>) {
        let Places { link, heading, title, time, date, summary } = self.places(item);
        let href = link.and_then(|link| address(link, self.base.as_ref()));
        let title = match (&self.selectors.title, title) {
            (Some(_), Some(title)) => label(title),
            (Some(_), None) => String::new(),
            (None, _) => {
                [heading, link].into_iter().flatten().map(label).find(|t| !t.is_empty()).unwrap_or_default()
            }
        };
        let date = if self.selectors.date.is_some() { date } else { time };
        let published = date.and_then(instant);
        let summary = summary.map(|summary| line(summary, MAX_SUMMARY)).unwrap_or_default();
        self.tally.items += 1;
        self.tally.links += usize::from(href.is_some());
        self.tally.titles += usize::from(!title.is_empty());
        self.tally.dates += usize::from(published.is_some());
        self.tally.summaries += usize::from(!summary.is_empty());
        if let Some(link) = href {
            self.add(Entry {
                id: link.clone(),
                title,
                link: Some(link),
                summary,
                published,
                language: self.language.clone(),
                ..Entry::default()
            });
        }
    }

    /// Pages link the picture and the headline of one piece of news: what one lacks the other may have.
    fn add(&mut self, entry: Entry) {
        let Some(known) = self.by_link.get(&entry.id).and_then(|at| self.entries.get_mut(*at)) else {
            self.by_link.insert(entry.id.clone(), self.entries.len());
            self.entries.push(entry);
            return;
        };
        if known.title.is_empty() {
            known.title = entry.title;
        }
        if known.summary.is_empty() {
            known.summary = entry.summary;
        }
        known.published = known.published.or(entry.published);
    }

    /// The first element of each sort in an item, which may be the item itself.
    fn places<'h>(&mut self, item: ElementRef<'h>) -> Places<'h> {
        let mut found = Places::default();
        let named = |css: &Option<Css>, e: &ElementRef<'h>| {
            css.as_ref().is_some_and(|css| css.selector.matches_with_scope(e, Some(item)))
        };
        for e in std::iter::once(item).chain(item.descendent_elements().skip(1)) {
            if self.looks >= MAX_LOOKS {
                break;
            }
            self.looks += 1;
            let name = e.value().name();
            let is_link = e.value().attr("href").is_some() && matches!(name, "a" | "area");
            let is_heading = matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
            let selectors = self.selectors;
            let wanted = [
                (
                    &mut found.link,
                    if selectors.link.is_some() { named(&selectors.link, &e) } else { is_link },
                ),
                (&mut found.heading, is_heading),
                (&mut found.title, named(&selectors.title, &e)),
                (&mut found.time, name == "time"),
                (&mut found.date, named(&selectors.date, &e)),
                (&mut found.summary, named(&selectors.summary, &e)),
            ];
            for (place, matches) in wanted {
                if matches && place.is_none() {
                    *place = Some(e);
                }
            }
        }
        found
    }

    /// An error when a selector that must match does not.
    fn check(&self) -> Result<(), Unmatched> {
        let Tally { items, links, titles, .. } = self.tally;
        let text = |css: &Option<Css>| css.as_ref().map(ToString::to_string);
        let missing = |key, selector| Err(Unmatched { key, selector, items, before: None });
        match (items, links, titles) {
            (0, ..) => missing("item", Some(self.selectors.item.to_string())),
            (_, 0, _) => missing("link", text(&self.selectors.link)),
            (_, _, 0) => missing("title", text(&self.selectors.title)),
            _ if self.entries.iter().all(|entry| entry.title.is_empty()) => {
                missing("title", text(&self.selectors.title))
            }
            _ => Ok(()),
        }
    }
}

/// The elements that an item is made of.
#[derive(Default)]
struct Places<'h> {
    link: Option<ElementRef<'h>>,
    heading: Option<ElementRef<'h>>,
    title: Option<ElementRef<'h>>,
    time: Option<ElementRef<'h>>,
    date: Option<ElementRef<'h>>,
    summary: Option<ElementRef<'h>>,
}

/// Where an element leads: itself, or the first link inside of it.
fn address(element: ElementRef<'_>, base: Option<&Url>) -> Option<String> {
    let href = element.descendent_elements().find_map(|e| e.value().attr("href"))?;
    let mut url = resolve(href, base)?;
    // A place in the page itself is no piece of news.
    if href.trim_start().starts_with('#') {
        return None;
    }
    url.set_fragment(None);
    Some(url.into())
}

/// The words of an element, else those that it shows instead of its picture.
fn label(element: ElementRef<'_>) -> String {
    let words = line(element, MAX_TITLE);
    if !words.is_empty() {
        return words;
    }
    let told = element.descendent_elements().find_map(|e| {
        ["title", "aria-label", "alt"]
            .iter()
            .find_map(|name| e.value().attr(name))
            .filter(|t| !t.trim().is_empty())
    });
    text::cut(&text::clean(told.unwrap_or_default()), MAX_TITLE)
}

/// The text of an element on one line; what stands on lines of its own is not one word with what is beside it.
fn line(element: ElementRef<'_>, most: usize) -> String {
    let mut out = String::new();
    for node in element.descendants() {
        if let Some(text) = node.value().as_text() {
            out.push_str(text);
        } else if node.value().as_element().is_some_and(|e| e.name() == "br" || tree::is_block(e.name())) {
            out.push(' ');
        }
    }
    text::cut(&text::clean(&out), most)
}

/// The date that an element tells to machines, else to people.
fn instant(element: ElementRef<'_>) -> Option<Timestamp> {
    let told = element
        .descendent_elements()
        .find_map(|e| ["datetime", "content", "data-time"].iter().find_map(|name| e.value().attr(name)));
    told.and_then(dates::parse).or_else(|| dates::parse(&line(element, 100)))
}

#[cfg(test)]
mod tests;
