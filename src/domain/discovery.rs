//! What may lie behind an address: the feeds that a page names or links to, those that a site is known to have, and
//! where feeds usually are; and which of those that were found is meant.
//!
//! ```text
//! address ─▶ known sites ─▶ link tags ─▶ links ─▶ usual paths ─▶ leads ─asked─▶ feeds ─▶ choice
//!                           and where there is no feed: ─▶ sitemaps ─▶ the page's own list
//! ```
//!
//! Nobody is asked here. Feeds of comments are never what is meant, and come last.

use std::borrow::Cow;
use std::collections::HashSet;

use url::Url;

use crate::domain::address;
use crate::domain::html::{sieve, tree};
use crate::domain::text;

pub use choice::{Choice, Fact, choose};
pub use list::listed;
pub use sites::known;

mod choice;
mod list;
mod sites;

use tree::Page;

/// More of a page than this is not looked at.
const MAX_BYTES: usize = 4 << 20;
/// A page names or links to no more feeds than this.
const MAX_LEADS: usize = 40;
/// A title holds at most so many characters.
const MAX_TITLE: usize = 120;

/// An address where a feed may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The address.
    pub url: Url,
    /// What the page calls it.
    pub title: Option<String>,
    /// How it was found.
    pub how: How,
    /// It has comments of readers, not what the publisher writes.
    pub is_comments: bool,
}

impl Lead {
    /// A lead of which nothing is known but where it is.
    pub fn new(url: Url, how: How) -> Self {
        Self { url, title: None, how, is_comments: false }
    }

    /// A lead as the page calls it; what gives comments away may stand at the end of a long title.
    fn titled(url: Url, title: &str, how: How) -> Self {
        let is_comments = is_of_comments(&url, title);
        Self { title: named(title), is_comments, ..Self::new(url, how) }
    }
}

/// How a lead was found; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is what was asked for.
    Itself,
    /// By a rule of its site.
    Site,
    /// The page says that it is its feed.
    Declared,
    /// The page links to it.
    Linked,
    /// Feeds are usually there.
    Usual,
    /// It is a sitemap of news.
    News,
    /// It is the page's own list.
    List,
    /// It is a sitemap of whatever the site has.
    Sitemap,
}

impl How {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "the address itself",
            Self::Site => "a rule of the site",
            Self::Declared => "named by the page",
            Self::Linked => "linked by the page",
            Self::Usual => "a usual place",
            Self::News => "a sitemap of news",
            Self::List => "the list of the page",
            Self::Sitemap => "a sitemap",
        }
    }
}

/// What a page offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The page's title.
    pub title: Option<String>,
    /// The language of the page, without its country.
    pub language: Option<String>,
    /// Where its feeds may be, the most promising first.
    pub leads: Vec<Lead>,
    /// Where feeds usually are on sites that were made with the same system.
    pub usual: &'static [&'static str],
}

/// Reads what a page at `url` offers.
pub fn offered(html: &str, url: &Url) -> Offer {
    let html = &html[..html.floor_char_boundary(MAX_BYTES)];
    let sieved = sieve::sieve(html);
    let (parsed, _) = tree::parse(&sieved.html);
    let page = Page::new(&parsed);
    let base = base(&page, url);
    let mut leads = Leads { page: url, list: Vec::new(), seen: HashSet::new() };
    if let Some(url) = sites::inside(html, url) {
        leads.add(Lead::new(url, How::Site));
    }
    for node in page.elements(0..page.nodes.len()) {
        match page.tag(node) {
            "link" => leads.extend(declared(&page, node, &base)),
            "a" | "area" => leads.extend(linked(&page, node, &base, url)),
            _ => {}
        }
    }
    let language =
        page.first("html").and_then(|root| page.attr(root, "lang").or_else(|| page.attr(root, "xml:lang")));
    Offer {
        title: page.first("title").and_then(|node| named(&page.text(node))),
        language: language.map(primary).filter(|language| !language.is_empty()),
        leads: leads.ranked(),
        usual: system(&page, html),
    }
}

