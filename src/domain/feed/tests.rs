//! Whole documents, each with what is odd in it.

use std::time::Instant;

use encoding_rs::{WINDOWS_1251, WINDOWS_1254};

use super::*;

fn read(body: impl AsRef<[u8]>) -> Result<Document, FeedError> {
    parse(body.as_ref(), None, Url::parse("https://feeds.example.org/world/rss.xml").ok().as_ref())
}

fn rss(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Outlet</title>{items}</channel></rss>"
    )
}

/// The only entry of an RSS feed with this item.
fn item(inner: &str) -> Entry {
    let document = read(rss(&format!("<item>{inner}</item>"))).unwrap();
    let [entry] = document.entries.as_slice() else { panic!("{} entries", document.entries.len()) };
    entry.clone()
}

fn error(body: impl AsRef<[u8]>) -> String {
    read(body).unwrap_err().to_string()
}

#[test]
fn rss_2_with_everything() {
    let document = read(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
        <rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"
             xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">
        <channel><title>Steppe &amp; Sea</title><link>https://www.example.org/</link>
        <language>en-US</language><ttl>30</ttl>
        <item><title>Summit &lt;b&gt;opens&lt;/b&gt;</title><link>https://www.example.org/a/1</link>
        <guid isPermaLink=\"false\">tag:1</guid><pubDate>Mon, 23 Nov 2026 10:00:00 +0300</pubDate>
        <dc:creator>Aylin Demir</dc:creator><description>Short.</description>
        <content:encoded><![CDATA[<p>Long &amp; full.</p><p>Second.</p>]]></content:encoded></item>
        </channel></rss>",
    )
    .unwrap();
    let expected = Entry {
        id: "tag:1".to_owned(),
        title: "Summit opens".to_owned(),
        link: Some("https://www.example.org/a/1".to_owned()),
        summary: "Long & full.\nSecond.".to_owned(),
        author: Some("Aylin Demir".to_owned()),
        published: dates::parse("2026-11-23T07:00:00Z"),
        language: Some("en-us".to_owned()),
    };
    assert_eq!(document.entries, [expected]);
    assert_eq!(document.title.as_deref(), Some("Steppe & Sea"));
    assert_eq!(document.language.as_deref(), Some("en-us"));
    assert_eq!(document.ttl, Some(Duration::from_mins(30)));
    assert!(!document.cut_off);
}

