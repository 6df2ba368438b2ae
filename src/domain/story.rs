//! Which articles are one story: keys that equal texts share, and the rules of joining.
//!
//! A story is found by the address of the article, by its text, or, where there is only a summary,
//! by title and summary together. Stories never merge.

use std::collections::HashSet;

use url::Url;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// What makes two articles candidates for one story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The same text, letter for letter but for case, space and punctuation.
    Text,
    /// The same title and summary in the same sense.
    Summary,
    /// The same address.
    Link,
}

/// One index row of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What is equal.
    pub kind: KeyKind,
    /// A 64-bit hash of it.
    pub hash: i64,
}

/// What of an article counts for its place.
#[derive(Clone, Copy, Debug)]
pub struct Traits<'a> {
    /// The canonical address, else the entry's link.
    pub link: Option<&'a str>,
    /// The title.
    pub title: &'a str,
    /// The text, or the summary of an article whose page was not read.
    pub text: &'a str,
    /// True when the page was read.
    pub full: bool,
}

/// A story that shares a key with an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The story.
    pub story: i64,
    /// What is shared.
    pub kind: KeyKind,
    /// Who put it there.
    pub by: By,
    /// The title of the article that put it there.
    pub title: String,
    /// Its text, or its summary.
    pub text: String,
    /// Whether that was the page's.
    pub full: bool,
}

/// Which entry put a key there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The article's own.
    Itself,
    /// Another one of its feed.
    Feed,
    /// One of another feed, with the same address or on the same site.
    Site,
    /// One of another site.
    Other,
}

/// Where the article stood before, if it was read before.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// Its story.
    pub story: i64,
    /// Its text then.
    pub text: &'a str,
    /// Whether that was the page's.
    pub full: bool,
}

/// Texts shorter than this (letters and digits) say too little to be one story by themselves.
const TELLING: usize = 120;

/// The keys of an article, at most one of each kind.
pub fn keys(article: &Traits<'_>) -> Vec<Key> {
    let mut keys = Vec::with_capacity(3);
    let text = normal(article.text);
    let title = normal(article.title);
    if article.full && text.len() >= TELLING {
        keys.push(key(KeyKind::Text, &text));
    }
    if !article.full && title.len() + text.len() >= TELLING {
        keys.push(key(KeyKind::Summary, &format!("{title}\n{text}")));
    }
    if let Some(link) = article.link.and_then(canonical) {
        keys.push(key(KeyKind::Link, &link));
    }
    keys
}

/// The story that the article belongs to; none: it opens a new one.
pub fn place(article: &Traits<'_>, before: Option<&Before<'_>>, candidates: &[Candidate]) -> Option<i64> {
    let by = |kind| candidates.iter().find(|c| c.kind == kind && joins(article, c)).map(|c| c.story);
    let by_text = by(KeyKind::Text);
    match before {
        // Nothing new was read: a page that was read is not replaced by its summary.
        Some(old) if old.full && !article.full => Some(old.story),
        Some(old) if old.full => by_text.or_else(|| near(old.text, article.text).then_some(old.story)),
        Some(old) if article.full => {
            by_text.or_else(|| (!misled(article, old, candidates)).then_some(old.story))
        }
        Some(old) => near(old.text, article.text).then_some(old.story).or_else(|| by(KeyKind::Summary)),
        None => by_text.or_else(|| by(KeyKind::Summary)).or_else(|| by(KeyKind::Link)),
    }
}

/// A key says that something is equal, which need not be the news.
fn joins(article: &Traits<'_>, candidate: &Candidate) -> bool {
    let same_title = || normal(article.title) == normal(&candidate.title);
    match candidate.kind {
        KeyKind::Summary => true,
        // What a site says on each of its pages, in place of a text that could not be found.
        KeyKind::Text => {
            matches!(candidate.by, By::Itself | By::Other) || near(article.title, &candidate.title)
        }
        // Another site names the original of its reprint or translation.
        KeyKind::Link if candidate.by == By::Other => true,
        // A home page, a live page, a review of every day: one address, and each time something else.
        KeyKind::Link if article.full && candidate.full => near(article.text, &candidate.text),
        KeyKind::Link if candidate.by != By::Feed => true,
        KeyKind::Link => {
            same_title() && (article.full || candidate.full || near(article.text, &candidate.text))
        }
    }
}

