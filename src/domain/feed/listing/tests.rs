//! What selectors find, and what is said of those that find nothing.

use super::*;
use crate::domain::feed::{self, FeedError, Kind, Reading};

const CARDS: &str = include_str!("../../../../tests/data/sources/cards.html");

fn css(text: &str) -> Css {
    text.parse().unwrap()
}

fn selectors(item: &str, inner: [&str; 4]) -> Selectors {
    let [link, title, date, summary] = inner.map(|text| (!text.is_empty()).then(|| css(text)));
    Selectors { item: css(item), link, title, date, summary }
}

fn read(body: &str, selectors: Selectors) -> Result<Document, FeedError> {
    let url = Url::parse("https://valley.example/latest").unwrap();
    match feed::read(&Kind::Page(selectors.into()), body.as_bytes(), None, Some(&url))? {
        Reading::Document(document) => Ok(document),
        Reading::Index(parts) => panic!("{parts:?}"),
    }
}

fn told(document: &Document) -> Vec<(&str, &str)> {
    let link = |entry: &'_ Entry| -> &str { Box::leak(entry.link.clone().unwrap().into_boxed_str()) };
    document.entries.iter().map(|entry| (link(entry), entry.title.as_str())).collect()
}

#[test]
fn entries_come_in_the_order_of_the_page_each_link_once() {
    let document = read(CARDS, selectors("article.card", ["", "", "time, .when", ".lead"])).unwrap();
    assert_eq!(
        told(&document),
        [
            ("https://valley.example/news/bridge.html", "Bridge opens after six years"),
            ("https://valley.example/news/mill.html", "The mill's new wheel"),
            ("https://partner.example/weavers", "Weavers sell abroad"),
        ]
    );
    let first = &document.entries[0];
    assert_eq!(first.published, dates::parse("2027-01-15T02:30:00Z"), "what is told to machines counts");
    assert_eq!(document.entries[1].published, dates::parse("2027-01-14"));
    assert_eq!(document.entries[2].published, None);
    assert_eq!(first.summary, "The ferry rests from Monday.");
    assert_eq!((first.id.as_str(), first.language.as_deref()), (told(&document)[0].0, Some("en-gb")));
    assert_eq!(document.title.as_deref(), Some("News – The Valley Courier"));
    let tally = Tally { items: 6, links: 4, titles: 6, dates: 2, summaries: 1 };
    assert_eq!(document.tally, Some(tally));
}

#[test]
fn an_item_may_be_the_link_itself() {
    let page = "<ul><li><a href=/1 class=n>One</a> <a href=/2 class=n>Two</a></li></ul><a href=/3>Menu</a>";
    let expected = [("https://valley.example/1", "One"), ("https://valley.example/2", "Two")];
    assert_eq!(told(&read(page, Selectors::new(css("a.n"))).unwrap()), expected);
    assert_eq!(told(&read(page, selectors("a.n", ["a", "a", "", ""])).unwrap()), expected);
    let scoped = selectors("li", [":scope > a + a", ":scope > a + a", "", ""]);
    assert_eq!(told(&read(page, scoped).unwrap()), expected[1..]);
}

#[test]
fn what_one_place_lacks_another_with_its_link_has() {
    let page = "<div class=i><a href=/1><img></a></div><div class=i><a href=/1>One</a> <time>2027-01-15</time></div>";
    let document = read(page, Selectors::new(css(".i"))).unwrap();
    assert_eq!(told(&document), [("https://valley.example/1", "One")]);
    assert_eq!(document.entries[0].published, dates::parse("2027-01-15"));
}

#[test]
fn a_selector_that_finds_nothing_is_named() {
    for (item, inner, said) in [
        ("article.kard", ["", "", "", ""], "the selector `article.kard` matches nothing"),
        (
            "article.card",
            ["a.more", "", "", ""],
            "the selector `a.more` finds no link in any of the 6 places that item matches",
        ),
        (
            "article.card",
            ["", "h5", "", ""],
            "the selector `h5` finds no title in any of the 6 places that item matches",
        ),
        ("time", ["", "", "", ""], "there is no link in any of the 1 places that item matches"),
    ] {
        let error = read(CARDS, selectors(item, inner)).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    let FeedError::Unmatched(unmatched) = read(CARDS, Selectors::new(css("article.kard"))).unwrap_err()
    else {
        panic!("unmatched");
    };
    assert_eq!(
        Unmatched { before: Some(24), ..unmatched }.to_string(),
        "the selector `article.kard` matches nothing any longer (it matched 24 before)"
    );
    assert!(
        read(CARDS, selectors("article.card", ["", "", ".never", ".never"])).is_ok(),
        "dates may be missing"
    );
}

#[test]
fn what_is_no_page_says_what_it_is_and_what_to_write() {
    for (body, said) in [
        (
            "<?xml version='1.0'?><rss version='2.0'/>",
            "this is a feed, not a web page; take `kind` out of its [[source]]",
        ),
        (
            "<urlset/>",
            "this is a sitemap, not a web page; write kind = \"sitemap\" instead, and take its selectors out",
        ),
        (
            " {\"version\": \"https://jsonfeed.org/version/1\"}",
            "this is JSON, not a web page; take `kind` out of its [[source]]",
        ),
        ("", "this is an empty answer, not a web page"),
    ] {
        assert_eq!(read(body, Selectors::new(css("a"))).unwrap_err().to_string(), said);
    }
}

#[test]
fn a_selector_that_is_none_says_why() {
    for (text, said) in [
        ("", "it is empty"),
        ("//div[@class='card']", "this is XPath; a CSS selector is like article.card or ul > li"),
        ("article >", "something is missing before or after a space, >, + or ~"),
        ("article.", "something is missing in it"),
        ("h2, , h3", "something is missing in it"),
        ("li:first-child a:contains('x')", "`:contains` is not known"),
        ("p::first-line", "`:first-line` is not known"),
        ("a[=x]", "what stands in [ ] is no attribute; write [name] or [name=\"value\"]"),
        ("svg|a", "it has a namespace; write the name of the element alone"),
        ("a.1", "it is not understood"),
    ] {
        assert_eq!(text.parse::<Css>().map_err(|error| error.to_string()), Err(said.to_owned()), "{text}");
    }
    for good in ["article.card", "ul > li:has(a)", "main :is(h2, h3) a[href^='/news/']", "li:nth-child(2n+1)"]
    {
        assert_eq!(css(good).to_string(), good);
    }
}

#[test]
fn hostile_pages_cost_little() {
    let deep = format!("{}<a href=/1>One</a>", "<div>".repeat(10_000));
    let wide = "<div><a href=/1>One</a></div>".repeat(10_000);
    let nested = format!("{}{}", "<div><a href=/1>One</a>".repeat(100), "<b>x</b>".repeat(1_000));
    for page in [deep, wide, nested] {
        let _ = read(&page, selectors("div", ["a", "a, b", "b", "div, b"]));
    }
}

#[test]
fn no_beginning_of_a_page_panics() {
    for at in 0..CARDS.len() {
        let _ = read(&CARDS[..CARDS.floor_char_boundary(at)], Selectors::new(css("article.card")));
        let _ = read(&CARDS[CARDS.floor_char_boundary(at)..], Selectors::new(css("article.card")));
    }
}