#[test]
fn the_other_formats() {
    let rdf =
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'
        xmlns:dc='http://purl.org/dc/elements/1.1/'><channel rdf:about='x'><title>T</title></channel>
        <item rdf:about='https://example.org/1'><title>one</title><link>https://example.org/1</link>
        <dc:date>2026-11-23</dc:date></item></rdf:RDF>";
    let netscape = rdf.replace("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/");
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='tr'><title>T</title><entry><id>https://example.org/1</id>
        <title type='html'>&lt;i&gt;one&lt;/i&gt;</title><link rel='self' href='https://example.org/feed'/>
        <link href='https://example.org/1'/><updated>2026-11-23T00:00:00Z</updated></entry></feed>";
    let atom_03 = "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>T</title><entry>
        <id>https://example.org/1</id><title type='text/plain'>one</title><modified>2026-11-23T00:00:00Z</modified>
        <link rel='alternate' type='text/html' href='https://example.org/1'/></entry></feed>";
    let json = "{\"version\":\"http://jsonfeed.org/version/1\",\"items\":[{\"id\":\"https://example.org/1\",
        \"url\":\"https://example.org/1\",\"title\":\"one\",\"date_published\":\"2026-11-23T00:00:00Z\",\"tags\":3}]}";
    for body in [rdf, &netscape, atom, atom_03, json] {
        let document = read(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let [entry] = document.entries.as_slice() else { panic!("one entry in {body}") };
        assert_eq!((entry.id.as_str(), entry.title.as_str()), ("https://example.org/1", "one"), "{body}");
        assert_eq!(entry.link.as_deref(), Some("https://example.org/1"), "{body}");
        assert_eq!(entry.published, dates::parse("2026-11-23"), "{body}");
    }
    assert_eq!(read(atom).unwrap().entries[0].language.as_deref(), Some("tr"));
    for version in
        ["", " version='0.91'", " version='0.93'", " version='2.0.1'", " version='2.0' xmlns='urn:odd'"]
    {
        let body = rss("<item><title>one</title></item>").replace(" version=\"2.0\"", version);
        assert_eq!(read(&body).unwrap().entries[0].title, "one", "{body}");
    }
}

#[test]
fn any_encoding_gives_the_same_entries() {
    let title = "Саммит тюркских государств открылся в Габале, сообщили в столице";
    let xml = |label: &str| {
        rss(&format!("<item><title>{title}</title></item>"))
            .replace("?>", &format!(" encoding=\"{label}\"?>"))
    };
    let utf16: Vec<u8> = xml("utf-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bodies = [
        WINDOWS_1251.encode(&xml("windows-1251")).0.into_owned(),
        WINDOWS_1251.encode(&rss(&format!("<item><title>{title}</title></item>"))).0.into_owned(),
        WINDOWS_1251.encode(&xml("utf-8")).0.into_owned(),
        xml("windows-1251").into_bytes(),
        xml("utf-16").into_bytes(),
        [b"\xff\xfe".as_slice(), &utf16].concat(),
        utf16,
        [b"\xef\xbb\xbf\n ".as_slice(), xml("utf-8").as_bytes()].concat(),
    ];
    for body in bodies {
        assert_eq!(read(&body).unwrap().entries[0].title, title, "{:?}", String::from_utf8_lossy(&body));
    }
    let turkish =
        rss("<item><title>Teşkilatın ağırlığı</title></item>").replace("?>", " encoding=\"windows-1254\"?>");
    assert_eq!(read(WINDOWS_1254.encode(&turkish).0).unwrap().entries[0].title, "Teşkilatın ağırlığı");
}

#[test]
fn titles_and_summaries_are_plain_text() {
    let cases = [
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("AT&T & Co", "AT&T & Co"),
        ("T&uuml;rk&nbsp;D&#252;nyas&#305;", "Türk Dünyası"),
        ("<![CDATA[a <em>b</em> c]]>", "a b c"),
        ("&lt;![CDATA[wrapped]]&gt;", "wrapped"),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "bold"),
        ("1 &lt; 2", "1 < 2"),
        (" two\n lines ", "two lines"),
        ("a\u{0}\u{1b}[1mb\u{202e}c&#7;", "a[1mbc"),
    ];
    for (raw, plain) in cases {
        let entry = item(&format!("<title>{raw}</title><description>{raw}</description>"));
        assert_eq!((entry.title.as_str(), entry.summary.as_str()), (plain, plain), "{raw:?}");
    }
    let long = item(&format!("<title>{0}</title><description>{0}</description>", "word ".repeat(50_000)));
    assert!(long.title.chars().count() <= 1000);
    assert!((60_000..=65_536).contains(&long.summary.chars().count()));
}

#[test]
fn an_id_is_the_guid_else_the_link_else_a_hash() {
    assert_eq!(item("<guid> g-1 </guid><link>https://a.example/1</link>").id, "g-1");
    assert_eq!(item("<link>https://a.example/1</link><title>t</title>").id, "https://a.example/1");
    let hashed = item("<title>t</title><description>d</description>").id;
    assert_eq!(hashed, item("<description>d</description><title> t</title>").id);
    assert_ne!(hashed, item("<title>t</title><description>e</description>").id);
    assert_eq!(hashed.len(), 32);
    assert!(!item("<pubDate>Mon, 23 Nov 2026 10:00:00 GMT</pubDate>").id.is_empty());
    assert_eq!(item(&format!("<guid>{}</guid>", "x".repeat(5000))).id.len(), 32);
}

#[test]
fn items_that_share_a_guid_are_known_by_their_links() {
    let document = read(rss(
        "<item><guid>same</guid><link>https://a.example/1</link></item><item><guid>same</guid><link>https://a.example/2</link></item>
         <item><guid>twice</guid><link>https://a.example/3</link></item><item><guid>twice</guid><link>https://a.example/3</link></item>",
    ));
    assert_eq!(
        identity::ids(&document.unwrap().entries),
        ["https://a.example/1", "https://a.example/2", "twice", "twice"]
    );
}