/// A language without its country, in lower case.
fn primary(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn named(title: &str) -> Option<String> {
    Some(text::cut(&text::clean(title), MAX_TITLE)).filter(|title| !title.is_empty())
}

/// What links are relative to.
fn base(page: &Page<'_>, url: &Url) -> Url {
    let written = page
        .elements(0..page.nodes.len())
        .find_map(|node| if page.tag(node) == "base" { page.attr(node, "href") } else { None });
    written.and_then(|href| url.join(href.trim()).ok()).unwrap_or_else(|| url.clone())
}

fn resolve(href: &str, base: &Url) -> Option<Url> {
    let href = href.trim();
    let joined = match href.split_once(':') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("feed") => address::read(href).ok(),
        _ => base.join(href).ok(),
    };
    let mut url = joined.filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_fragment(None);
    (url.username().is_empty() && url.password().is_none()).then_some(url)
}

// ---- link tags

fn declared(page: &Page<'_>, node: usize, base: &Url) -> Option<Lead> {
    let rel = page.attr(node, "rel")?.to_ascii_lowercase();
    let mut rels = rel.split_ascii_whitespace();
    if !rels.clone().any(|rel| matches!(rel, "alternate" | "feed" | "service.feed"))
        || rels.any(|rel| rel == "stylesheet")
    {
        return None;
    }
    let url = resolve(page.attr(node, "href")?, base)?;
    let kind = page.attr(node, "type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_feed = match kind {
        "application/rss+xml"
        | "application/atom+xml"
        | "application/rdf+xml"
        | "application/feed+json"
        | "application/x.atom+xml"
        | "application/x-atom+xml"
        | "application/rss"
        | "application/atom"
        | "text/rss"
        | "text/rss+xml"
        | "text/atom"
        | "text/atom+xml" => true,
        "application/xml" | "text/xml" | "application/json" | "" => {
            looks_like_feed(&url) && (!kind.is_empty() || page.attr(node, "hreflang").is_none())
        }
        _ => false,
    };
    let title = page.attr(node, "title").unwrap_or_default();
    is_feed.then(|| Lead::titled(url, title, How::Declared))
}

// ---- links

fn linked(page: &Page<'_>, node: usize, base: &Url, from: &Url) -> Option<Lead> {
    let url = resolve(page.attr(node, "href")?, base)?;
    let kind = page.attr(node, "type").unwrap_or_default();
    let is_feed = kind.contains("rss+xml") || kind.contains("atom+xml") || looks_like_feed(&url);
    if !is_feed || is_elsewhere(&url, from) {
        return None;
    }
    let title = page.attr(node, "title").filter(|title| !title.trim().is_empty());
    Some(title.map_or_else(
        || Lead::titled(url.clone(), &page.text(node), How::Linked),
        |title| Lead::titled(url.clone(), title, How::Linked),
    ))
}

/// Sites where a word for feeds means something else, or where a reader subscribes.
const NOT_FEEDS: [&str; 13] = [
    "facebook.com",
    "twitter.com",
    "x.com",
    "instagram.com",
    "linkedin.com",
    "pinterest.com",
    "vk.com",
    "t.me",
    "whatsapp.com",
    "apple.com",
    "feedly.com",
    "inoreader.com",
    "netvibes.com",
];

/// Whether a link leads to another site; those that serve the feeds of others are part of it.
fn is_elsewhere(url: &Url, from: &Url) -> bool {
    let (host, home) = (url.host_str().unwrap_or_default(), from.host_str().unwrap_or_default());
    let is_under = |site: &str| host == site || host.ends_with(&format!(".{site}"));
    if NOT_FEEDS.iter().any(|site| is_under(site)) {
        return true;
    }
    site(host) != site(home) && !is_under("feedburner.com")
}

/// Second levels under which countries register names.
const SECOND_LEVELS: [&str; 12] =
    ["co", "com", "org", "net", "gov", "gob", "edu", "ac", "or", "ne", "go", "info"];

