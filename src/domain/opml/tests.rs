//! What readers of feeds write, and what nobody should.

use std::time::{Duration, Instant};

use super::*;

fn list(body: &str) -> Opml {
    read(format!("<opml version=\"1.0\"><head><title>T</title></head><body>{body}</body></opml>").as_bytes())
        .unwrap()
}

/// `url | name | tags` of each feed.
fn shown(list: &Opml) -> Vec<String> {
    let show = |s: &Subscription| {
        format!("{} | {} | {}", s.url, s.name.as_deref().unwrap_or("-"), s.tags.join("; "))
    };
    list.subscriptions.iter().map(show).collect()
}

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    assert_eq!(shown(&list(body)), expected, "{body}");
}

#[test]
fn feeds_are_read_with_their_folders_and_categories() {
    check(
        "<outline text='Asia'>\n<outline text='Kazakhstan' title='KZ'>\
         <outline type='rss' text='Kazinform' xmlUrl='https://a.example/rss' htmlUrl='https://a.example/'/></outline>\
         <outline text='B' xmlUrl='https://b.example/'/></outline><outline text='C' xmlUrl='https://c.example/'/>",
        &[
            "https://a.example/rss | Kazinform | Asia; KZ",
            "https://b.example/ | B | Asia",
            "https://c.example/ | C | ",
        ],
    );
    check(
        "<outline text='x'><outline text='A' xmlUrl='https://a.example/' category='kz, agency,/World/Asia,x,,'/></outline>",
        &["https://a.example/ | A | x; kz; agency; World; Asia"],
    );
    let site = list("<outline xmlUrl='https://a.example/rss' htmlUrl='https://a.example'/>");
    assert_eq!(site.subscriptions[0].site.as_deref(), Some("https://a.example/"));
}

#[test]
fn readers_write_what_they_like() {
    let cases = [
        ("<OUTLINE TEXT='A' XMLURL='https://a.example/'/>", "https://a.example/ | A | "),
        ("<outline title='A' text='B' xmlurl='https://a.example/'></outline>", "https://a.example/ | A | "),
        ("<outline title='' text='B' xmlUrl='https://a.example/'/>", "https://a.example/ | B | "),
        ("<outline text='https://a.example/x' xmlUrl='https://a.example/x'/>", "https://a.example/x | - | "),
        ("<outline text=A xmlUrl=https://a.example/x />", "https://a.example/x | A | "),
        ("<outline type='rss' text='A' url='https://a.example/x'/>", "https://a.example/x | A | "),
        ("<outline type='atom' text='A' feedUrl='feed://a.example/x'/>", "https://a.example/x | A | "),
        ("<outline text='A' xmlUrl='a.example/x'/>", "https://a.example/x | A | "),
        ("<outline text='A' xmlUrl=' https://a.example/?a=1&b=2 '/>", "https://a.example/?a=1&b=2 | A | "),
        (
            "<outline text='A' xmlUrl='https://a.example/?a=1&amp;amp;b=2'/>",
            "https://a.example/?a=1&b=2 | A | ",
        ),
        (
            "<outline text='T&uuml;rk &amp; Co &#1179;&#x4b; &nonsense; & &#xffffffff;' xmlUrl='https://a.example/'/>",
            "https://a.example/ | Türk & Co қK &nonsense; & &#xffffffff; | ",
        ),
        (
            "<outline text='two\nlines\u{7}' xmlUrl='https://a.example/'/>",
            "https://a.example/ | two lines | ",
        ),
        ("<outline text='A' xmlUrl='https://a.example/' text='A'/>", "https://a.example/ | A | "),
        (
            "<outline text='Folder'><p><outline xmlUrl='https://a.example/'/></outline>",
            "https://a.example/ | - | Folder",
        ),
        ("</outline></outline><outline xmlUrl='https://a.example/'/>", "https://a.example/ | - | "),
    ];
    for (body, expected) in cases {
        check(body, &[expected]);
    }
}

