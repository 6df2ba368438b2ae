//! Feeds and dates at random: good ones with pieces cut out, doubled, exchanged and put in. A run follows from its
//! seed.

use std::time::{Duration, Instant};

use habar::domain::feed::{self, Document, dates};
use url::Url;

use super::chance::Chance;

/// Sound documents, one of each format.
const SOUND: [&str; 6] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
     xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" xmlns:media=\"http://search.yahoo.com/mrss/\">\
     <channel><title>Bozkır &amp; deniz</title><link>https://a.example/</link><language>tr</language><ttl>15</ttl>\
     <item><title>Zirve <![CDATA[başladı & bitti]]></title><link>/1?a=1&amp;b=2</link><guid isPermaLink=\"false\">1</guid>\
     <pubDate>Mon, 23 Nov 2026 10:00:00 +0300</pubDate><dc:creator>Aylin Demir</dc:creator>\
     <media:group><media:title>x</media:title></media:group><description>&lt;p&gt;T&uuml;rk&lt;/p&gt;</description>\
     <content:encoded><![CDATA[<p>Long</p>]]></content:encoded></item><item><guid>https://a.example/2</guid></item>\
     </channel></rss>",
    "<rss version=\"2.0\"><channel><title>t</title><item><title>one</title><link>https://a.example/1</link>\
     <guid>https://a.example/1</guid><pubDate>Mon, 23 Nov 2026 10:00:00 GMT</pubDate><description>d</description>\
     <author>a@b.example (A B)</author></item><item><title>two</title></item></channel></rss>",
    "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"kk\" xml:base=\"https://a.example/x/\"><title>t</title>\
     <entry><id>urn:1</id><title type=\"html\">a &lt;b&gt;b&lt;/b&gt;</title><link rel=\"alternate\" href=\"1\"/>\
     <updated>2026-11-23T10:00:00Z</updated><author><name>N</name><email>e@x.example</email></author>\
     <content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</p></div></content></entry></feed>",
    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
     xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel rdf:about=\"u\"><title>t</title></channel>\
     <item rdf:about=\"https://a.example/1\"><title>one</title><dc:date>2026-11-23</dc:date></item></rdf:RDF>",
    "<CHANNEL HREF=\"https://a.example/\" LASTMOD=\"2026-11-23\"><TITLE>t</TITLE><ITEM HREF=\"/1\"><TITLE>one</TITLE>\
     <ABSTRACT>x</ABSTRACT></ITEM></CHANNEL>",
    "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[{\"id\":1,\"url\":\"https://a.example/1\",\
     \"title\":\"one\",\"content_html\":\"<p>x</p>\",\"authors\":[{\"name\":\"N\"}],\"date_published\":\"2026-11-23T10:00:00Z\"}]}",
];

const PIECES: [&str; 40] = [
    "<",
    ">",
    "&",
    "\"",
    "'",
    "/>",
    "</",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml encoding=\"utf-16\"?>",
    "<!DOCTYPE a [",
    "<!ENTITY a \"&a;&a;\">",
    "&#0;",
    "&#xD800;",
    "&#x110000;",
    "&eacute",
    "&amp;amp;",
    "<item>",
    "</item>",
    "<title>",
    "</title>",
    "<entry/>",
    "<link href='//[x'/>",
    " xmlns:a='u'",
    " xml:base='http://[::1'",
    "<media:description/>",
    "<itunes:duration>9:99999999999999999999:9</itunes:duration>",
    "\0",
    "\u{1b}",
    "\u{feff}",
    "\u{202e}",
    "🎈",
    "İı",
    "{",
    "[",
    "\\ud800",
    ",",
    "null",
];

const TYPES: [Option<&str>; 6] = [
    None,
    Some("text/xml"),
    Some("application/json; charset=utf-8"),
    Some("text/xml; charset=windows-1254"),
    Some("text/xml; charset=utf-16le"),
    Some("; charset=\"iso-2022-jp"),
];

