//! Mails read back: headers by a strict reader of our own, the rest by mail-parser.

use mail_parser::{Address, Message as Parsed, MessageParser};

use super::*;
use crate::domain::digest::wrap::cut;

/// Reads an unstructured header as RFC 2047 has it, each encoded-word by itself, and panics at what
/// a strict reader refuses.
fn strict(raw: &[u8], name: &str) -> String {
    let head = std::str::from_utf8(raw).unwrap().split("\r\n\r\n").next().unwrap();
    let start = format!("{name}: ");
    let mut lines = head.split("\r\n").skip_while(|line| !line.starts_with(&start));
    let mut value = lines.next().unwrap_or_else(|| panic!("no {name}"))[start.len()..].to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        assert!(!line.trim().is_empty(), "a folded line of nothing");
        value.push_str(line);
    }
    let mut out = String::new();
    let mut after_encoded = None;
    for token in value.split(' ') {
        if let Some(text) = decoded(token) {
            // The space between two encoded-words is not shown.
            out.push_str(if after_encoded == Some(false) { " " } else { "" });
            out.push_str(&text);
            after_encoded = Some(true);
        } else {
            assert!(!token.contains("=?"), "half an encoded-word: {token}");
            out.push_str(if after_encoded.is_some() { " " } else { "" });
            out.push_str(token);
            after_encoded = Some(false);
        }
    }
    out
}

fn decoded(token: &str) -> Option<String> {
    let body = token.strip_prefix("=?utf-8?b?")?.strip_suffix("?=")?;
    assert!(token.len() <= 75, "an encoded-word of {} characters", token.len());
    let mut bytes = Vec::new();
    for quad in body.as_bytes().chunks(4) {
        assert_eq!(quad.len(), 4, "base64 without its padding");
        let sextet = |byte: u8| match byte {
            b'A'..=b'Z' => u32::from(byte - b'A'),
            b'a'..=b'z' => u32::from(byte - b'a') + 26,
            b'0'..=b'9' => u32::from(byte - b'0') + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => 0,
            _ => panic!("no base64: {token}"),
        };
        let group = quad.iter().fold(0, |group, byte| group << 6 | sextet(*byte));
        let pads = if quad.ends_with(b"==") { 2 } else { usize::from(quad.ends_with(b"=")) };
        bytes.extend_from_slice(&group.to_be_bytes()[1..4 - pads]);
    }
    Some(String::from_utf8(bytes).expect("an encoded-word that splits a character"))
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn told(title: &str) -> Told {
    Told {
        story: 7,
        title: title.to_owned(),
        link: Some("https://news.example/a?b=1&c=2".to_owned()),
        outlet: "Kazinform".to_owned(),
        author: Some("A. Seitova".to_owned()),
        published: Some(at("2026-11-25T03:47:00Z")),
        language: Some("en".to_owned()),
        text: "Leaders met in Gabala on Tuesday.\nA second paragraph.".to_owned(),
        hits: vec![mark("OTS", Field::Text, "The ", "OTS", " will grow.")],
        also_in: Vec::new(),
        also_watches: Vec::new(),
    }
}

fn mark(term: &str, field: Field, before: &str, matched: &str, after: &str) -> Mark {
    Mark {
        term: term.to_owned(),
        field,
        before: before.to_owned(),
        matched: matched.to_owned(),
        after: after.to_owned(),
    }
}

fn outlet(name: &str, link: &str) -> Outlet {
    Outlet { name: name.to_owned(), link: Some(link.to_owned()) }
}

fn letter(stories: Vec<Told>) -> Letter {
    Letter {
        from: "Habar <habar@example.org>".to_owned(),
        to: "minister@example.org".to_owned(),
        watch: "Turkic States".to_owned(),
        message_id: "<1.abc@example.org>".to_owned(),
        references: Vec::new(),
        date: at("2026-11-25T04:12:00Z"),
        zone: TimeZone::posix("<+05>-5").unwrap(),
        stories,
        later: Vec::new(),
    }
}

fn parse(mail: &Mail) -> Parsed<'_> {
    let longest = mail.bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
    assert!(longest <= Some(998), "a line of {longest:?} bytes");
    assert!(mail.bytes.is_ascii(), "bytes that need 8BITMIME");
    MessageParser::default().parse(&mail.bytes).unwrap()
}