#[test]
fn a_list_without_its_root_is_one() {
    for text in
        ["<body><outline xmlUrl='https://a.example/'/></body>", "<outline xmlUrl='https://a.example/'/>"]
    {
        assert_eq!(read(text.as_bytes()).unwrap().subscriptions.len(), 1, "{text}");
    }
}

#[test]
fn encodings_are_read_like_those_of_feeds() {
    let text = "<?xml version='1.0' encoding='windows-1251'?><opml><body><outline text='Казинформ' \
                xmlUrl='https://a.example/'/></body></opml>";
    let body = encoding_rs::WINDOWS_1251.encode(text).0;
    assert_eq!(read(&body).unwrap().subscriptions[0].name.as_deref(), Some("Казинформ"));
    let marked = [b"\xef\xbb\xbf \n".as_slice(), b"<opml><body/></opml>"].concat();
    assert_eq!(read(&marked).unwrap(), Opml::default());
}

#[test]
fn a_feed_that_is_there_twice_is_one_with_the_tags_of_both() {
    let list = list(
        "<outline text='x'><outline text='A' xmlUrl='https://a.example/feed'/></outline>\
         <outline text='y'><outline text='B' xmlUrl='http://a.example/feed/'/></outline>",
    );
    assert_eq!((shown(&list), list.repeated), (vec!["https://a.example/feed | A | x; y".to_owned()], 1));
}

#[test]
fn what_cannot_be_a_source_is_told_with_its_line() {
    let list = list(
        "\n<outline type='rss' text='No address' htmlUrl='https://a.example/'/>\n\
         <outline text='Remark' isComment='true'><outline xmlUrl='https://no.example/'/></outline>\n\
         <outline type='rss' text='Login' xmlUrl='https://me:hunter2@a.example/'/>\n\
         <outline text='Odd' xmlUrl='file:///etc/passwd'/>\n\
         <outline type='include' text='More' url='https://a.example/more.opml'/>\n\
         <outline type='link' text='A page' url='https://a.example/'/><outline text='Empty folder'/>",
    );
    assert_eq!(list.subscriptions, []);
    let told: Vec<_> = list.unusable.iter().map(|u| format!("{}: {}", u.line, u.why)).collect();
    assert_eq!(
        told,
        [
            "2: no address of a feed",
            "4: the address holds a user or a password",
            "5: only http and https can be polled, not file:",
            "6: it stands for another list, https://a.example/more.opml",
        ]
    );
    assert_eq!(list.unusable[0].site.as_deref(), Some("https://a.example/"));
    assert!(!format!("{list:?}").contains("hunter2"));
}

#[test]
fn what_is_no_list_is_told() {
    let cases = [
        ("", "this is an empty file, not OPML"),
        ("feeds", "this is plain text, not OPML"),
        ("<!DOCTYPE html><html><body>", "this is a web page, not OPML"),
        ("<rss version='2.0'/>", "this is a feed itself, not OPML"),
        ("<urlset/>", "this is an XML document of another kind (<urlset>), not OPML"),
        ("<!-- nothing -->", "this is no XML, not OPML"),
        (
            "<opml>\n<body>\n<outline xmlUrl='https://a.example/'/>\n",
            "line 4: it ends before </opml>, as if cut off",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    }
    let broken = read(b"<opml>\n<body>\n<outline text='a\n").unwrap_err().to_string();
    assert!(broken.starts_with("line 3: "), "{broken}");
}

/// Numbers that follow from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from((mixed ^ (mixed >> 27)) % bound as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, these: &[&'a T]) -> &'a T {
        these[self.below(these.len())]
    }

    /// A name as a config may hold it: one line, not empty.
    fn name(&mut self) -> String {
        let parts = [
            "kz",
            "Агентство",
            "a,b",
            "/x",
            "\"q\"",
            "'",
            "<b>",
            "&",
            "]]>",
            "&#65;",
            "新闻",
            "-",
            "𐰴",
            " y",
        ];
        let count = 1 + self.below(3);
        (0..count).map(|_| self.pick(&parts)).collect::<String>().trim().to_owned()
    }

    fn subscription(&mut self, number: usize) -> Subscription {
        let mut tags = Vec::new();
        let count = self.below(5);
        add_tags(&mut tags, (0..count).map(|_| self.name()).collect::<Vec<_>>().into_iter());
        let query = self.pick(&["", "?a=1&b=2", "?q=%22x%22"]);
        let name = (self.below(4) > 0).then(|| self.name());
        let site = (self.below(2) > 0).then(|| format!("https://{number}.example/"));
        Subscription {
            url: Url::parse(&format!("https://{number}.example/feed{query}")).unwrap(),
            name,
            site,
            tags,
        }
    }
}