/// True when a summary was led to its story by its address alone, and its page says something else.
fn misled(article: &Traits<'_>, old: &Before<'_>, candidates: &[Candidate]) -> bool {
    candidates.iter().any(|c| {
        c.kind == KeyKind::Link && c.by != By::Itself && c.story == old.story && c.full && !joins(article, c)
    })
}

/// True when two texts say the same but for an edit: half of their runs of five letters are shared.
/// Letters, not words, so that it holds for languages that write without spaces.
pub fn near(a: &str, b: &str) -> bool {
    let (a, b) = (shingles(a), shingles(b));
    let shared = a.intersection(&b).count();
    shared * 2 >= a.len().max(b.len())
}

fn shingles(text: &str) -> HashSet<u64> {
    let letters: Vec<char> = normal(text).chars().collect();
    let run = letters.len().clamp(1, 5);
    letters.windows(run).map(|run| xxh3_64(String::from_iter(run).as_bytes())).collect()
}

/// Letters and digits only, in lower case.
fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            normal.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            normal.extend(c.to_lowercase());
        }
    }
    normal
}

fn key(kind: KeyKind, text: &str) -> Key {
    Key { kind, hash: xxh3_64_with_seed(text.as_bytes(), kind as u64).cast_signed() }
}

/// Query parameters that say where a reader came from, not what is read.
const TRACKING: [&str; 9] =
    ["fbclid", "gclid", "yclid", "dclid", "mc_cid", "mc_eid", "igshid", "ref_src", "cmpid"];

/// An address without what does not change the page: scheme, `www.`, fragment, tracking parameters, a
/// final slash. None for a home page, which is no article.
pub fn canonical(link: &str) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let path = url.path().trim_end_matches('/');
    let mut query: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("utm_") && !TRACKING.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    query.sort();
    if path.is_empty() && query.is_empty() {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut address = format!("{host}{port}{path}?");
    for (name, value) in query {
        address.extend(["&", &name, "=", &value]);
    }
    Some(address)
}