fn text_of(mail: &Mail) -> String {
    parse(mail).body_text(0).unwrap().replace("\r\n", "\n")
}

fn html_of(mail: &Mail) -> String {
    parse(mail).body_html(0).unwrap().into_owned()
}

fn header_of(mail: &Mail, name: &str) -> Option<String> {
    let parsed = parse(mail);
    parsed.header_raw(name).map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn subjects_come_through_any_strict_reader() {
    let emoji = "🇰🇿🎉👩‍👩‍👧‍👦🌍".repeat(10);
    let long_word = "a".repeat(5000);
    let titles = [
        "Tokayev backs OTS+ format in Gabala",
        "Administratör väljs av OTS i år igen",
        "é a é b é",
        "Тоқаев Ғабалада өткен саммитте Түркі мемлекеттері ұйымының жаңа пішімін қолдайтынын мәлімдеді",
        "突厥国家组织领导人在加巴拉举行会议讨论运输走廊能源合作以及未来十年的共同计划和安排",
        "قمة منظمة الدول التركية في غابالا تبحث ممرات النقل والتعاون في مجال الطاقة بين الدول الأعضاء",
        emoji.as_str(),
        long_word.as_str(),
        "a literal =?utf-8?q?=41?= stays as it is",
        "=?utf-8?b?",
        "a\u{301}\u{302}\u{303}",
    ];
    for title in titles {
        for stories in [vec![told(title)], vec![told(title), told("b")]] {
            let mail = compose(&letter(stories)).unwrap();
            assert_eq!(strict(&mail.bytes, "Subject"), mail.subject);
            assert_eq!(parse(&mail).subject(), Some(mail.subject.as_str()));
            assert!(mail.subject.chars().count() <= 150, "{}", mail.subject);
            let head = mail.bytes.split(|byte| *byte == b'\n').take_while(|line| line.len() > 1);
            for line in head {
                assert!(line.len() <= 78, "{}", String::from_utf8_lossy(line));
            }
        }
    }
}

/// Every length of every script, so that each place in a line once is where a word must end.
#[test]
fn no_length_breaks_an_encoded_word() {
    for unit in ["ә", "国", "🎉", "🇰🇿", "aé ", "é", "e\u{301}", "ab cdé fg "] {
        for count in 1..70 {
            let mail = compose(&letter(vec![told(&unit.repeat(count))])).unwrap();
            assert_eq!(strict(&mail.bytes, "Subject"), mail.subject);
        }
    }
}

#[test]
fn the_subject_names_watch_title_outlet_and_how_many_more() {
    for (stories, expected) in [
        (vec!["One"], "[Turkic States] One · Kazinform"),
        (vec!["One", "Two"], "[Turkic States] One · Kazinform +1"),
        (vec!["One", "Two", "Three", "Four"], "[Turkic States] One · Kazinform +3"),
        (vec![""], "[Turkic States] Leaders met in Gabala on Tuesday. A second paragraph. · Kazinform"),
        (vec!["One\u{202e}\u{7}\r\nTwo\u{200b}"], "[Turkic States] One Two · Kazinform"),
    ] {
        let mail = compose(&letter(stories.into_iter().map(told).collect())).unwrap();
        assert_eq!(mail.subject, expected);
    }
}

#[test]
fn a_long_title_gives_way_to_the_outlet() {
    let mail = compose(&letter(vec![told(&"word ".repeat(100)), told("b")])).unwrap();
    assert!(mail.subject.ends_with("word… · Kazinform +1"), "{}", mail.subject);
    assert!(mail.subject.chars().count() > 140);
}

#[test]
fn headers_are_as_promised() {
    let mut letter = letter(vec![told("One"), Told { story: 9, ..told("Two") }]);
    letter.watch = "Түркі мемлекеттері".to_owned();
    letter.references = vec!["<a@x>".to_owned(), "no id".to_owned(), "<b@x>".to_owned(), "<a@x>".to_owned()];
    let mail = compose(&letter).unwrap();
    for (name, expected) in [
        ("Message-ID", "<1.abc@example.org>"),
        ("Date", "Wed, 25 Nov 2026 09:12:00 +0500"),
        ("From", "Habar <habar@example.org>"),
        ("To", "minister@example.org"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("X-Habar-Story", "7 9"),
        ("In-Reply-To", "<b@x>"),
        ("References", "<a@x> <b@x>"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(header_of(&mail, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(strict(&mail.bytes, "X-Habar-Watch"), "Түркі мемлекеттері");
    let list = strict(&mail.bytes, "List-Id");
    let (phrase, id) = list.split_once(" <").unwrap();
    assert_eq!(phrase, "Түркі мемлекеттері");
    assert!(id.starts_with("watch-") && id.ends_with(".habar.example.org>") && id.is_ascii(), "{id}");
    let parsed = parse(&mail);
    assert_eq!(parsed.parts.len(), 3, "text and HTML under one alternative");
}

#[test]
fn a_mail_that_opens_a_thread_has_no_references() {
    let mail = compose(&letter(vec![told("One")])).unwrap();
    assert_eq!(header_of(&mail, "References"), None);
    assert_eq!(header_of(&mail, "In-Reply-To"), None);
}

#[test]
fn many_references_keep_the_first_and_the_last() {
    let mut letter = letter(vec![told("One")]);
    letter.references = (0..200).map(|n| format!("<{n}@example.org>")).collect();
    let mail = compose(&letter).unwrap();
    let references = header_of(&mail, "References").unwrap();
    assert!(references.starts_with("<0@example.org> <180@example.org> "), "{references}");
    assert!(references.ends_with(" <199@example.org>"));
}

#[test]
fn list_ids_differ_where_names_do() {
    let slugs = [("Turkic States", "turkic-states"), ("OTS", "ots"), ("C", "c")];
    for (name, expected) in slugs {
        assert_eq!(header::slug(name), expected);
    }
    let all =
        ["C", "C++", "C#", "Türk Devletleri", "Turk Devletleri", "ОТГ", "ТМҰ", "国", "", "-", "a b", "a-b!"];
    let mut seen: Vec<String> = all.iter().map(|name| header::slug(name)).collect();
    for slug in &seen {
        assert!(!slug.is_empty() && slug.len() <= 63, "{slug}");
        assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{slug}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all.len(), "{seen:?}");
    assert!(header::slug("Türk Devletleri Teşkilatı").starts_with("turk-devletleri-teskilati-"));
}

#[test]
fn nothing_from_outside_makes_a_header() {
    let evil = "x\r\nBcc: thief@evil.example\r\n\r\n<html>\u{0}\u{1b}[31m";
    let mut letter =
        letter(vec![Told { outlet: evil.to_owned(), author: Some(evil.to_owned()), ..told(evil) }]);
    letter.watch = evil.to_owned();
    letter.references = vec![evil.to_owned(), "<a\r\nBcc:b@c>".to_owned(), "<a b@c>".to_owned()];
    let mail = compose(&letter).unwrap();
    let parsed = parse(&mail);
    assert!(parsed.bcc().is_none());
    assert_eq!(parsed.parts.len(), 3);
    assert_eq!(header_of(&mail, "References"), None);
    let known = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "list-id",
        "auto-submitted",
        "precedence",
        "mime-version",
        "x-habar-watch",
        "x-habar-story",
        "content-type",
    ];
    for header in parsed.headers() {
        let name = header.name.as_str().to_ascii_lowercase();
        assert!(known.contains(&name.as_str()), "{name}");
    }
    assert!(!text_of(&mail).contains(['\u{0}', '\u{1b}', '\u{202e}']));
}

#[test]
fn display_names_are_phrases() {
    for (from, name) in [
        ("Habar <habar@example.org>", Some("Habar")),
        ("\"Habar, the daemon\" <habar@example.org>", Some("Habar, the daemon")),
        ("Хабар жаңалықтары <habar@example.org>", Some("Хабар жаңалықтары")),
        ("habar@example.org", None),
    ] {
        let mail = compose(&Letter { from: from.to_owned(), ..letter(vec![told("One")]) }).unwrap();
        let parsed = parse(&mail);
        let Some(Address::List(list)) = parsed.from() else { panic!("{from}") };
        assert_eq!(list[0].name.as_deref(), name, "{from}");
        assert_eq!(list[0].address.as_deref(), Some("habar@example.org"));
    }
}

#[test]
fn addresses_are_checked() {
    for bad in ["", "nobody", "a@", "a@b\r\nBcc: c@d", "a@b, c@d"] {
        let made = compose(&Letter { to: bad.to_owned(), ..letter(vec![told("One")]) });
        assert!(matches!(made, Err(MailError::Address(_))), "{bad:?}: {made:?}");
    }
    for bad in ["", "1@x", "<1>", "<1@x", "<a b@x>", "<1@x>\r\nBcc: a@b", "<1@x> <2@x>"] {
        let made = compose(&Letter { message_id: bad.to_owned(), ..letter(vec![told("One")]) });
        assert!(matches!(made, Err(MailError::MessageId(_))), "{bad:?}: {made:?}");
    }
    assert!(matches!(compose(&letter(Vec::new())), Err(MailError::Empty)));
}

#[test]
fn a_domain_of_other_letters_is_written_in_ascii() {
    let mail = compose(&Letter { to: "kata@példa.hu".to_owned(), ..letter(vec![told("One")]) }).unwrap();
    assert_eq!(header_of(&mail, "To").as_deref(), Some("kata@xn--plda-bpa.hu"));
}

#[test]
fn the_text_part_reads_like_this() {
    let mut story = told("Tokayev backs OTS+ format in Gabala");
    story.hits = vec![
        mark("OTS", Field::Title, "Tokayev backs ", "OTS", "+ format in Gabala"),
        mark("Gabala", Field::Text, "Leaders met in ", "Gabala", " on Tuesday."),
        mark("OTS", Field::Text, "The ", "OTS", " and the OTS+ will grow."),
        mark("OTS", Field::Text, "The OTS and the ", "OTS", "+ will grow."),
        mark(
            "Türk Devletleri Teşkilatı",
            Field::Text,
            "",
            "Türk Devletleri Teşkilatının",
            " zirvesi yapıldı.",
        ),
    ];
    story.also_in =
        vec![outlet("AKIpress", "https://akipress.example/1"), outlet("Trend", "javascript:alert(1)")];
    story.also_watches = vec!["Energy".to_owned(), "Transport".to_owned()];
    let mut letter = letter(vec![story]);
    letter.later = vec![Later {
        title: "Told before".to_owned(),
        outlets: vec![outlet("Daryo", "https://daryo.example/")],
    }];
    let expected = "\
Turkic States
1 story · Wed 25 Nov 2026 09:12 GMT+5

------------------------------------------------------------------------
Tokayev backs [OTS]+ format in Gabala
https://news.example/a?b=1&c=2
Kazinform · A. Seitova · Wed 25 Nov 2026 08:47 GMT+5 · English

> The [OTS] and the [OTS]+ will grow.

> [Türk Devletleri Teşkilatının] zirvesi yapıldı.

Leaders met in [Gabala] on Tuesday. A second paragraph.

Also in: AKIpress — https://akipress.example/1
Also in: Trend
Matched: OTS, in the title
Matched: Gabala, in the text
Matched: OTS, in the text (2×)
Matched: Türk Devletleri Teşkilatı → Türk Devletleri Teşkilatının, in
         the text
Also for watch: Energy, Transport

------------------------------------------------------------------------
Told before, now also in

* Told before
  Daryo — https://daryo.example/

-- 
Habar mails this for the watch “Turkic States”.
";
    assert_eq!(text_of(&compose(&letter).unwrap()).trim_end(), expected.trim_end());
}

#[test]
fn html_says_only_what_we_wrote() {
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;{{ 7 * 7 }}";
    let mut story = told(evil);
    story.link = Some("https://user:secret@news.example/\"><script>".to_owned());
    story.outlet = evil.to_owned();
    story.author = Some(evil.to_owned());
    story.language = Some("\"><script>".to_owned());
    story.text = evil.repeat(3);
    story.hits = vec![mark(evil, Field::Text, evil, evil, evil)];
    story.also_in = vec![outlet(evil, "javascript:alert(1)"), outlet(evil, "https://ok.example/")];
    story.also_watches = vec![evil.to_owned()];
    let mut letter = letter(vec![story]);
    letter.watch = evil.to_owned();
    letter.later = vec![Later { title: evil.to_owned(), outlets: vec![outlet(evil, "data:text/html,x")] }];
    let html = html_of(&compose(&letter).unwrap());
    for forbidden in ["<script", "<img", "alert(1)\"", "javascript:", "data:", "secret", "onerror=\"", "49"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("&amp;amp;"), "what was escaped before stays as it was");
    // Nothing is loaded: no tag but ours, no attribute that fetches.
    for tag in html.split('<').skip(1) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let ours = [
            "", "a", "bdi", "body", "code", "div", "head", "html", "mark", "meta", "small", "span", "strong",
            "style", "title", "br",
        ];
        assert!(ours.contains(&name.as_str()), "<{name}");
    }
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with("https://") || link.starts_with("http://"), "{}", cut(link, 40));
    }
    for loading in ["src=", "url(", "@import", "<link", "background-image"] {
        assert!(!html.replace("img src=x", "").contains(loading), "{loading}");
    }
}

#[test]
fn links_are_web_pages_or_plain_text() {
    for (link, expected) in [
        ("https://news.example/a", Some("https://news.example/a")),
        ("http://news.example/ä b", Some("http://news.example/%C3%A4%20b")),
        (" HTTPS://News.Example/ ", Some("https://news.example/")),
        ("https://bank.example@evil.example/", Some("https://evil.example/")),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://news.example/", None),
        ("//news.example/", None),
        ("/a", None),
        ("", None),
    ] {
        let mail = compose(&letter(vec![Told { link: Some(link.to_owned()), ..told("One") }])).unwrap();
        let html = html_of(&mail);
        let found = html.split("href=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
        assert_eq!(found, expected, "{link:?}");
        assert_eq!(text_of(&mail).lines().find(|line| line.starts_with("http")), expected, "{link:?}");
    }
}

#[test]
fn blocks_run_in_the_direction_of_their_script() {
    let arabic = Told {
        language: Some("ar".to_owned()),
        text: "اجتمع القادة في غابالا يوم الثلاثاء.".to_owned(),
        hits: vec![mark("المنظمة", Field::Text, "قررت ", "المنظمة", " ذلك.")],
        ..told("قمة منظمة الدول التركية")
    };
    let html = html_of(&compose(&letter(vec![arabic])).unwrap());
    assert_eq!(html.matches("dir=\"rtl\" lang=\"ar\"").count(), 3, "title, quote, text: {html}");
    assert!(html.contains("border-right:3px"), "the quote's bar stands where its lines begin");
    let html = html_of(&compose(&letter(vec![told("One")])).unwrap());
    assert!(!html.contains("dir=\"rtl\""));
}

#[test]
fn nothing_is_dropped_from_a_mail_of_500_stories() {
    let stories: Vec<Told> = (0..500)
        .map(|n| Told {
            story: n,
            hits: vec![mark("OTS", Field::Text, "The ", "OTS", " grows."); 20],
            ..told(&format!("Story number {n}."))
        })
        .collect();
    let mail = compose(&letter(stories)).unwrap();
    let (text, html) = (text_of(&mail), html_of(&mail));
    for n in 0..500 {
        assert!(text.contains(&format!("Story number {n}.")), "{n} in the text");
        assert!(html.contains(&format!("Story number {n}.")), "{n} in the HTML");
    }
    assert_eq!(text.matches("Matched:").count(), 20, "the first twenty in full");
    assert!(mail.bytes.len() < 300_000, "{} bytes", mail.bytes.len());
    assert_eq!(header_of(&mail, "X-Habar-Story").unwrap().split(' ').count(), 500);
}

#[test]
fn a_story_of_many_outlets_names_them_all() {
    let also_in = (0..300).map(|n| outlet(&format!("Outlet{n};"), "https://o.example/")).collect();
    let mail = compose(&letter(vec![Told { also_in, ..told("One") }])).unwrap();
    for n in 0..300 {
        assert!(text_of(&mail).contains(&format!("Outlet{n};")), "{n}");
        assert!(html_of(&mail).contains(&format!("Outlet{n};")), "{n}");
    }
}

#[test]
fn only_later_copies_make_a_mail_too() {
    let mut letter = letter(Vec::new());
    letter.later = vec![Later {
        title: "Told before".to_owned(),
        outlets: vec![outlet("Daryo", "https://daryo.example/")],
    }];
    let mail = compose(&letter).unwrap();
    assert_eq!(mail.subject, "[Turkic States] Told before · Daryo");
    assert!(text_of(&mail).contains("Daryo — https://daryo.example/"));
    assert_eq!(header_of(&mail, "X-Habar-Story"), None);
}

#[test]
fn odd_stories_still_make_a_mail() {
    let long = "x".repeat(5000);
    let bare = Told {
        link: None,
        author: None,
        published: None,
        language: None,
        text: String::new(),
        hits: Vec::new(),
        outlet: String::new(),
        ..told("")
    };
    let odd = [
        bare.clone(),
        Told { title: long.clone(), text: format!("{long} {long}"), ..bare.clone() },
        Told { published: Some(Timestamp::from_millis(i64::MAX)), ..bare.clone() },
        Told { published: Some(Timestamp::from_millis(i64::MIN)), ..bare.clone() },
        Told { hits: vec![mark("", Field::Text, "", "", "")], ..bare.clone() },
        Told { link: Some(format!("https://x.example/{long}")), ..bare },
    ];
    for story in odd {
        let mail = compose(&letter(vec![story])).unwrap();
        assert!(text_of(&mail).contains("-- \n"));
    }
    for (millis, date) in [
        (i64::MIN, "Thu, 1 Jan 1970 05:00:00 +0500"),
        (0, "Thu, 1 Jan 1970 05:00:00 +0500"),
        (i64::MAX, "Sat, 25 Dec 9999 05:00:00 +0500"),
    ] {
        let letter = Letter { date: Timestamp::from_millis(millis), ..letter(vec![told("One")]) };
        assert_eq!(header_of(&compose(&letter).unwrap(), "Date").as_deref(), Some(date));
    }
}

#[test]
fn the_same_letter_gives_the_same_bytes() {
    let letter = letter(vec![told("One")]);
    assert_eq!(compose(&letter).unwrap(), compose(&letter).unwrap());
}

#[test]
fn the_text_part_fits_a_terminal() {
    let mut story = told(&"A long title that goes on and on ".repeat(6));
    story.text = "突厥国家组织领导人在加巴拉举行会议，讨论运输走廊。".repeat(20);
    story.hits =
        vec![mark("OTS", Field::Text, &"Before it all ".repeat(20), "OTS", &" and after ".repeat(20))];
    let mail = compose(&letter(vec![story.clone(), story])).unwrap();
    for line in text_of(&mail).lines().filter(|line| !line.contains("http")) {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 72, "{line}");
    }
}

#[test]
fn a_notice_lists_each_trouble_under_its_kind() {
    let line = |kind: &str, subject: &str| NoticeLine {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        message: "answers 404 since Monday; look for its new address <here>".to_owned(),
        since: at("2026-11-23T04:00:00Z"),
    };
    let made = notice(&Notice {
        from: "habar@example.org".to_owned(),
        to: "admin@example.org".to_owned(),
        message_id: "<2@example.org>".to_owned(),
        date: at("2026-11-25T04:12:00Z"),
        zone: TimeZone::posix("<+05>-5").unwrap(),
        lines: vec![
            line("Source failing", "AKIpress"),
            line("Mail not delivered", "a@b.example"),
            line("Source failing", "Trend"),
        ],
    });
    let mail = made.unwrap();
    assert_eq!(mail.subject, "[Habar] Source failing: AKIpress +2");
    let text = text_of(&mail);
    let order: Vec<_> =
        ["3 things", "Source failing", "AKIpress", "Trend", "Mail not delivered", "a@b.example"]
            .iter()
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}")))
            .collect();
    assert!(order.is_sorted(), "{text}");
    assert!(text.contains("since Mon 23 Nov 2026 09:00 GMT+5"));
    assert!(html_of(&mail).contains("&lt;here&gt;"));
    assert_eq!(
        header_of(&mail, "List-Id").as_deref(),
        Some("Habar notices <habar-notices.habar.example.org>")
    );
}

#[test]
fn the_test_mail_shows_other_alphabets() {
    let zone = TimeZone::UTC;
    let mail =
        test_mail("Habar <habar@example.org>", "me@example.org", "<3@x>", at("2026-11-25T04:12:00Z"), &zone)
            .unwrap();
    assert_eq!(strict(&mail.bytes, "Subject"), mail.subject);
    assert!(text_of(&mail).contains("Әлем жаңалықтары"));
    assert!(html_of(&mail).contains("Wed 25 Nov 2026 04:12 UTC"));
}
