//! Addresses and pages, and what lies behind them.

use std::time::{Duration, Instant};

use super::*;
use crate::domain::feed::{Document, Entry};
use crate::time::{DAY, HOUR, Timestamp};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

const HOME: &str = "https://outlet.example/";

/// What a page offers: the address of each feed, with its title where it has one, and `(comments)`.
fn shown(html: &str, at: &str) -> Vec<String> {
    let show = |lead: &Lead| {
        let title = lead.title.as_ref().map(|title| format!(" {title}")).unwrap_or_default();
        format!("{}{title}{}", lead.url, if lead.is_comments { " (comments)" } else { "" })
    };
    offered(html, &url(at)).leads.iter().map(show).collect()
}

#[track_caller]
fn check(html: &str, expected: &[&str]) {
    assert_eq!(shown(html, HOME), expected, "{html}");
}

#[test]
fn a_page_names_its_feeds_in_its_head() {
    check(
        "<head><link rel=alternate type=application/rss+xml title='Main &amp; all' href=/rss>\
         <LINK REL='Alternate' TYPE='application/atom+xml; charset=utf-8' HREF='atom.xml'></head>",
        &["https://outlet.example/rss Main & all", "https://outlet.example/atom.xml"],
    );
    check("<link rel=alternate type=application/feed+json href=//cdn.example/x>", &["https://cdn.example/x"]);
    check(
        "<base href=https://b.example/x/><link rel=alternate type=text/xml href=rss.php>",
        &["https://b.example/x/rss.php"],
    );
    check(
        "<link rel=feed href=/news.rss><link rel=alternate href='feed:https://a.example/f.xml' type=text/rss>",
        &["https://outlet.example/news.rss", "https://a.example/f.xml"],
    );
    // Named as an alternate, and no feed.
    for html in [
        "<link rel=alternate hreflang=en href=/en/>",
        "<link rel=alternate hreflang=en href=/en/rss-guide>",
        "<link rel='alternate stylesheet' type=application/rss+xml href=/x.css>",
        "<link rel=alternate type=application/json+oembed href=/oembed?format=feed>",
        "<link rel=alternate type=application/json href=/wp-json/wp/v2/pages/2>",
        "<link rel=alternate type=application/rss+xml href=javascript:void(0)>",
        "<link rel=alternate type=application/rss+xml href=''>",
        "<link rel=alternate type=application/rss+xml>",
        "<link rel=stylesheet href=/feed.css>",
        "<script>document.write('<link rel=alternate type=application/rss+xml href=/x>')</script>",
    ] {
        check(html, &[]);
    }
}

#[test]
fn feeds_of_comments_come_last() {
    check(
        "<link rel=alternate type=application/rss+xml title='Outlet &raquo; Comments' href=/comments/feed/>\
         <link rel=alternate type=application/rss+xml title='Сайт: комментарии' href=/x>\
         <link rel=alternate type=application/rss+xml title=Outlet href=/feed/><a href=/rss/sport>Sport</a>",
        &[
            "https://outlet.example/feed/ Outlet",
            "https://outlet.example/rss/sport Sport",
            "https://outlet.example/comments/feed/ Outlet » Comments (comments)",
            "https://outlet.example/x Сайт: комментарии (comments)",
        ],
    );
}

#[test]
fn comments_are_told_by_the_end_of_a_long_title() {
    let title = format!("Outlet » {} Comments Feed", "a long headline ".repeat(20));
    let html = format!("<link rel=alternate type=application/rss+xml title='{title}' href=/2026/x/feed/>");
    assert!(offered(&html, &url("https://outlet.example/2026/x/")).leads[0].is_comments);
}

#[test]
fn the_feed_of_a_section_comes_before_that_of_the_site() {
    let html = "<link rel=alternate type=application/rss+xml href=/feed/>\
                <link rel=alternate type=application/rss+xml href=/world/asia/feed/>";
    let section = ["https://outlet.example/world/asia/feed/", "https://outlet.example/feed/"];
    assert_eq!(shown(html, "https://outlet.example/world/asia"), section);
    assert_eq!(
        shown(html, HOME),
        ["https://outlet.example/feed/", "https://outlet.example/world/asia/feed/"]
    );
}

