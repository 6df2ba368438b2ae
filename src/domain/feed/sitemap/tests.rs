//! What is read of sitemaps, and what of it is new.

use super::*;
use crate::domain::feed::{self, Kind, Reading};
use crate::time::HOUR;

const HOME: &str = "https://valley.example/sitemap.xml";

fn read(body: impl AsRef<[u8]>) -> Result<Reading, FeedError> {
    let url = Url::parse(HOME).unwrap();
    feed::read(&Kind::Sitemap, body.as_ref(), None, Some(&url))
}

fn entries(body: impl AsRef<[u8]>) -> Vec<Entry> {
    match read(body) {
        Ok(Reading::Document(document)) => document.entries,
        other => panic!("{other:?}"),
    }
}

fn index(body: impl AsRef<[u8]>) -> Vec<Part> {
    match read(body) {
        Ok(Reading::Index(parts)) => parts,
        other => panic!("{other:?}"),
    }
}

fn at(date: &str) -> Timestamp {
    dates::parse(date).unwrap()
}

#[test]
fn news_have_titles_dates_and_a_language_and_their_pictures_none() {
    let Ok(Reading::Document(document)) =
        read(include_str!("../../../../tests/data/sources/news-with-images.xml"))
    else {
        panic!("a document");
    };
    assert_eq!(document.title.as_deref(), Some("The Valley Courier"));
    let expected = [
        Entry {
            id: "valley.example/2027/01/bridge-opens?&x=1&y=2".to_owned(),
            link: Some("https://valley.example/2027/01/bridge-opens?x=1&y=2".to_owned()),
            title: "Bridge opens & the ferry rests".to_owned(),
            published: Some(at("2027-01-15T02:30:00Z")),
            modified: Some(at("2027-01-15T02:40:00Z")),
            language: Some("kk".to_owned()),
            ..Entry::default()
        },
        Entry {
            id: "valley.example/2027/01/mill?".to_owned(),
            link: Some("https://valley.example/2027/01/mill".to_owned()),
            title: "The mill's new wheel".to_owned(),
            published: Some(at("2027-01-14T00:00:00Z")),
            language: Some("en".to_owned()),
            ..Entry::default()
        },
    ];
    assert_eq!(document.entries, expected);
}

#[test]
fn an_address_is_known_by_where_it_leads_and_listed_once() {
    let told = |lines: &str| {
        entries(lines).iter().map(|entry| (entry.id.clone(), entry.link.clone().unwrap())).collect::<Vec<_>>()
    };
    let plain = told("https://valley.example/a\nhttps://valley.example/");
    let dressed = told(
        "http://www.valley.example/a/?utm_source=x\nhttps://valley.example/a\nhttps://valley.example/\n\
         https://valley.example/b?id=1\nhttps://valley.example/b?id=2",
    );
    assert_eq!(dressed.len(), 4, "{dressed:?}");
    assert_eq!(plain[0].0, dressed[0].0);
    assert_eq!(plain[1], dressed[1], "a home page is known by its address");
    assert_eq!(dressed[0].1, "http://www.valley.example/a/?utm_source=x");
}

#[test]
fn what_has_no_title_is_called_by_the_words_of_its_address() {
    let told: Vec<_> = entries(include_str!("../../../../tests/data/sources/prefixed-and-unescaped.xml"))
        .into_iter()
        .map(|entry| (entry.link.unwrap(), entry.title, entry.published, entry.modified))
        .collect();
    let link = |path: &str| format!("https://valley.example{path}");
    assert_eq!(
        told,
        [
            (
                link("/news/weavers-sell-their-first-carpets-abroad-104233.html"),
                "weavers sell their first carpets abroad".to_owned(),
                None,
                Some(at("2027-01-15"))
            ),
            (link("/story.php?id=7&lang=en"), String::new(), None, None),
            (
                link(
                    "/%D2%9B%D0%B0%D0%B7/%D0%B6%D0%B0%D2%A3%D0%B0-%D0%BA%D3%A9%D0%BF%D1%96%D1%80-%D0%B0%D1%88%D1%8B%D0%BB%D0%B4%D1%8B"
                ),
                "жаңа көпір ашылды".to_owned(),
                None,
                None
            ),
        ]
    );
}

