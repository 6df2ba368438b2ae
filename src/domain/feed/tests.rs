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
        modified: None,
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
    let declared = "<?xml version='1.0'?><?xml encoding='utf-16'?>";
    assert_eq!(read(rss(&format!("{declared}<item><title>t</title></item>"))).unwrap().entries[0].title, "t");
    assert_eq!(read(rss("<item><title>t</title></item>") + "<script>x</p>").unwrap().entries[0].title, "t");
}

/// What readers of others were once found to get wrong.
#[test]
fn dates_in_an_american_order_of_words_are_read() {
    for (date, expected) in [
        ("Wed, Oct 7 2026 11:40:00 +0500", "2026-10-07T06:40:00Z"),
        ("Friday, January 23, 2026 03:31:20 MST", "2026-01-23T10:31:20Z"),
        ("Fri, 18 Sept 2026 16:05:41 +0300", "2026-09-18T13:05:41Z"),
    ] {
        let entry = item(&format!("<title>t</title><pubDate>{date}</pubDate>"));
        assert_eq!(entry.published.map(|at| at.to_string()).as_deref(), Some(expected), "{date}");
    }
}

#[test]
fn an_atom_link_is_its_href_and_the_text_of_another_is_none() {
    let link = |links: &str| {
        let feed = format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>urn:1</id><title>t</title>{links}</entry></feed>"
        );
        read(feed).unwrap().entries[0].link.clone()
    };
    let page = "<link rel='alternate' type='text/html' href='https://a.example/1'/>";
    let picture = "<link rel='enclosure' type='image/jpeg'>https://a.example/1.jpg</link>";
    for links in [page.to_owned() + picture, picture.to_owned() + page] {
        assert_eq!(link(&links).as_deref(), Some("https://a.example/1"), "{links}");
    }
    assert_eq!(link("<link rel='self' href='https://a.example/feed'/><link rel='replies' href='/r'/>"), None);
}

#[test]
fn a_less_than_sign_is_no_tag() {
    for title in
        ["Growth < 3 %, inflation > 9 %: what next?", "2025 << 2026", "I <3 Tashkent", "x < y & y > z"]
    {
        let escaped = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert_eq!(item(&format!("<title>{escaped}</title>")).title, title);
        assert_eq!(item(&format!("<title><![CDATA[{title}]]></title>")).title, title);
    }
}

#[test]
fn references_to_control_characters_leave_their_words() {
    let entry = item(
        "<title>Talks&#29; resume&#0;</title><description>Back&#11;again&#x1F;.</description><link>/1</link>",
    );
    assert_eq!((entry.title.as_str(), entry.summary.as_str()), ("Talks resume", "Back again."));
    assert_eq!(item("<title>&#X41;&#x42;</title>").title, "AB");
}

#[test]
fn the_charset_of_the_server_counts_where_the_document_names_none() {
    let body = rss("<item><title>Саммит</title></item>");
    let body = WINDOWS_1251.encode(&body).0.into_owned();
    let document = parse(&body, Some("text/xml;charset=WINDOWS-1251"), None).unwrap();
    assert_eq!(document.entries[0].title, "Саммит");
}

#[test]
fn white_space_is_no_part_of_an_address() {
    let address = "https://b.example/1/index.html";
    for inner in [
        format!("<link>\n   {address}\n </link><guid isPermaLink='true'>\n {address} </guid>"),
        format!("<link/><guid>\n{address}</guid>"),
        format!("<link> \t</link><guid> {address}</guid>"),
        format!("<guid>{address}</guid><link><![CDATA[ {address} ]]></link>"),
    ] {
        let entry = item(&inner);
        assert_eq!((entry.link.as_deref(), entry.id.as_str()), (Some(address), address), "{inner}");
    }
    assert_eq!(
        item("<link>https://b.example/a b/ö</link>").link.as_deref(),
        Some("https://b.example/a%20b/%C3%B6")
    );
}