#[test]
fn links_that_sound_like_feeds_are_leads() {
    for href in [
        "/rss",
        "/rss/",
        "/feed",
        "/feed/",
        "/kz/rss",
        "/rss.xml",
        "/news.rss",
        "/x.rdf",
        "/rss/all.xml",
        "/feeds/posts/default",
        "/?feed=rss2",
        "/index.php?format=feed&type=rss",
        "/rss_news/all.xml",
        "/rss2",
        "/export/rss20.xml",
        "/rssfeed.aspx",
        "//feeds.feedburner.com/outlet",
        "https://feeds.outlet.example/main",
        "https://www.outlet.example/atom.xml",
    ] {
        assert_eq!(shown(&format!("<a href='{href}'>RSS</a>"), HOME).len(), 1, "{href}");
    }
    for href in [
        "/feedback",
        "/press",
        "/news/across-the-river",
        "/img/rss.png",
        "/rss.css",
        "/atomic-energy",
        "/crossing/",
        "https://www.facebook.com/dialog/feed?link=x",
        "https://feedly.com/i/subscription/feed/https://outlet.example/rss",
        "/news/1.html?ref=rss",
        "/news/1.html?partner=rss&emc=rss",
        "https://elsewhere.example/rss",
        "mailto:rss@outlet.example",
        "#rss",
        "/",
    ] {
        check(&format!("<a href='{href}'>RSS</a>"), &[]);
    }
    // One place is one lead, by the best way it was found.
    let html =
        "<a href=/rss/>News by RSS</a><link rel=alternate type=application/rss+xml title=Main href=/rss>";
    check(html, &["https://outlet.example/rss/ News by RSS"]);
}

#[test]
fn a_page_tells_its_title_language_and_system() {
    let html = "<html lang=kk-KZ><title>Жаңалықтар </title><meta name=Generator content='WordPress 6.9'>";
    let offer = offered(html, &url(HOME));
    assert_eq!((offer.title.as_deref(), offer.language.as_deref()), (Some("Жаңалықтар"), Some("kk")));
    assert_eq!(offer.usual, ["feed/", "?feed=rss2"]);
    assert_eq!(offered("<img src=/wp-content/x.png>", &url(HOME)).usual, ["feed/", "?feed=rss2"]);
    assert_eq!(offered("<meta name=generator content='Hugo 0.140'>", &url(HOME)).usual, ["index.xml"]);
    assert_eq!(offered("plain text", &url(HOME)), Offer::default());
}

#[test]
fn known_sites_have_their_feeds_by_rule() {
    let cases: [(&str, &[&str]); 24] = [
        (
            "https://www.youtube.com/channel/UCabc-123/videos",
            &["https://www.youtube.com/feeds/videos.xml?channel_id=UCabc-123"],
        ),
        ("https://m.youtube.com/user/outlet", &["https://www.youtube.com/feeds/videos.xml?user=outlet"]),
        (
            "https://youtube.com/playlist?list=PLabc",
            &["https://www.youtube.com/feeds/videos.xml?playlist_id=PLabc"],
        ),
        ("https://www.youtube.com/@outlet", &[]),
        ("https://www.youtube.com/feeds/videos.xml?channel_id=UCabc", &[]),
        (
            "https://github.com/who/what",
            &[
                "https://github.com/who/what/releases.atom",
                "https://github.com/who/what/tags.atom",
                "https://github.com/who/what/commits.atom",
            ],
        ),
        ("https://github.com/who/what/releases", &["https://github.com/who/what/releases.atom"]),
        ("https://github.com/who/what/tags", &["https://github.com/who/what/tags.atom"]),
        ("https://github.com/who/what/commits/main", &["https://github.com/who/what/commits/main.atom"]),
        ("https://github.com/who", &["https://github.com/who.atom"]),
        ("https://github.com/topics/rust", &[]),
        ("https://www.reddit.com/r/Kazakhstan/", &["https://www.reddit.com/r/Kazakhstan/.rss"]),
        ("https://old.reddit.com/u/somebody", &["https://www.reddit.com/user/somebody/.rss"]),
        ("https://outlet.blogspot.com/2026/11/x.html", &["https://outlet.blogspot.com/feeds/posts/default"]),
        ("https://medium.com/@who/a-story", &["https://medium.com/feed/@who"]),
        ("https://outlet.medium.com/x", &["https://outlet.medium.com/feed"]),
        ("https://outlet.substack.com/p/x", &["https://outlet.substack.com/feed"]),
        ("https://social.example/@who", &["https://social.example/@who.rss"]),
        ("https://social.example/@who/123", &[]),
        ("https://news.google.com/search?q=OTS&hl=en", &["https://news.google.com/rss/search?q=OTS&hl=en"]),
        ("https://news.google.com/rss/search?q=OTS", &[]),
        ("https://news.google.com/", &["https://news.google.com/rss/"]),
        ("https://bsky.app/profile/who.example", &["https://bsky.app/profile/who.example/rss"]),
        (HOME, &[]),
    ];
    for (page, feeds) in cases {
        let found: Vec<String> = known(&url(page)).into_iter().map(|lead| lead.url.into()).collect();
        assert_eq!(found, feeds, "{page}");
    }
}