/// The site of an address; none where it names a machine by number, on which several sites may live.
pub fn site(link: &str) -> Option<String> {
    let url = Url::parse(link).ok()?;
    let host = url.domain()?;
    Some(host.strip_prefix("www.").unwrap_or(host).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "The ministers of five countries met on Tuesday in the old town to speak about rail tariffs, \
        and agreed that freight between the two seas shall cost a tenth less from the first day of spring.";

    fn full(title: &'static str, text: &'static str) -> Traits<'static> {
        Traits { link: Some("https://a.example/1"), title, text, full: true }
    }

    fn candidate(story: i64, kind: KeyKind) -> Candidate {
        let (title, text) = ("Ministers meet".to_owned(), LONG.to_owned());
        Candidate { story, kind, by: By::Other, title, text, full: true }
    }

    #[test]
    fn equal_texts_share_a_key_whatever_their_dress() {
        let other = format!("  {}  ", LONG.to_uppercase().replace(", ", " \u{2014} "));
        let other = Traits { link: Some("https://b.example/x"), title: "Other", text: &other, full: true };
        assert_eq!(keys(&full("Ministers meet", LONG))[0], keys(&other)[0]);
    }

    #[test]
    fn short_texts_have_no_key_of_their_own() {
        for text in ["", "Please enable JavaScript.", "Video"] {
            let keys = keys(&full("Ministers meet", text));
            assert!(keys.iter().all(|key| key.kind == KeyKind::Link), "{text:?}");
        }
    }

    #[test]
    fn addresses_that_lead_to_one_page_are_one() {
        let same = [
            "https://a.example/news/1",
            "http://www.a.example/news/1/",
            "https://a.example/news/1?utm_source=rss&fbclid=x#top",
        ];
        for link in same {
            assert_eq!(canonical(link), canonical(same[0]), "{link}");
        }
        assert_ne!(canonical("https://a.example/news?id=1"), canonical("https://a.example/news?id=2"));
        assert_eq!(canonical("https://a.example/?id=2&b=1"), canonical("https://a.example/?b=1&id=2"));
        for home in
            ["https://a.example/", "https://a.example", "https://a.example/?utm_medium=rss", "mailto:x@y"]
        {
            assert_eq!(canonical(home), None, "{home}");
        }
    }

    #[test]
    fn where_an_article_goes() {
        let text = full("Ministers meet", LONG);
        let summary = Traits { full: false, ..text };
        let other = full(
            "Other",
            "Wheat was brought in two weeks early this year, and the silos of the north are full to the brim, farmers say.",
        );
        let was = |full| Before { story: 1, text: LONG, full };
        let (by_text, by_link) = (candidate(2, KeyKind::Text), candidate(3, KeyKind::Link));
        let own_feed = Candidate { by: By::Feed, ..by_link.clone() };
        let site = Candidate { by: By::Site, ..by_text.clone() };
        let daily = Candidate { text: "What the papers said on Monday.".to_owned(), ..own_feed.clone() };
        let daily_summary = Candidate { full: false, ..daily.clone() };
        let new_headline = full("Ministers meet again", LONG);
        let same_on_each = full("Wheat is in", LONG);
        let misled_to = Candidate { by: By::Site, ..candidate(1, KeyKind::Link) };
        let original = candidate(4, KeyKind::Link);
        let live = Traits { title: "Another item of the live page", ..summary };
        let cases = [
            ("nothing like it", &text, None, vec![], None),
            ("its text is known", &text, None, vec![by_link.clone(), by_text.clone()], Some(2)),
            ("its text is known, and its title, on its site", &text, None, vec![site.clone()], Some(2)),
            ("a headline that was edited", &new_headline, None, vec![site.clone()], Some(2)),
            ("what a site says on every page", &same_on_each, None, vec![site], None),
            ("one address, each day another page", &text, None, vec![daily], None),
            ("one address, each day another summary", &summary, None, vec![daily_summary], None),
            ("its address is known", &summary, None, vec![by_link.clone()], Some(3)),
            ("one feed, one address, one title", &summary, None, vec![own_feed.clone()], Some(3)),
            ("one feed, one address, other titles", &live, None, vec![own_feed], None),
            ("another site names its original", &other, None, vec![original], Some(4)),
            ("the page came and was misled", &other, Some(was(false)), vec![misled_to], None),
            ("the page came and is known", &text, Some(was(false)), vec![by_text.clone()], Some(2)),
            ("the page came and is new", &text, Some(was(false)), vec![by_link.clone()], Some(1)),
            ("an edit near the old text", &text, Some(was(true)), vec![], Some(1)),
            ("an edit that says something else", &other, Some(was(true)), vec![by_link], None),
            ("the page can no longer be read", &summary, Some(was(true)), vec![], Some(1)),
        ];
        for (name, article, before, candidates, story) in cases {
            assert_eq!(place(article, before.as_ref(), &candidates), story, "{name}");
        }
    }

    #[test]
    fn nearness() {
        let edited = LONG.replace("Tuesday", "Wednesday").replace("a tenth", "a fifth");
        assert!(near(LONG, &edited));
        assert!(near("各国部长星期二在古城会晤讨论铁路运费", "各国部长星期三在古城会晤讨论铁路运费问题"));
        assert!(near("", ""));
        assert!(!near(LONG, "Wheat was brought in two weeks early this year."));
        assert!(!near(LONG, ""));
    }
}