#[test]
fn addresses_that_say_nothing_give_no_title() {
    for (link, title) in [
        ("https://a.example/2027/01/15/railway-news-opens/", "railway news opens"),
        ("https://a.example/news/123456", ""),
        ("https://a.example/news/two-words", ""),
        ("https://a.example/p?title=three-good-words", ""),
        ("https://a.example/a-b-2027-c_d.htm", "a b 2027 c d"),
        ("https://a.example/%ff%fe-not-utf-8-at-all", ""),
        ("https://a.example/%", ""),
        ("https://a.example", ""),
    ] {
        assert_eq!(words_of(link), title, "{link}");
    }
}

#[test]
fn a_list_of_lines_is_a_sitemap_too() {
    let told = entries(
        "\u{feff}https://valley.example/1\r\n\r\n  https://valley.example/2  \nrubbish\nhttps://valley.example/1",
    );
    let links: Vec<_> = told.iter().filter_map(|entry| entry.link.as_deref()).collect();
    assert_eq!(links, ["https://valley.example/1", "https://valley.example/2"]);
}

#[test]
fn an_index_names_its_parts_once() {
    let parts = index(include_str!("../../../../tests/data/sources/index.xml"));
    let told: Vec<_> = parts.iter().map(|part| (part.url.path(), part.modified)).collect();
    assert_eq!(
        told,
        [
            ("/post-sitemap1.xml", Some(at("2024-03-01T10:00:00Z"))),
            ("/post-sitemap2.xml.gz", Some(at("2027-01-15T06:00:00Z"))),
            ("/category-sitemap.xml", Some(at("2027-01-15T06:00:00Z"))),
            ("/sitemap.xml", Some(at("2027-01-15T07:00:00Z"))),
        ]
    );
}

#[test]
fn what_is_no_sitemap_says_what_it_is_and_what_to_write() {
    let kind_out = "this is a feed, not a sitemap; take `kind` out of its [[source]]";
    for (body, said) in [
        ("<rss version='2.0'><channel/></rss>", kind_out),
        ("<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'/>", kind_out),
        ("<!DOCTYPE html><html><body>Welcome</body></html>", "this is a web page, not a sitemap"),
        ("<opml/>", "this is an XML document of another kind (<opml>), not a sitemap"),
        ("Service Unavailable", "this is plain text, not a sitemap"),
        ("<", "this is an empty document, not a sitemap"),
        ("", "this is an empty document, not a sitemap"),
        (" \n", "this is an empty document, not a sitemap"),
    ] {
        assert_eq!(read(body).unwrap_err().to_string(), said, "{body}");
    }
    let error = feed::parse(b"<urlset/>", None, None).unwrap_err();
    assert_eq!(error.to_string(), "this is a sitemap, not a feed; write kind = \"sitemap\" under its url");
}

#[test]
fn what_breaks_off_keeps_its_beginning_and_says_so() {
    let whole = include_str!("../../../../tests/data/sources/news-with-images.xml");
    let cut = &whole[..whole.find("<![CDATA[https").unwrap() + 20];
    let Ok(Reading::Document(document)) = read(cut) else { panic!("a document") };
    assert_eq!((document.entries.len(), document.cut_off), (1, true));
    let Ok(Reading::Document(document)) = read(whole) else { panic!("a document") };
    assert!(!document.cut_off);
}

#[test]
fn hostile_sitemaps_cost_little() {
    let deep = format!("<urlset>{}", "<url>".repeat(100_000));
    assert_eq!(entries(&deep).len(), 0);
    let urls: Vec<String> =
        (0..50_010).map(|n| format!("<url><loc>https://valley.example/{n}</loc></url>")).collect();
    let urls = urls.concat();
    let Ok(Reading::Document(document)) = read(format!("<urlset>{urls}</urlset>")) else {
        panic!("a document")
    };
    assert_eq!((document.entries.len(), document.cut_off), (50_000, false), "as many as the protocol allows");
    let long =
        format!("<urlset><url><loc>https://valley.example/{}</loc></url></urlset>", "x".repeat(1_000_000));
    assert_eq!(entries(&long).len(), 0);
    let broken = format!("<urlset>{}<url><loc>https://valley.example/1</loc></url>", "<! ".repeat(20_000));
    let _ = read(&broken);
    for junk in [
        "<urlset",
        "<urlset><url><loc>&",
        "<urlset></url></urlset>",
        "<a:urlset/>",
        "<urlset><url/></urlset>",
    ] {
        let _ = read(junk);
    }
}

// ---- what is new