/// What is registered of a name: its last two labels, or three as in `bbc.co.uk` and `stat.gov.kz`.
fn site(host: &str) -> &str {
    let labels: Vec<&str> = host.rsplitn(4, '.').collect();
    let count = match labels[..] {
        [last, second, _, ..] if last.len() == 2 && SECOND_LEVELS.contains(&second) => 3,
        _ => 2,
    };
    let length: usize = labels.iter().take(count).map(|label| label.len() + 1).sum();
    &host[host.len() - (length - 1).min(host.len())..]
}

/// Whether an address sounds like that of a feed.
pub fn looks_like_feed(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    let last = path.rsplit('/').next().unwrap_or_default();
    let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "rss" | "atom" | "rdf" => return true,
        "" | "xml" | "json" | "php" | "asp" | "aspx" | "html" | "htm" | "cgi" | "jsp" | "do" => {}
        _ => return false,
    }
    let host = url.host_str().unwrap_or_default();
    if ["feeds.", "rss.", "feed."].iter().any(|start| host.starts_with(start)) && path.len() > 1 {
        return true;
    }
    // `?partner=rss` says where a reader comes from.
    let in_query = |(key, value): (Cow<'_, str>, Cow<'_, str>)| {
        let key = key.to_ascii_lowercase();
        let says_format =
            matches!(&*key, "format" | "type" | "output" | "view" | "mode" | "option" | "action" | "page");
        is_feed_word(&key) || says_format && is_feed_word(&value.to_ascii_lowercase())
    };
    path.split(|c: char| !c.is_ascii_alphanumeric()).any(is_feed_word) || url.query_pairs().any(in_query)
}

fn is_feed_word(word: &str) -> bool {
    const WORDS: [&str; 8] = ["atom", "rdf", "feed", "feeds", "newsfeed", "xmlfeed", "newsrss", "feedrss"];
    WORDS.contains(&word) || word.starts_with("rss") && word.len() <= 12
}

/// What readers' comments are called in titles.
const COMMENTS: [&str; 11] = [
    "comment",
    "kommentar",
    "komentar",
    "yorum",
    "коммент",
    "коментар",
    "пікір",
    "şərh",
    "izoh",
    "hozzászól",
    "comentario",
];

fn is_of_comments(url: &Url, title: &str) -> bool {
    let path = url.path().to_ascii_lowercase();
    let by_address = path.split(['/', '.']).any(|part| part == "comments" || part == "comment")
        || url.query().is_some_and(|query| query.to_ascii_lowercase().contains("comments-rss"));
    let title = title.to_lowercase();
    by_address || COMMENTS.iter().any(|word| title.contains(word))
}

// ---- where feeds usually are

/// On any site.
const USUAL: [&str; 9] = [
    "feed/",
    "rss",
    "rss.xml",
    "feed.xml",
    "atom.xml",
    "index.xml",
    "rss/",
    "?feed=rss2",
    "feeds/posts/default",
];

/// Systems by what their pages say, and where their feeds are.
const SYSTEMS: [(&str, &[&str]); 9] = [
    ("wordpress", &["feed/", "?feed=rss2"]),
    ("drupal", &["rss.xml"]),
    ("joomla", &["?format=feed&type=rss"]),
    ("ghost", &["rss/"]),
    ("hugo", &["index.xml"]),
    ("jekyll", &["feed.xml"]),
    ("blogger", &["feeds/posts/default"]),
    ("typo3", &["rss.xml", "feed.xml"]),
    ("bitrix", &["rss/", "rss.php"]),
];