#[test]
fn links_are_absolute_and_of_the_web() {
    let cases = [
        ("<link>https://a.example/1?a=1&amp;b=2</link>", Some("https://a.example/1?a=1&b=2")),
        ("<link>\n https://a.example/1 \n</link>", Some("https://a.example/1")),
        ("<link>/news/1</link>", Some("https://feeds.example.org/news/1")),
        ("<link>2.html</link>", Some("https://feeds.example.org/world/2.html")),
        ("<link xml:base='https://b.example/x/'>1</link>", Some("https://b.example/x/1")),
        ("<guid>https://a.example/g</guid>", Some("https://a.example/g")),
        ("<guid isPermaLink='true'>https://a.example/g</guid><link/>", Some("https://a.example/g")),
        ("<guid>tag:a.example,2026:1</guid>", None),
        ("<link>javascript:alert(1)</link>", None),
        ("<link>ftp://a.example/1</link>", None),
        ("<link>https://[broken</link>", None),
        ("<comments>https://a.example/1#comments</comments>", None),
    ];
    for (inner, link) in cases {
        assert_eq!(item(inner).link.as_deref(), link, "{inner}");
    }
    let document =
        read(rss("<link>https://www.example.org/</link><item><link>/news/1</link></item>")).unwrap();
    assert_eq!(
        document.entries[0].link.as_deref(),
        Some("https://www.example.org/news/1"),
        "the site of the feed"
    );
}

#[test]
fn authors_are_names() {
    let cases = [
        ("Aylin Demir", Some("Aylin Demir")),
        ("editor@example.org (Aylin Demir)", Some("Aylin Demir")),
        ("Aylin Demir &lt;editor@example.org&gt;", Some("Aylin Demir")),
        ("editor@example.org", None),
        ("Редакция «info@example.org»", Some("Редакция")),
        ("é&#64;x.yy»", None),
        ("", None),
    ];
    for (raw, name) in cases {
        assert_eq!(
            item(&format!("<title>t</title><author>{raw}</author>")).author.as_deref(),
            name,
            "{raw:?}"
        );
    }
}

#[test]
fn dates_of_the_publishers_are_read() {
    for date in [
        "23 Kasım 2026 10:00",
        "Пн, 23 ноя 2026 13:00:00 +0300",
        "2026-11-23 10:00",
        "Mon, 23 Nov 2026 13:00 GMT+3",
    ] {
        let entry = item(&format!("<title>t</title><pubDate>{date}</pubDate>"));
        assert_eq!(entry.published, dates::parse("2026-11-23T10:00:00Z"), "{date}");
    }
    assert_eq!(item("<title>t</title><pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>").published, None);
}

#[test]
fn one_date_tells_how_a_feed_orders_them() {
    let published = |dates: &[&str], language: &str| -> Vec<String> {
        let items = dates.iter().map(|date| format!("<item><pubDate>{date}</pubDate></item>"));
        let channel = format!("<language>{language}</language>{}", items.collect::<String>());
        let document = read(rss(&channel)).unwrap();
        document.entries.iter().map(|entry| entry.published.unwrap().to_string()[..10].to_owned()).collect()
    };
    let dates = ["09/12/2026 10:00", "11/23/2026 10:00"];
    assert_eq!(published(&dates, "tr"), ["2026-09-12", "2026-11-23"], "no month has the number 23");
    assert_eq!(published(&["09/12/2026", "23/11/2026"], "en-us"), ["2026-12-09", "2026-11-23"]);
    assert_eq!(published(&dates[..1], "en-US"), ["2026-09-12"]);
    assert_eq!(published(&dates[..1], "kk"), ["2026-12-09"]);
    assert_eq!(published(&["09.12.2026", "11/23/2026"], "en"), ["2026-12-09", "2026-11-23"]);
}