fn entry(number: usize, modified: Option<Timestamp>) -> Entry {
    let link = format!("https://valley.example/{number}");
    Entry { id: link.clone(), link: Some(link), modified, ..Entry::default() }
}

#[test]
fn at_first_sight_only_what_is_dated_in_the_last_day_is_new() {
    let now = at("2027-01-15T08:00:00Z");
    let (yes, no) = (true, false);
    for (dated, first_sight, is_new) in [
        (Some("2027-01-15T07:59:00Z"), yes, yes),
        (Some("2027-01-14T08:00:00Z"), yes, yes),
        (Some("2027-01-14T07:59:00Z"), yes, no),
        (Some("2027-01-14"), yes, yes),
        (Some("2027-01-13"), yes, no),
        (None, yes, no),
        (Some("2019-01-01"), no, yes),
        (None, no, yes),
    ] {
        let (new, archive) = sift(vec![entry(1, dated.map(at))], first_sight, now);
        assert_eq!(
            (new.len(), archive.len()),
            if is_new { (1, 0) } else { (0, 1) },
            "{dated:?} {first_sight}"
        );
    }
}

#[test]
fn what_is_undated_among_news_is_new() {
    let now = at("2027-01-15T08:00:00Z");
    let told = Entry { published: Some(now - HOUR), ..entry(1, None) };
    let (new, archive) = sift(vec![told, entry(2, None)], true, now);
    assert_eq!((new.len(), archive.len()), (2, 0));
}

#[test]
fn an_archive_that_is_listed_anew_is_no_news() {
    let now = at("2027-01-15T08:00:00Z");
    let flood = |count: usize| (0..count).map(|n| entry(n, (n % 10 == 0).then_some(now))).collect::<Vec<_>>();
    let (new, archive) = sift(flood(1000), false, now);
    assert_eq!((new.len(), archive.len()), (1000, 0));
    let (new, archive) = sift(flood(2000), false, now);
    assert_eq!((new.len(), archive.len()), (200, 1800), "more than any site publishes between two polls");
}

fn part(path: &str, modified: Option<&str>) -> Part {
    Part { url: Url::parse(HOME).unwrap().join(path).unwrap(), modified: modified.map(at) }
}

fn near(url: &Url) -> bool {
    url.host_str() == Some("valley.example")
}

fn paths(due: &Due) -> Vec<String> {
    due.parts.iter().map(|part| part.url.path().to_owned()).collect()
}

#[test]
fn parts_lie_at_the_hosts_of_their_sitemap() {
    let homes = ["valley.example".to_owned(), "www.hill.example".to_owned()];
    for (host, is_near) in [
        ("valley.example", true),
        ("www.valley.example", true),
        ("hill.example", true),
        ("news.valley.example", false),
        ("valley.example.net", false),
    ] {
        assert_eq!(super::near(host, &homes), is_near, "{host}");
    }
}

#[test]
fn the_newest_parts_come_first_and_lists_never() {
    let index = index(include_str!("../../../../tests/data/sources/index.xml"));
    let due = Parts::default().due(&index, &[], near, 0);
    assert_eq!(paths(&due), ["/post-sitemap2.xml.gz", "/post-sitemap1.xml"]);
    assert_eq!((due.near.len(), due.elsewhere, due.all_dated), (2, 1, true));
    let undated = [
        part("/sitemap-2026-12.xml", None),
        part("/sitemap-2027-1.xml", None),
        part("/sitemap-2026-9.xml", None),
        part("/sitemap-news.xml", None),
        part("/sitemap-2.xml", Some("2020-01-01")),
    ];
    let due = Parts::default().due(&undated, &[], near, 0);
    let expected = [
        "/sitemap-2.xml",
        "/sitemap-news.xml",
        "/sitemap-2027-1.xml",
        "/sitemap-2026-12.xml",
        "/sitemap-2026-9.xml",
    ];
    assert_eq!(paths(&due), expected, "one with a date is known to have changed");
    assert!(!due.all_dated);
    let due = Parts::default().due(&undated, &[], near, 1);
    assert_eq!(paths(&due)[1..3], ["/sitemap-news.xml", "/sitemap-2026-12.xml"], "the others in turn");
}