/// Where the feeds of the system are that a page was made with.
fn system(page: &Page<'_>, html: &str) -> &'static [&'static str] {
    let generators = page.elements(0..page.nodes.len()).filter(|node| {
        page.tag(*node) == "meta"
            && page.attr(*node, "name").is_some_and(|name| name.eq_ignore_ascii_case("generator"))
    });
    let said: String =
        generators.filter_map(|node| page.attr(node, "content")).collect::<String>().to_lowercase();
    let by_files = [
        ("wordpress", "/wp-content/"),
        ("wordpress", "/wp-json/"),
        ("bitrix", "/bitrix/"),
        ("drupal", "/sites/default/files/"),
    ];
    let by_files = by_files.iter().find(|(_, mark)| html.contains(mark)).map(|(name, _)| *name);
    let named = SYSTEMS.iter().find(|(name, _)| said.contains(name) || by_files == Some(name));
    named.map_or(&[], |(_, paths)| paths)
}

/// Where the feed of a page may be when nothing says it: below the page itself, then at the root of its site.
pub fn usual(url: &Url, system: &'static [&'static str]) -> Vec<Lead> {
    let mut leads = Leads { page: url, list: Vec::new(), seen: HashSet::new() };
    let mut add = |base: &Url, path: &str| {
        let url = base.join(path).ok();
        leads.extend(url.map(|url| Lead::new(url, How::Usual)));
    };
    let path = url.path();
    let is_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if path != "/" && !is_file {
        let mut folder = url.clone();
        folder.set_query(None);
        folder.set_path(&format!("{}/", path.trim_end_matches('/')));
        for path in system.iter().take(1).chain(&["feed/", "rss"]) {
            add(&folder, path);
        }
    }
    let Ok(root) = url.join("/") else { return leads.list };
    for path in system.iter().chain(&USUAL) {
        add(&root, path);
    }
    leads.list
}

/// The sitemaps that a robots.txt names, or where they usually are; those of news first.
pub fn sitemaps(robots: &str, url: &Url) -> Vec<Url> {
    let named = robots.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        if key.trim().eq_ignore_ascii_case("sitemap") { url.join(value.trim()).ok() } else { None }
    });
    let mut sitemaps: Vec<Url> = Vec::new();
    for sitemap in named.filter(|url| matches!(url.scheme(), "http" | "https")) {
        if !sitemaps.contains(&sitemap) && sitemaps.len() < MAX_LEADS {
            sitemaps.push(sitemap);
        }
    }
    if sitemaps.is_empty() {
        sitemaps.extend(
            ["news-sitemap.xml", "sitemap.xml"].iter().filter_map(|path| url.join(&format!("/{path}")).ok()),
        );
    }
    // The sort keeps their order otherwise.
    sitemaps.sort_by_key(|sitemap| !sounds_like_news(sitemap));
    sitemaps
}

/// Whether a sitemap is one of news by its name.
pub fn sounds_like_news(sitemap: &Url) -> bool {
    let path = sitemap.path().to_ascii_lowercase();
    ["news", "latest", "haber", "novosti"].iter().any(|word| path.contains(word))
}

// ---- leads

/// Leads, each place once: the best way it was found counts.
struct Leads<'u> {
    page: &'u Url,
    list: Vec<Lead>,
    seen: HashSet<String>,
}

impl Leads<'_> {
    fn add(&mut self, lead: Lead) {
        // A page that names itself as its feed is a page.
        let place = address::place(&lead.url);
        if lead.url != *self.page && !self.seen.contains(&place) && self.list.len() < MAX_LEADS {
            self.seen.insert(place);
            self.list.push(lead);
        } else if let Some(known) =
            self.list.iter_mut().find(|known| known.url == lead.url && lead.how < known.how)
        {
            *known = lead;
        }
    }

    fn extend(&mut self, lead: Option<Lead>) {
        if let Some(lead) = lead {
            self.add(lead);
        }
    }

    /// The most promising first; otherwise in the order of the page.
    fn ranked(mut self) -> Vec<Lead> {
        let page = self.page;
        self.list.sort_by_key(|lead| (lead.is_comments, lead.how, !is_below(&lead.url, page)));
        self.list
    }
}

/// Whether a feed lies below the page, as that of a section does; none does below a home page.
pub fn is_below(feed: &Url, page: &Url) -> bool {
    let path = page.path().trim_end_matches('/');
    let rest = feed.path().strip_prefix(path);
    !path.is_empty() && feed.host() == page.host() && rest.is_some_and(|rest| rest.starts_with(['/', '.']))
}

#[cfg(test)]
mod tests;