const DATES: [&str; 12] = [
    "Mon, 23 Nov 2026 10:00:00 +0300",
    "2026-11-23T10:00:00.123+03:00",
    "23 Kasım 2026 Pazartesi 10:00",
    "2026 жылғы 23 қараша, дүйсенбі 10:00",
    "11/23/2026 10:00:00 PM",
    "2026年11月23日 下午3時30分",
    "2026년 11월 23일 월요일 오전 10시",
    "دوشنبه ۲ آذر ۱۴۰۵ - ۱۰:۰۰",
    "23 تشرين الثاني 2026 ١٠:٠٠ ص",
    "Nov 23 10:00:00 +0000 2026 (MSK)",
    "20261123T100000Z",
    "1795428000000",
];

/// Reads so many mutants, each within a second, and looks at what came of them.
pub fn read_many(seed: u64, count: usize) {
    let mut chance = Chance::new(seed);
    let url = Url::parse("https://feeds.example.org/world/rss.xml").unwrap();
    for number in 0..count {
        let body = mutant(&mut chance, &SOUND, 6);
        let (kind, url) = (*chance.pick(&TYPES), Some(&url).filter(|_| number % 4 > 0));
        let began = Instant::now();
        let read = feed::parse(&body, kind, url);
        let shown = || format!("mutant {number} of seed {seed}: {:?}", String::from_utf8_lossy(&body));
        assert!(began.elapsed() < Duration::from_secs(1), "{}", shown());
        if let Ok(document) = read {
            examine(&document, url.is_some(), &shown);
        }
    }
}

/// What can be relied on, whatever was read.
fn examine(document: &Document, has_address: bool, shown: &dyn Fn() -> String) {
    for entry in &document.entries {
        assert!(!entry.id.is_empty() && entry.id.len() <= 2048, "{}", shown());
        let visible = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
        assert!(entry.title.chars().all(visible) && entry.title.chars().count() <= 1000, "{}", shown());
        assert!(entry.summary.chars().all(|c| c == '\n' || visible(c)), "{}", shown());
        if let (Some(link), true) = (&entry.link, has_address) {
            assert!(Url::parse(link).is_ok_and(|url| url.scheme().starts_with("http")), "{}", shown());
        }
        let years = "1980-01-01T00:00:00Z".."2100-01-02T00:00:00Z";
        assert!(entry.published.is_none_or(|at| years.contains(&at.to_string().as_str())), "{}", shown());
    }
}

/// Reads so many texts that were dates once.
pub fn read_dates(seed: u64, count: usize) {
    let mut chance = Chance::new(seed);
    for _ in 0..count {
        let bytes = mutant(&mut chance, &DATES, 3);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(at) = dates::parse(&text) {
            let year: i32 = at.to_string()[..4].parse().unwrap();
            assert!((1979..=2100).contains(&year), "{text:?} is {at}");
        }
    }
}

fn mutant(chance: &mut Chance, of: &[&str], most: usize) -> Vec<u8> {
    let mut bytes = chance.pick(of).as_bytes().to_vec();
    for _ in 0..=chance.below(most) {
        let (from, to) = (chance.below(bytes.len() + 1), chance.below(bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 1 + chance.below(200)));
        match chance.below(6) {
            0 => drop(bytes.drain(from..to)),
            1 => {
                let part = bytes[from..to].repeat(1 + chance.below(4));
                bytes.splice(from..from, part);
            }
            2 => bytes.truncate(from.max(1)),
            3 if from < bytes.len() => bytes[from] = u8::try_from(chance.below(256)).unwrap_or(0),
            _ => {
                let piece = chance.pick(if of.len() == DATES.len() { &DATES[..] } else { &PIECES[..] });
                let piece = &piece.as_bytes()[..=chance.below(piece.len())];
                bytes.splice(from..from, piece.iter().copied());
            }
        }
    }
    bytes
}
