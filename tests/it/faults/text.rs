//! Feeds in odd bytes keep their entries, and the mails about them are sound; documents that name entities get
//! neither files nor pages for them.

use std::time::{Duration, Instant};

use habar::time::HOUR;

use crate::web::Answer;
use crate::world::World;

const A: &str = "http://a.test/a.xml";
const WATCH: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway", "железная дорога"]

    [[source]]
    url = "http://a.test/a.xml"
    full_text = false
"#;

fn document(declaration: &str, title: &str) -> String {
    format!(
        "<?xml version=\"1.0\"{declaration}?>\n<rss version=\"2.0\"><channel><title>A</title><item>\
         <guid>1</guid><title>{title}</title></item></channel></rss>"
    )
}

/// A document whose title has these bytes where `@` stands.
fn with_bytes(title: &str, bytes: &[u8]) -> Vec<u8> {
    let text = document("", title);
    let (before, after) = text.split_once('@').unwrap();
    [before.as_bytes(), bytes, after.as_bytes()].concat()
}

fn utf_16(text: &str) -> Vec<u8> {
    [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

/// Of one byte a letter, as old servers write them.
fn windows_1251(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1251.encode(text).0.into_owned()
}

#[tokio::test]
async fn odd_bytes_keep_the_entry_the_keyword_and_a_sound_mail() {
    let cases = [
        ("invalid UTF-8", with_bytes("The railway @ opens", b"\xFF\xFE\xC3")),
        ("UTF-16", utf_16(&document(" encoding=\"utf-16\"", "Новая железная дорога"))),
        (
            "a charset that only the document names",
            windows_1251(&document(" encoding=\"windows-1251\"", "Новая железная дорога")),
        ),
        (
            "a wrong charset in the document",
            document(" encoding=\"iso-8859-1\"", "Новая железная дорога").into_bytes(),
        ),
        ("NUL", with_bytes("The railway@ opens", b"\0")),
        ("an escape sequence", with_bytes("The railway@ opens", b"\x1B[31m")),
        ("a numbered control character", document("", "The &#27;railway &#0;opens").into_bytes()),
        ("bidi overrides", document("", "The \u{202E}railway\u{202C} \u{2066}opens").into_bytes()),
        ("letters of four bytes", document("", "🚂 The railway opens 🎉").into_bytes()),
        (
            "a header's end",
            document("", "The railway&#13;&#10;Bcc: all@test.example&#10;&#10;opens").into_bytes(),
        ),
    ];
    for (name, bytes) in cases {
        let world = World::settled(WATCH).await;
        world.page(A, Answer::feed(bytes));
        world.pass(HOUR).await;
        let mail = world.mail();
        assert_eq!(mail.len(), 1, "{name}");
        assert_sound(name, &mail[0].bytes);
        let letters =
            |text: &str| text.chars().all(|c| !c.is_control() && !"\u{202E}\u{202C}\u{2066}".contains(c));
        assert!(letters(&mail[0].subject), "{name}: {:?}", mail[0].subject);
        assert!(mail[0].text.lines().all(letters), "{name}: {:?}", mail[0].text);
        let stored: Vec<String> = world.select("SELECT title FROM entries");
        assert!(stored.len() == 1 && letters(&stored[0]), "{name}: {stored:?}");
    }
}

/// What RFC 5322 asks of every mail, and that nobody else is told.
fn assert_sound(name: &str, mail: &[u8]) {
    let text = String::from_utf8_lossy(mail);
    assert!(!mail.contains(&0), "{name}: NUL");
    assert!(
        text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])),
        "{name}: {text}"
    );
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.is_ascii(), "{name}: {head}");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{name}: {head}");
    assert!(mail_parser::MessageParser::default().parse(mail).is_some(), "{name}");
}

#[tokio::test]
async fn entities_reach_no_file_and_no_page_and_cost_nothing() {
    const SECRET: &str = "squeamish-ossifrage";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{SECRET} railway")).unwrap();
    let file = format!("file://{}", file.path().display());
    let laughs: Vec<_> =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = laughs.concat();
    let cases = [
        ("entity bomb", format!("<!DOCTYPE rss [<!ENTITY l0 \"ha \">{laughs}]>"), "&l9;"),
        (
            "one long entity many times",
            format!("<!DOCTYPE rss [<!ENTITY l \"{}\">]>", "ha ".repeat(50_000)),
            "&l;&l;&l;&l;&l;&l;",
        ),
        ("an entity of itself", "<!DOCTYPE rss [<!ENTITY l \"&l;\">]>".to_owned(), "&l;"),
        ("a file", format!("<!DOCTYPE rss [<!ENTITY l SYSTEM \"{file}\">]>"), "&l;"),
        ("a page", "<!DOCTYPE rss [<!ENTITY l SYSTEM \"http://b.test/secret\">]>".to_owned(), "&l;"),
        ("a DTD elsewhere", "<!DOCTYPE rss SYSTEM \"http://b.test/secret\">".to_owned(), "&l;"),
        (
            "parameter entities",
            format!(
                "<!DOCTYPE rss [<!ENTITY % f SYSTEM \"{file}\"><!ENTITY % d SYSTEM \"http://b.test/secret\">%d;%f;]>"
            ),
            "&f;",
        ),
    ];
    for (name, doctype, entity) in cases {
        let world = World::settled(WATCH).await;
        world.page("http://b.test/secret", Answer::ok("text/plain", format!("{SECRET} railway")));
        let plain = document("", "The railway opens").replace("</item>", &format!(
            "</item><item><guid>2</guid><title>Odd {entity}</title><description>{entity}</description></item>"
        ));
        let bytes = plain.replacen("?>", &format!("?>{doctype}"), 1);
        let began = Instant::now();
        let _ = habar::domain::feed::parse(bytes.as_bytes(), None, url::Url::parse(A).ok().as_ref());
        assert!(began.elapsed() < Duration::from_secs(1), "{name}: {:?}", began.elapsed());
        world.page(A, Answer::feed(bytes));
        world.pass(HOUR).await;
        let asked = world.asked();
        assert!(asked.iter().all(|address| address == A), "{name}: {asked:?}");
        let kept: Vec<String> = world.select("SELECT title || ' ' || summary FROM entries ORDER BY id");
        assert!(kept.iter().all(|text| !text.contains(SECRET) && text.len() < 200_000), "{name}");
        assert!(kept.iter().any(|text| text.starts_with("The railway opens")), "{name}: {kept:?}");
        assert_eq!(world.mail().len(), 1, "{name}");
    }
}
