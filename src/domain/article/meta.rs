//! What the head of a page and its attributes say of the article: language, canonical address, date.

use std::collections::HashMap;

use url::{Host, Url};

use super::dates::{self, Written};
use super::linked::Linked;
use super::names::Names;
use crate::domain::html::tree::{Page, squeeze};

/// The `<meta>` tags by name, property or itemprop, lower case; each with all its values in order.
#[derive(Debug, Default)]
pub(super) struct Tags(HashMap<String, Vec<String>>);

impl Tags {
    /// Reads the tags of a page.
    pub fn read(page: &Page<'_>) -> Self {
        let mut tags = Self::default();
        for node in page.elements(0..page.nodes.len()).filter(|node| page.tag(*node) == "meta").take(500) {
            let Some(content) = page.attr(node, "content").or_else(|| page.attr(node, "value")) else {
                continue;
            };
            let content = squeeze(content);
            for key in ["property", "name", "itemprop", "http-equiv"] {
                if let Some(name) = page.attr(node, key)
                    && !content.is_empty()
                {
                    tags.0.entry(name.trim().to_lowercase()).or_default().push(content.clone());
                }
            }
        }
        tags
    }

    /// The first value of the first of these names that has one.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)?.first().map(String::as_str))
    }

    /// All values of one name.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The language of a page as a lower-case code of two or three letters; none when the letters of the
/// text contradict it, as with a template that was never translated.
pub(super) fn language(page: &Page<'_>, tags: &Tags, linked: &Linked, text: &str) -> Option<String> {
    let html =
        page.first("html").and_then(|node| page.attr(node, "lang").or_else(|| page.attr(node, "xml:lang")));
    let rest = [
        tags.first(&["content-language", "language", "dc.language"]),
        linked.language.as_deref(),
        tags.first(&["og:locale"]),
    ];
    std::iter::once(html).chain(rest).flatten().filter_map(code).find(|code| fits(code, text))
}

fn code(written: &str) -> Option<String> {
    let code = written.trim().split(['-', '_', ',', ' ']).next()?.to_lowercase();
    let known =
        (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase()) && code != "und";
    known.then_some(code)
}

/// Whether a text can be in this language, judged by its letters alone.
fn fits(code: &str, text: &str) -> bool {
    let (mut latin, mut cyrillic, mut other) = (0_usize, 0_usize, 0_usize);
    for c in text.chars().take(2000).filter(|c| c.is_alphabetic()) {
        match c {
            '\u{41}'..='\u{24f}' => latin += 1,
            '\u{400}'..='\u{52f}' => cyrillic += 1,
            _ => other += 1,
        }
    }
    let most = latin.max(cyrillic).max(other);
    match code {
        _ if most < 100 => true,
        "en" | "de" | "fr" | "es" | "it" | "pt" | "nl" | "pl" | "tr" | "hu" | "cs" | "sv" | "fi" | "ro"
        | "da" | "no" => latin == most,
        "ru" | "uk" | "be" | "bg" | "ky" | "tg" | "mn" => cyrillic == most,
        "ar" | "fa" | "zh" | "ja" | "ko" | "el" | "he" | "ka" | "hy" | "th" | "hi" => other == most,
        _ => true,
    }
}

/// The address the page calls its own: on the same site, and never a home page.
pub(super) fn canonical(page: &Page<'_>, tags: &Tags, url: &Url) -> Option<String> {
    let link = page.elements(0..page.nodes.len()).find(|node| {
        page.tag(*node) == "link"
            && page.attr(*node, "rel").is_some_and(|rel| rel.trim().eq_ignore_ascii_case("canonical"))
    });
    let written = [link.and_then(|node| page.attr(node, "href")), tags.first(&["og:url"])];
    written.into_iter().flatten().find_map(|href| {
        let mut found = url.join(href.trim()).ok()?;
        found.set_fragment(None);
        (found.as_str().len() <= 2048 && same_site(&found, url) && !is_home(&found)).then(|| found.into())
    })
}