#[test]
fn the_channel_of_a_handle_is_in_its_page() {
    let html = "<script>var data = {\"externalId\":\"UCabcdefghijklmnopqrstuv\",\"x\":1}</script>";
    let feed = "https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv";
    assert_eq!(shown(html, "https://www.youtube.com/@outlet"), [feed]);
    assert_eq!(shown(html, HOME), [""; 0], "only there");
    assert_eq!(
        shown("<script>{\"externalId\":\"<b>\"}</script>", "https://www.youtube.com/@outlet"),
        [""; 0]
    );
}

#[test]
fn usual_places_are_below_the_page_and_at_the_root() {
    let paths = |page: &str, system| {
        usual(&url(page), system).iter().map(|lead| lead.url.as_str().replace(HOME, "")).collect::<Vec<_>>()
    };
    assert_eq!(paths(HOME, &[])[..4], ["feed/", "rss", "rss.xml", "feed.xml"]);
    assert_eq!(
        paths("https://outlet.example/kz/news?page=2", &[])[..3],
        ["kz/news/feed/", "kz/news/rss", "feed/"]
    );
    assert_eq!(paths("https://outlet.example/a/story.html", &["rss.php"])[..2], ["rss.php", "feed/"]);
    let places: HashSet<_> = paths(HOME, &["feed/"]).into_iter().collect();
    assert_eq!(places.len(), paths(HOME, &["feed/"]).len(), "each once");
}

#[test]
fn sitemaps_of_news_come_first() {
    let robots = "User-agent: *\nDisallow: /x\nSitemap: https://outlet.example/sitemap.xml\n sitemap : /news-sitemap.xml \n\
                  Sitemap: ftp://x/\nSitemap: https://outlet.example/sitemap.xml\n";
    let found: Vec<String> = sitemaps(robots, &url(HOME)).into_iter().map(String::from).collect();
    assert_eq!(found, ["https://outlet.example/news-sitemap.xml", "https://outlet.example/sitemap.xml"]);
    assert_eq!(sitemaps("User-agent: *", &url(HOME)).len(), 2, "where they usually are");
}

/// A page with a menu, and around each of these headlines what `item` says: `N` is its number, `T` its text.
fn page_of(item: &str) -> String {
    let headline = |n: &usize| format!("The headline of story {n} about the river");
    let items: String = (1..9)
        .map(|n| item.replace('N', &n.to_string()).replace('T', &headline(&n)))
        .collect::<Vec<_>>()
        .concat();
    let menu = "<li class=menu><a href=/about>About</a></li>".repeat(12);
    let foot =
        "<div class=line><a href=/terms/a>Terms of use and everything of that sort</a></div>".repeat(12);
    format!(
        "<html lang=tr><title>Outlet</title><ul class=top>{menu}</ul><main>{items}</main><footer>{foot}</footer>"
    )
}

#[test]
fn the_list_of_a_page_is_what_repeats_around_its_headlines() {
    let cases = [
        ("<article><a href=/news/N>T</a></article>", "article"),
        (
            "<div class='card post-12345N'><a href=/news/N><img></a><h3><a href=/news/N>T</a></h3></div>",
            "div.card",
        ),
        (
            "<div class=col><div class='news item'><time datetime=2026-11-0N>x</time><a class=title href=/news/N>T</a></div></div>",
            "div.news",
        ),
        ("<a class=story href=/news/N><h2>T</h2></a>", "a.story"),
        ("<div class=css-1ab23c4><a class=css-9z8 href=/news/N>T</a></div>", ""),
        ("<div><a href=/news/N>T</a></div>", ""),
        ("<div class=card><a href=/news/N>News N</a></div>", ""),
    ];
    for (item, expected) in cases {
        let found = listed(&page_of(item), &url(HOME));
        assert_eq!(found.as_ref().map_or("", |(item, _)| item), expected, "{item}");
        if let Some((_, document)) = found {
            assert_eq!(document.entries.len(), 8, "{item}");
            assert_eq!(document.entries[0].title, "The headline of story 1 about the river");
            assert_eq!(document.entries[0].link.as_deref(), Some("https://outlet.example/news/1"));
            assert_eq!(document.entries[0].published.is_some(), item.contains("datetime"), "{item}");
        }
    }
    let list = page_of("")
        .replace("<main>", &format!("<ul class=latest>{}</ul>", page_of("<li><a href=/news/N>T</a></li>")));
    assert_eq!(
        listed(&list, &url(HOME)).map(|(item, _)| item).as_deref(),
        None,
        "a page in a list is no list"
    );
}

