//! The list of news that a page itself is: the selector of what repeats around its headlines.
//!
//! Guessed from links that read like headlines and what encloses each of them alone; then read by that selector as a
//! source would, since only what is found so counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use url::Url;

use crate::domain::feed::listing::{Css, Selectors};
use crate::domain::feed::{Document, Kind, Reading, read};
use crate::domain::html::tree::{Page, weight};
use crate::domain::html::{sieve, tree};

/// Fewer pieces of news are no list.
const LEAST: usize = 5;
/// A headline has at least so many letters, so that menus have none.
const HEADLINE: usize = 24;
/// What encloses a headline is looked for so many elements around it.
const AROUND: usize = 6;
/// So many headlines of a page are looked at.
const MAX_HEADLINES: usize = 400;
/// So many guesses are tried.
const TRIES: usize = 6;

/// The selector of a page's items and what it finds; none when the page is no list.
pub fn listed(html: &str, url: &Url) -> Option<(String, Document)> {
    let html = &html[..html.floor_char_boundary(super::MAX_BYTES)];
    let sieved = sieve::sieve(html);
    let (parsed, _) = tree::parse(&sieved.html);
    let page = Page::new(&parsed);
    let mut guesses: Vec<(String, Guess)> = guesses(&page, url).into_iter().collect();
    guesses.retain(|(_, guess)| guess.is_one_each());
    // The name only makes the order certain.
    guesses.sort_by(|(a, first), (b, second)| second.rank().cmp(&first.rank()).then_with(|| a.cmp(b)));
    let tried = guesses.into_iter().take(TRIES).filter_map(|(item, _)| {
        let css: Css = item.parse().ok()?;
        let kind = Kind::Page(Arc::new(Selectors::new(css)));
        match read(&kind, html.as_bytes(), Some("text/html; charset=utf-8"), Some(url)) {
            Ok(Reading::Document(document)) => Some((item, document)),
            _ => None,
        }
    });
    // Of equals the last is taken, which is the innermost: what lies further out is often there for the layout only.
    tried.filter(|(_, document)| is_news(document)).max_by_key(|(_, document)| worth(document))
}

/// What a selector encloses.
#[derive(Default)]
struct Guess {
    places: HashSet<usize>,
    links: HashSet<String>,
    /// How many elements lie between the places and their links, together.
    distance: usize,
}

impl Guess {
    /// One headline in each place, mostly.
    fn is_one_each(&self) -> bool {
        let (places, links) = (self.places.len(), self.links.len());
        links >= LEAST && places * 5 >= links * 4 && links * 5 >= places * 4
    }

    fn rank(&self) -> (usize, usize) {
        (self.links.len(), self.distance / self.places.len().max(1))
    }
}

fn guesses(page: &Page<'_>, url: &Url) -> HashMap<String, Guess> {
    let mut guesses: HashMap<String, Guess> = HashMap::new();
    let base = super::base(page, url);
    let links = page.elements(0..page.nodes.len()).filter(|node| page.tag(*node) == "a");
    let headlines = links.filter_map(|node| Some((node, headline(page, node, &base)?)));
    for (node, link) in headlines.take(MAX_HEADLINES) {
        for (distance, around) in std::iter::once(node).chain(page.ancestors(node)).take(AROUND).enumerate() {
            if matches!(page.tag(around), "body" | "html" | "nav" | "footer" | "") {
                break;
            }
            for selector in selectors(page, around) {
                let guess = guesses.entry(selector).or_default();
                guess.places.insert(around);
                guess.links.insert(link.clone());
                guess.distance += distance;
            }
        }
    }
    guesses
}

/// Where a link leads whose text reads like a headline.
fn headline(page: &Page<'_>, node: usize, base: &Url) -> Option<String> {
    if page.ancestors(node).any(|around| matches!(page.tag(around), "nav" | "footer")) {
        return None;
    }
    let link = super::resolve(page.attr(node, "href")?, base)?;
    let is_here = link.host() == base.host() && link.path().trim_end_matches('/').len() > 1;
    (is_here && weight(&page.text(node)) >= HEADLINE).then(|| link.into())
}

/// The ways to name an element among others like it.
fn selectors(page: &Page<'_>, node: usize) -> Vec<String> {
    let tag = page.tag(node);
    let classes = page.attr(node, "class").unwrap_or_default().split_ascii_whitespace().take(8);
    let mut selectors: Vec<String> =
        classes.filter(|class| is_lasting(class)).map(|class| format!("{tag}.{class}")).collect();
    if matches!(tag, "article" | "li" | "tr" | "dt") {
        let parent = page.nodes[node].parent;
        let named = page
            .attr(parent, "class")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .find(|class| is_lasting(class));
        selectors.extend(named.map(|class| format!("{}.{class} > {tag}", page.tag(parent))));
        if tag == "article" {
            selectors.push(tag.to_owned());
        }
    }
    selectors
}

/// A class that is the same tomorrow: a plain name, not what a machine made up or what numbers an element.
fn is_lasting(class: &str) -> bool {
    let is_name = class.starts_with(|c: char| c.is_ascii_alphabetic())
        && class.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let made_up = ["css-", "jsx-", "sc-", "post-"].iter().any(|start| class.starts_with(start));
    is_name && class.len() <= 40 && !made_up && class.bytes().filter(u8::is_ascii_digit).count() <= 2
}

/// Headlines, and hardly anything else.
fn is_news(document: &Document) -> bool {
    let headlines = document.entries.iter().filter(|entry| weight(&entry.title) >= HEADLINE).count();
    headlines >= LEAST && headlines * 5 >= document.entries.len() * 4
}

/// Many entries are good, and dated ones better.
fn worth(document: &Document) -> usize {
    let dated = document.entries.iter().filter(|entry| entry.published.is_some()).count();
    document.entries.len().min(60) * 2 + dated.min(60)
}