/// Whether two addresses lie on one site: one registrable name, as far as that can be told without a list.
fn same_site(a: &Url, b: &Url) -> bool {
    if !matches!(a.scheme(), "http" | "https") || !a.username().is_empty() || a.password().is_some() {
        return false;
    }
    match (a.host(), b.host()) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => site(a) == site(b),
        (a, b) => a.is_some() && a == b,
    }
}

/// The last two labels, or three under a second level such as `co.uk` or `com.tr`.
fn site(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').rsplit('.').collect();
    let second = [
        "co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "info", "web", "k12", "gen", "press", "go",
    ];
    let keep = if labels.len() > 2 && labels[0].len() == 2 && second.contains(&labels[1]) { 3 } else { 2 };
    labels.into_iter().take(keep).collect::<Vec<_>>().join(".")
}

/// A front page: nothing in the path but a language or an index file.
pub(super) fn is_home(url: &Url) -> bool {
    let mut parts = url.path().split('/').filter(|part| !part.is_empty());
    let first = parts.next();
    let home = match first {
        None => true,
        Some(part) => {
            let part = part.to_ascii_lowercase();
            parts.next().is_none()
                && (part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic())
                    || ["index", "home", "default", "main"]
                        .iter()
                        .any(|name| part == *name || part.starts_with(&format!("{name}."))))
        }
    };
    home && url.query().is_none_or(str::is_empty)
}

/// When the article was published, from the most to the least explicit source.
pub(super) fn published(
    page: &Page<'_>,
    tags: &Tags,
    linked: &Linked,
    left_out: &[bool],
    url: &Url,
) -> Option<Written> {
    let explicit = [
        "article:published_time",
        "og:published_time",
        "og:article:published_time",
        "datepublished",
        "article:published",
        "parsely-pub-date",
        "sailthru.date",
        "publish-date",
        "publishdate",
        "publish_date",
        "published_time",
        "pubdate",
        "cxenseparse:recs:publishtime",
        "dc.date.issued",
        "dcterms.created",
        "dc.date.created",
        "dc.date",
        "dcterms.date",
        "citation_publication_date",
        "citation_date",
        "datecreated",
        "date",
        "article.published",
        "article_date_original",
        "og:pubdate",
        "timestamp",
        "originalpublicationdate",
        "rnews:datepublished",
        "article:post_date",
        "published-date",
        "published",
        "lastmodified_date",
    ];
    let from_tags = || explicit.iter().find_map(|name| dates::parse(tags.first(&[name])?));
    linked
        .published
        .as_deref()
        .and_then(dates::parse)
        .or_else(from_tags)
        .or_else(|| marked(page, left_out))
        .or_else(|| dates::in_path(url.path()))
        .or_else(|| visible(page, left_out))
}

/// `itemprop=datePublished` and `<time>`, where the markup is not about a comment or another article.
fn marked(page: &Page<'_>, left_out: &[bool]) -> Option<Written> {
    let value = |node: usize| {
        let attribute =
            ["content", "datetime", "title"].iter().find_map(|name| dates::parse(page.attr(node, name)?));
        attribute.or_else(|| dates::parse(&page.text(node)))
    };
    let all = || page.elements(0..page.nodes.len()).filter(|node| !foreign(page, *node));
    let prop = |node: &usize| page.attr(*node, "itemprop").is_some_and(|prop| prop.contains("datePublished"));
    let class =
        |node: &usize| Names::of(page, *node).any(&["published", "dtpublished"]) && is_small(page, *node);
    let pubdate = |node: &usize| page.tag(*node) == "time" && page.attr(*node, "pubdate").is_some();
    let h1 = page.first("h1").unwrap_or(0);
    let times: Vec<usize> = all()
        .filter(|node| page.tag(*node) == "time" && !Names::of(page, *node).any(&["updated", "modified"]))
        .collect();
    // The time nearest to the headline: a ticker above and the teasers below have times too.
    let nearest = || {
        let mut times: Vec<usize> = times.iter().copied().filter(|node| !left_out[*node]).collect();
        times.sort_by_key(|node| if *node > h1 { node - h1 } else { (h1 - node) * 3 });
        times.into_iter().find_map(value)
    };
    all()
        .filter(prop)
        .find_map(value)
        .or_else(|| all().filter(pubdate).find_map(value))
        .or_else(|| all().filter(class).find_map(value))
        .or_else(nearest)
}