#[test]
fn a_part_is_read_again_when_its_date_has_changed() {
    let mut known = Parts::default();
    let index =
        [part("/a.xml", Some("2027-01-15")), part("/b.xml", Some("2027-01-14")), part("/c.xml", None)];
    known.note_read(&index[0], Known::of(None, None, 1, at("2027-01-16")));
    known.note_archives(&index);
    assert_eq!(paths(&known.due(&index, &[], near, 0)), ["/c.xml"]);
    let due = known.due(&index, &[], near, 0);
    assert!(known.is_archive(&index[1].url, &due) && !known.is_archive(&index[0].url, &due));

    let changed = [
        part("/a.xml", Some("2027-01-16")),
        part("/b.xml", Some("2027-01-16T01:00:00Z")),
        part("/d.xml", None),
    ];
    assert_eq!(paths(&known.due(&changed, &[], near, 0)), ["/b.xml", "/a.xml", "/d.xml"]);
    known.retain(&changed);
    assert!(known.of(&index[2].url).is_none());

    let text = serde_json::to_string(&known).unwrap();
    assert_eq!(serde_json::from_str::<Parts>(&text).unwrap(), known);
}

#[test]
fn a_part_that_fails_again_and_again_waits_for_the_others() {
    let mut known = Parts::default();
    let index = [part("/a.xml", Some("2027-01-15")), part("/b.xml", Some("2027-01-14"))];
    for (failures, first) in [(0, "/a.xml"), (1, "/a.xml"), (2, "/a.xml"), (3, "/b.xml")] {
        assert_eq!(paths(&known.due(&index, &[], near, 0))[0], first, "{failures} failures");
        known.note_failure(&index[0]);
    }
}

#[test]
fn of_an_index_of_ten_thousand_parts_the_newest_are_known_in_a_short_note() {
    let parts: Vec<Part> = (0..10_000).map(|n| part(&format!("/{n}.xml"), Some("2027-01-15"))).collect();
    let mut known = Parts::default();
    let due = known.due(&parts, &[], near, 0);
    assert_eq!((due.parts.len(), paths(&due)[0].as_str()), (2000, "/9999.xml"));
    known.note_archives(&due.near);
    known.retain(&due.near);
    assert!(serde_json::to_string(&known).unwrap().len() < 150_000);
    assert_eq!(known.due(&parts, &[], near, 0).parts, []);
}

#[test]
fn where_not_all_parts_are_known_an_unknown_one_is_an_archive() {
    for (parts, is_archive) in [(2000, false), (2001, true)] {
        let mut index: Vec<Part> =
            (0..parts).map(|n| part(&format!("/{n}.xml"), Some("2027-01-15"))).collect();
        let mut known = Parts::default();
        let due = known.due(&index, &[], near, 0);
        known.note_archives(&due.near);
        known.retain(&due.near);
        index[0] = part("/old.xml", Some("2027-01-16"));
        let due = known.due(&index, &[], near, 0);
        assert_eq!(paths(&due), ["/old.xml"]);
        assert_eq!(known.is_archive(&index[0].url, &due), is_archive);
        known.note_failure(&index[0]);
        assert_eq!(known.is_archive(&index[0].url, &due), is_archive, "after a failure");
        known.note_read(&index[0], Known::of(None, None, 1, at("2027-01-16")));
        assert!(!known.is_archive(&index[0].url, &due));
    }
}

#[test]
fn that_a_part_has_not_changed_is_believed_for_a_day_and_not_against_its_index() {
    let mut known = Parts::default();
    let index = [part("/a.xml", Some("2027-01-15")), part("/b.xml", None)];
    for part in &index {
        known.note_read(part, Known::of(None, None, 1, at("2027-01-15T10:00:00Z")));
    }
    for (name, part, now, believed) in [
        ("without a date", &index[1], "2027-01-15T23:00:00Z", true),
        ("without a date, on another day", &index[1], "2027-01-16T01:00:00Z", false),
        ("of the same date", &index[0], "2027-01-15T23:00:00Z", true),
        ("of a new date", &part("/a.xml", Some("2027-01-16")), "2027-01-15T23:00:00Z", false),
    ] {
        assert_eq!(known.of(&part.url).unwrap().is_believed(part, at(now)), believed, "{name}");
    }
}

#[test]
fn no_beginning_of_a_sitemap_panics() {
    for whole in [
        include_str!("../../../../tests/data/sources/news-with-images.xml"),
        include_str!("../../../../tests/data/sources/prefixed-and-unescaped.xml"),
        include_str!("../../../../tests/data/sources/index.xml"),
    ] {
        let whole = whole.as_bytes();
        for at in 0..whole.len() {
            let _ = read(&whole[..at]);
            let _ = read(&whole[at..]);
        }
    }
}