// ---- the choice

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A feed with these entries, the newest an hour old.
fn fact(path: &str, how: How, titles: &[&str]) -> Fact {
    let entry =
        |title: &&str| Entry { title: (*title).to_owned(), published: Some(NOW - HOUR), ..Entry::default() };
    let document = Document { entries: titles.iter().map(entry).collect(), ..Document::default() };
    Fact::new(url(HOME).join(path).unwrap(), how, path.contains("comments"), &document)
}

fn in_language(fact: Fact, language: &str) -> Fact {
    Fact { language: Some(language.to_owned()), ..fact }
}

#[track_caller]
fn check_choice(facts: &[Fact], best: &str, equals: usize) {
    let choice = choose(facts, &url(HOME), Some("kk"));
    let first = choice.order.first().map(|at| facts[*at].url.path());
    assert_eq!((first.unwrap_or_default(), choice.equals), (best, equals));
    let all: HashSet<_> = choice.order.iter().collect();
    assert_eq!(all.len(), facts.len(), "each is ranked once");
}

#[test]
fn the_best_is_clear_or_several_are_equally_good() {
    use How::{Declared, Itself, Linked, Site, Usual};
    let stale = |fact: Fact| Fact { newest: Some(NOW - DAY * 100), ..fact };
    check_choice(&[fact("/a", Itself, &["x"])], "/a", 1);
    check_choice(&[fact("/comments/feed", Itself, &[])], "/comments/feed", 1);
    check_choice(&[fact("/a", Declared, &["x"]), fact("/b", Declared, &["y"])], "/a", 2);
    // RSS and Atom of one site are one.
    check_choice(&[fact("/a", Declared, &["x", "y"]), fact("/b", Declared, &["y", "x"])], "/a", 1);
    check_choice(
        &[fact("/a", Linked, &["x"]), fact("/b", Declared, &["y"]), fact("/c", Usual, &["z"])],
        "/b",
        1,
    );
    check_choice(&[fact("/a/releases", Site, &["x"]), fact("/a/tags", Site, &["y"])], "/a/releases", 1);
    check_choice(&[fact("/a/releases", Site, &[]), fact("/a/tags", Site, &["y"])], "/a/tags", 1);
    check_choice(&[stale(fact("/a", Declared, &["x"])), fact("/b", Declared, &["y"])], "/b", 1);
    check_choice(&[fact("/comments/feed", Declared, &["x"]), fact("/b", Linked, &["y"])], "/b", 1);
    check_choice(&[fact("/comments/feed", Declared, &["x"])], "/comments/feed", 0);
    check_choice(&[fact("/a", Declared, &[])], "/a", 0);
    // The one of which the others are parts.
    let parts = [
        fact("/rss/sport", Declared, &["x"]),
        fact("/rss", Declared, &["y"]),
        fact("/rss/world", Declared, &["z"]),
    ];
    check_choice(&parts, "/rss", 1);
    // The only one in the language of the page.
    let kazakh = in_language(fact("/kz/rss", Declared, &["y"]), "kk");
    check_choice(&[in_language(fact("/ru/rss", Declared, &["x"]), "ru"), kazakh], "/kz/rss", 1);
    check_choice(&[], "", 0);
}

#[test]
fn floods_end_soon() {
    let different: Vec<_> =
        (0..10_000).map(|n| format!("<link rel=alternate type=text/rss href=/{n}>")).collect();
    let cases = [
        ("links", "<a href=/rss/x>y</a>".repeat(10_000)),
        ("links to different feeds", different.concat()),
        ("nested", "<div><a href=/rss>".repeat(20_000)),
        ("bases", "<base href=x>".repeat(10_000)),
        ("an address without end", format!("<a href=/rss/{}>", "x".repeat(1_000_000))),
        ("headlines", page_of(&"<div class=x><a href=/N>T</a>".repeat(2000))),
        ("youtube", "\"externalId\":\"".repeat(100_000)),
    ];
    for (what, html) in cases {
        let began = Instant::now();
        assert!(offered(&html, &url("https://www.youtube.com/@x")).leads.len() <= MAX_LEADS, "{what}");
        drop(listed(&html, &url(HOME)));
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
    }
}