fn is_small(page: &Page<'_>, node: usize) -> bool {
    page.range(node).len() < 12
}

/// Inside comments or a list of other articles.
pub(super) fn foreign(page: &Page<'_>, node: usize) -> bool {
    page.ancestors(node).take(12).any(|up| {
        let names = Names::of(page, up);
        page.tag(up) == "footer" && !page.ancestors(up).any(|up| page.tag(up) == "article")
            || names.comments() && !matches!(page.tag(up), "body" | "html" | "article")
            || names.any(&["related", "sidebar", "recommended", "popular", "teaser"])
    })
}

/// A date in words: in an element that is named for it, else in a short line after the headline.
fn visible(page: &Page<'_>, left_out: &[bool]) -> Option<Written> {
    let words = [
        "date",
        "time",
        "published",
        "datetime",
        "dateline",
        "tarih",
        "fecha",
        "datum",
        "data",
        "meta",
        "byline",
        "info",
        "timestamp",
        "postmeta",
    ];
    let named = page
        .elements(0..page.nodes.len())
        .filter(|node| is_small(page, *node) && Names::of(page, *node).any(&words) && !foreign(page, *node))
        .take(20)
        .find_map(|node| dates::find(&page.text(node)));
    named.or_else(|| {
        let h1 = page.first("h1").or_else(|| page.first("h2"))?;
        let after = h1..page.nodes.len().min(h1 + 120);
        after.filter(|at| !left_out[*at]).find_map(|at| {
            let text = page.nodes[at].text.filter(|text| text.len() < 120)?;
            dates::find(text)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::html::tree::parse;

    #[test]
    fn a_canonical_address_is_on_the_site_and_no_home_page() {
        let cases = [
            ("https://www.a.example/2026/bells", Some("https://www.a.example/2026/bells")),
            ("/2026/bells#top", Some("https://m.a.example/2026/bells")),
            ("https://a.example/?p=7", Some("https://a.example/?p=7")),
            ("https://a.example/", None),
            ("https://a.example/az/", None),
            ("https://a.example/index.php", None),
            ("https://b.example/2026/bells", None),
            ("javascript:alert(1)", None),
            ("ftp://a.example/x", None),
            ("https://user:pw@a.example/x", None),
        ];
        let url = Url::parse("https://m.a.example/2026/bells?utm_source=x").expect("a URL");
        for (href, expected) in cases {
            let html = format!("<link rel=canonical href='{href}'>");
            let (tree, _) = parse(&html);
            assert_eq!(canonical(&Page::new(&tree), &Tags::default(), &url).as_deref(), expected, "{href}");
        }
    }

    #[test]
    fn sites_end_before_the_public_suffix() {
        for (host, expected) in [
            ("www.bbc.co.uk", "uk.co.bbc"),
            ("m.haber.com.tr", "tr.com.haber"),
            ("kaz.inform.kz", "kz.inform"),
            ("a", "a"),
        ] {
            assert_eq!(site(host), expected);
        }
    }

    #[test]
    fn languages_are_short_codes_that_fit_the_letters() {
        let russian = "Президенты договорились о строительстве железной дороги через перевал. ".repeat(3);
        let cases = [
            ("<html lang=tr-TR>", "", Some("tr")),
            ("<html lang=en>", russian.as_str(), None),
            ("<html lang=kk>", russian.as_str(), Some("kk")),
            ("<html lang=''><meta property=og:locale content=az_AZ>", "", Some("az")),
            ("<html lang=english>", "", None),
        ];
        for (html, text, expected) in cases {
            let (tree, _) = parse(html);
            let page = Page::new(&tree);
            let found = language(&page, &Tags::read(&page), &Linked::default(), text);
            assert_eq!(found.as_deref(), expected, "{html}");
        }
    }
}