#[test]
fn the_date_of_publication_goes_before_that_of_a_change() {
    let names = "xmlns:atom='http://www.w3.org/2005/Atom' xmlns:a10='http://www.w3.org/2005/Atom' \
                 xmlns:dcterms='http://purl.org/dc/terms/'";
    let published = "<pubDate>Tue, 12 May 2026 06:00:00 GMT</pubDate>";
    let changed = "<atom:updated>2026-05-14T23:00:00Z</atom:updated>";
    for (dates, expected) in [
        (format!("{changed}{published}"), "2026-05-12T06:00:00Z"),
        (format!("{published}<a10:updated>2026-05-14T23:00:00Z</a10:updated>"), "2026-05-12T06:00:00Z"),
        (
            format!("<dcterms:modified>2026-05-14T23:00:00Z</dcterms:modified>{published}"),
            "2026-05-12T06:00:00Z",
        ),
        (format!("<dcterms:issued>2026-05-12T06:00:00Z</dcterms:issued>{changed}"), "2026-05-12T06:00:00Z"),
        (changed.to_owned(), "2026-05-14T23:00:00Z"),
    ] {
        let body =
            rss(&format!("<item><title>t</title>{dates}</item>")).replace("<rss", &format!("<rss {names}"));
        let at = read(body).unwrap().entries[0].published;
        assert_eq!(at.map(|at| at.to_string()).as_deref(), Some(expected), "{dates}");
    }
}

#[test]
fn sections_of_text_are_one_text_and_their_tags_are_none() {
    let document = read(rss(
        "<item><title>Ankara <![CDATA[& Astana]]> sign <![CDATA[<b>an</b> accord]]></title>
         <description><![CDATA[if (a[b[0]]]]><![CDATA[> 1) </item><item><title>Not an item</title></item>]]></description></item>
         <item><title><![CDATA[Second]]><![CDATA[ story]]></title></item>",
    ))
    .unwrap();
    let titles: Vec<_> = document.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["Ankara & Astana sign an accord", "Second story"]);
    assert!(document.entries[0].summary.starts_with("if (a[b[0]]> 1)"), "{}", document.entries[0].summary);
}

#[test]
fn base64_is_decoded() {
    let title = |attributes: &str| {
        let feed = format!(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><title {attributes}>
             RW50cnkg\nJmFtcDsgVGl0bGU=</title></entry></feed>"
        );
        read(feed).unwrap().entries[0].title.clone()
    };
    assert_eq!(title("mode='base64'"), "Entry & Title");
    assert_eq!(title("type='application/octet-stream'"), "Entry & Title");
    assert_eq!(title("type='text/html' mode='escaped'"), "RW50cnkg JmFtcDsgVGl0bGU=");
}

#[test]
fn a_json_feed_is_read_whatever_stands_in_its_fields() {
    let items = r#"{"id": 7, "title": null, "content_text": "1 < 2", "authors": null, "tags": {"a": [1]}, "date_published": ""},
        {"id": {"x": 1}, "url": "https://a.example/2", "title": 5.5, "author": "A", "date_modified": "2026-11-23T10:00:00.5Z"},
        null, "x", [[]]"#;
    let body =
        format!(r#"{{"items": [{items}], "title": true, "version": "https://jsonfeed.org/version/1"}}"#);
    let entries = read(&body).unwrap().entries;
    assert_eq!(
        (entries[0].id.as_str(), entries[0].summary.as_str(), entries[0].published),
        ("7", "1 < 2", None)
    );
    assert_eq!((entries[1].id.as_str(), entries[1].title.as_str()), ("https://a.example/2", "5.5"));
    assert_eq!((entries[1].author.as_deref(), entries[1].published.is_some()), (Some("A"), true));
    assert!(error(&body[..body.rfind("null").unwrap()]).contains("no valid JSON"), "its version was to come");
    let named_first = body.replacen('{', r#"{"version": "https://jsonfeed.org/version/1","#, 1);
    let document = read(&named_first[..named_first.rfind("null").unwrap()]).unwrap();
    assert_eq!((document.entries.len(), document.cut_off), (2, true));
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
        ("<urlset/>", "this is a sitemap, not a feed; write kind = \"sitemap\" under its url"),
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
    let marks = "<rss><channel><item><title>a <<\u{feff}<<\u{feff}\u{feff}1</title></item></channel></rss>";
    assert_eq!(read(marks).unwrap().entries[0].title, "a <<<<1");
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