#[test]
fn what_costs_feed_rs_the_whole_document_costs_nothing() {
    let media = "xmlns:media=\"http://search.yahoo.com/mrss/\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\"";
    let body = rss("<item><title>t</title><media:description/><media:title></media:title>
        <itunes:duration>99999999999999999999:99:99</itunes:duration></item>");
    assert_eq!(read(body.replace("<rss", &format!("<rss {media}"))).unwrap().entries[0].title, "t");
    let typed = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title type='text/plain'>t</title><summary type=''>s</summary>
        <content type='text/x-odd'/></entry></feed>";
    assert_eq!(read(typed).unwrap().entries[0].summary, "s");
    assert_eq!(read(rss("<item><title>t&#0;&#xFFFFFFFF;</title></item>")).unwrap().entries[0].title, "t");
    assert_eq!(read(rss("<item><title>t</title></item>") + "<script>x</p>").unwrap().entries[0].title, "t");
}

#[test]
fn an_empty_feed_is_no_error() {
    assert_eq!(read(rss("")).unwrap().entries, []);
    assert_eq!(read("<feed xmlns='http://www.w3.org/2005/Atom'/>").unwrap().entries, []);
    assert_eq!(
        read("{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[]}")
            .unwrap()
            .entries,
        []
    );
}

#[test]
fn what_is_no_feed_is_named() {
    let cases = [
        ("<!DOCTYPE html><html><body>news</body></html>", "this is a web page, not a feed"),
        ("\n<HTML lang=tr><head>", "this is a web page, not a feed"),
        (
            "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>",
            "this is a web page, not a feed",
        ),
        ("<!-- cached --><html><br></html>", "this is a web page, not a feed"),
        ("<urlset/>", "this is a sitemap, not a feed"),
        ("<opml/>", "this is an OPML list of feeds, not a feed"),
        (
            "<Error><Code>AccessDenied</Code></Error>",
            "this is an XML document of another kind (<Error>), not a feed",
        ),
        ("{\"error\":\"no\"}", "this is a JSON document of another kind, not a feed"),
        ("", "this is an empty answer, not a feed"),
        ("\0\0", "this is an empty answer, not a feed"),
        ("Service Unavailable", "this is plain text, not a feed"),
    ];
    for (body, message) in cases {
        assert_eq!(error(body), message, "{body:?}");
    }
}

#[test]
fn what_is_broken_is_told_with_its_line() {
    let cases = [
        (
            "<rss><channel>\n<title>cut",
            "the feed is broken in line 2: it ends inside the element <title>, as if cut off",
        ),
        ("<rss/>", "the feed is broken: its root holds no channel"),
    ];
    for (body, message) in cases {
        assert_eq!(error(body), message, "{body:?}");
    }
    assert!(error("{\n\"a\": }").starts_with("the feed is broken in line 2: it is no valid JSON"));
}

#[test]
fn a_feed_that_is_cut_off_keeps_its_complete_entries_and_says_so() {
    let whole = rss("<item><title>one</title></item><item><title>two</title></item>");
    for end in [whole.find("two").unwrap(), whole.find("</channel").unwrap(), whole.len() - 1] {
        let document = read(&whole[..end]).unwrap();
        assert!(document.cut_off);
        assert_eq!(document.entries[0].title, "one");
    }
    assert!(!read(&whole).unwrap().cut_off);
}

#[test]
fn hostile_documents_are_refused_or_read_quickly() {
    let nested = |depth: usize| rss(&("<a>".repeat(depth) + &"</a>".repeat(depth)));
    assert!(read(nested(200)).is_ok());
    for depth in [300, 70_000] {
        assert_eq!(error(nested(depth)), "elements are nested more than 256 deep in line 1");
    }
    let bomb =
        "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'><!ENTITY e SYSTEM 'file:///etc/passwd'>]>";
    let bombed = rss("<item><title>&b;&e;</title></item>").replace("<rss", &format!("{bomb}<rss"));
    assert_eq!(read(bombed).unwrap().entries[0].title, "&b;&e;");
    assert!(error("[".repeat(1_000_000)).contains("no valid JSON"));
    let start = Instant::now();
    let attributes = " a='' b=''".repeat(500_000);
    assert_eq!(
        read(rss(&format!("<item{attributes}><title>t</title></item>"))).unwrap().entries[0].title,
        "t"
    );
    let names = format!("<item{}>", " xmlns:a='u'".repeat(300));
    assert_eq!(read(rss(&(names + "<title>t</title></item>"))).unwrap().entries[0].title, "t");
    assert!(start.elapsed() < Duration::from_secs(30), "even on a busy machine without optimisation");
}

#[test]
fn items_that_share_id_and_link_are_known_by_their_words() {
    let two = |inner: &str| {
        let item = |title: &str| format!("<item>{inner}<title>{title}</title></item>");
        read(rss(&(item("Tariffs fall") + &item("Night trains return")))).unwrap().entries
    };
    let cases = [
        "<link>https://a.example/</link>",
        "<guid>https://a.example/</guid><link>https://a.example/</link>",
        "<guid isPermaLink=\"false\">0</guid>",
    ];
    for inner in cases {
        let entries = two(inner);
        let known = identity::ids(&entries);
        assert_ne!(known[0], known[1], "{inner}");
        assert_eq!(known, identity::ids(&two(inner)), "the same each time");
    }
}