#[test]
fn what_is_written_is_read_again_as_it_was() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let count = chance.below(30);
        let mut subscriptions: Vec<_> = (0..count).map(|number| chance.subscription(number)).collect();
        let written = write(&chance.name(), &subscriptions);
        let again = read(written.as_bytes()).unwrap();
        assert_eq!((again.repeated, &again.unusable[..]), (0, &[][..]), "{written}");
        let mut read = again.subscriptions;
        for list in [&mut read, &mut subscriptions] {
            list.sort_by(|a, b| a.url.cmp(&b.url));
            for subscription in list.iter_mut() {
                subscription.tags.sort();
            }
        }
        assert_eq!(read, subscriptions, "seed {seed}: {written}");
    }
}

#[test]
fn no_input_panics() {
    let mut chance = Chance(7);
    let whole = write("T", &(0..5).map(|number| chance.subscription(number)).collect::<Vec<_>>());
    let odd =
        ["<", ">", "&", "\"", "'", "<!--", "<![CDATA[", "<!DOCTYPE x [", "&#0;", "\0", "\u{2028}", "<?", "="];
    for _ in 0..3000 {
        let mut body = whole.clone().into_bytes();
        for _ in 0..=chance.below(4) {
            let at = chance.below(body.len());
            match chance.below(3) {
                0 => body.truncate(at.max(1)),
                1 => body[at] = u8::try_from(chance.below(256)).unwrap(),
                _ => drop(body.splice(at..at, chance.pick(&odd).bytes())),
            }
        }
        drop(read(&body));
    }
}

#[test]
fn floods_end_soon() {
    let wrap = |body: String| format!("<opml><body>{body}</body></opml>");
    let deep = "<outline text='a folder of some name'>".repeat(50_000);
    let feed = "<outline xmlUrl='http://a.example/'/>";
    let tags: Vec<_> = (0..300_000).map(|n| n.to_string()).collect();
    let feeds: Vec<_> = (0..=20_000).map(|n| format!("<outline xmlUrl='http://a.example/{n}'/>")).collect();
    let cases = [
        ("deep", wrap(deep.clone() + &"</outline>".repeat(50_000)), Ok(0)),
        ("many deep down", wrap(deep + &feed.repeat(10_000)), Ok(1)),
        ("one feed over and over", wrap(feed.repeat(50_000)), Ok(1)),
        ("too many feeds", wrap(feeds.concat()), Err(OpmlError::TooMuch)),
        ("too many bad ones", wrap("<outline xmlUrl='x:'/>".repeat(300_000)), Err(OpmlError::TooMuch)),
        ("tags", wrap(format!("<outline xmlUrl='http://a.example/' category='{}'/>", tags.join(","))), Ok(1)),
        ("attributes", wrap(format!("<outline {}/>", "a='1' ".repeat(300_000))), Ok(0)),
        ("ampersands", wrap(format!("<outline text='{}'/>", "&".repeat(300_000))), Ok(0)),
    ];
    for (what, text, expected) in cases {
        let began = Instant::now();
        assert_eq!(read(text.as_bytes()).map(|list| list.subscriptions.len()), expected, "{what}");
        // Tenfold of what it takes; one that is not linear takes a thousandfold.
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
    }
}
