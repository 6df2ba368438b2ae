//! `check --online`: what answers and what does not, and the lines worth commenting out.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Home, Item, config, rss};
use crate::smtp_server::{Act, At, Security, SmtpServer};
use crate::web::{Answer, Web};

/// Sources of which one works, one may work again, and two will not.
const PACK: &str = r#"# Outlets of the valley
[[source]]
url = "WEB/missing.xml"
name = "Missing"
tags = [
    "kz",
]

# A page that was taken for a feed.
[[source]]
name = "Page"
url = 'WEB/page.html'
[[source]]
url = "WEB/busy.xml"
name = "Busy"
"#;

/// A web with these sources, and a home whose config includes the pack.
async fn valley(via: &str) -> (Web, Home) {
    let web = Web::at("127.0.0.1").await;
    let entry = |title: &str| Item {
        guid: title.to_owned(),
        title: title.to_owned(),
        summary: String::new(),
        link: None,
    };
    web.page("/feed.xml", Answer::feed(rss(&[entry("One"), entry("Two")])));
    web.page("/page.html", Answer::ok("text/html", "<html><body>Welcome</body></html>"));
    web.page("/busy.xml", Answer::status(503));
    let home = Home::new(
        &("include = [\"pack.toml\"]\n".to_owned()
            + &config(via, &[web.url("/feed.xml")], "[\"river\"]", "")),
    );
    let pack = PACK.replace("WEB", web.url("/").as_str().trim_end_matches('/'));
    std::fs::write(home.path().join("pack.toml"), pack).unwrap();
    (web, home)
}

fn via(smtp: &SmtpServer) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", smtp.port)
}

#[tokio::test]
async fn each_source_is_asked_once_and_what_will_not_work_can_be_commented_out() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let (web, home) = valley(&via(&smtp)).await;
    let told = home.run(&["check", "--online"]).await;
    assert_eq!(told.code, Some(0), "the config is fine: {}\n{}", told.stdout, told.stderr);
    let mut asked: Vec<String> = web.take_log().into_iter().map(|asked| asked.path).collect();
    asked.sort();
    assert_eq!(asked, ["/busy.xml", "/feed.xml", "/missing.xml", "/page.html"], "and no robots.txt");
    let (_, online) = told.stdout.split_once("\nAsked\n").expect(&told.stdout);
    let line = |start: &str| online.lines().find(|line| line.contains(start)).unwrap_or_default();
    let address = web.url("/feed.xml").to_string();
    for (source, words) in [
        ("Missing ", &["fails", "(404)"][..]),
        ("Page ", &["fails", "a web page, not a feed"]),
        ("Busy ", &["fails", "(503)"]),
        (&*format!("{address} "), &["ok", " 2 ", "never"]),
        ("1 of 4 sources", &["answer with a feed"]),
        ("mail can be handed to", &["smtp://127.0.0.1"]),
        ("  EHLO", &[]),
        ("pack.toml:2: ", &["(404)"]),
        ("pack.toml:10: ", &["not a feed"]),
        ("# name = \"Missing\"", &[]),
        ("#     \"kz\",", &[]),
        ("# url = '", &["/page.html'"]),
    ] {
        assert!(!line(source).is_empty(), "{source} in {}", told.stdout);
        assert!(words.iter().all(|word| line(source).contains(word)), "{source}{words:?} in {}", told.stdout);
    }
    assert!(!told.stdout.contains("# name = \"Busy\""), "what may pass stays: {}", told.stdout);
    assert!(!home.state().exists() && smtp.taken().is_empty(), "nothing is stored or sent");

    let command = line("  sed -i").trim().to_owned();
    let edited = std::process::Command::new("sh").args(["-c", &command]).current_dir(home.path()).status();
    assert!(edited.unwrap().success(), "{command}");
    let told = home.run(&["check", "--json"]).await;
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let left: Vec<_> =
        told["sources"].as_array().unwrap().iter().map(|s| s["url"].as_str().unwrap()).collect();
    assert_eq!(left, [&address, web.url("/busy.xml").as_str()]);
}

#[tokio::test]
async fn sitemaps_and_pages_are_asked_as_the_daemon_asks_them() {
    let web = Web::at("127.0.0.1").await;
    let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", ""));
    let source = |path: &str, more: &str| {
        format!("[[source]]\nurl = \"{}\"\nname = \"{path}\"\n{more}\n", web.url(path))
    };
    let page = "kind = \"page\"\nitem = \"li\"";
    let sources = [
        source("/index.xml", "kind = \"sitemap\""),
        source("/far.xml", "kind = \"sitemap\""),
        source("/list", page),
        source("/broken-list", page),
        source("/private/list", page),
        source("/part.xml", ""),
    ];
    home.save(&(std::fs::read_to_string(home.config()).unwrap() + &sources.concat()));
    let part = web.url("/part.xml");
    let index = |part: &str| format!("<sitemapindex><sitemap><loc>{part}</loc></sitemap></sitemapindex>");
    web.page("/index.xml", Answer::ok("text/xml", index(part.as_str())));
    web.page("/far.xml", Answer::ok("text/xml", index("https://elsewhere.example/part.xml")));
    let urls = "<urlset><url><loc>/1</loc></url><url><loc>/2</loc></url></urlset>";
    web.page("/part.xml", Answer::ok("text/xml", urls));
    web.page(
        "/list",
        Answer::ok(
            "text/html",
            "<ul><li><a href=/1>One</a><li><a href=/2>Two</a><li><a href=/3>Three</a></ul>",
        ),
    );
    web.page("/broken-list", Answer::ok("text/html", "<p>Welcome</p>"));
    web.page("/robots.txt", Answer::ok("text/plain", "User-agent: *\nDisallow: /private/"));
    let told = home.run(&["check", "--online"]).await;
    let (_, online) = told.stdout.split_once("\nAsked\n").expect(&told.stdout);
    for (source, words) in [
        ("/index.xml ", &["ok", " 2 "][..]),
        ("/far.xml ", &["fails", "whose only part lies at another host"]),
        ("/list ", &["ok", " 3 "]),
        ("/broken-list ", &["fails", "the selector `li` matches nothing"]),
        ("/private/list ", &["fails", "robots.txt forbids the page"]),
        ("/part.xml ", &["fails", "this is a sitemap, not a feed; write kind"]),
    ] {
        let line = online.lines().find(|line| line.starts_with(source)).unwrap_or_default();
        assert!(words.iter().all(|word| line.contains(word)), "{source}{words:?} in {}", told.stdout);
    }
    let asked: Vec<String> = web.take_log().into_iter().map(|asked| asked.path).collect();
    assert!(!asked.contains(&"/private/list".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_unavailable_and_programs_hear_why() {
    let smtp = SmtpServer::start(Security::Plain).await;
    smtp.always(At::Ehlo, Act::say("554 5.7.1 go away"));
    let (web, home) = valley(&via(&smtp)).await;
    let told = home.run(&["check", "--online", "--json"]).await;
    assert_eq!(told.code, Some(69), "{}", told.stderr);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let online = &told["online"];
    assert!(online["login"]["reason"].as_str().unwrap().contains("go away"), "{online}");
    let sources = online["sources"].as_array().unwrap();
    let shown: Vec<_> = sources
        .iter()
        .map(|s| {
            (s["ok"].as_bool().unwrap(), s["worth_commenting_out"].as_bool().unwrap(), s["line"].as_u64())
        })
        .collect();
    assert_eq!(
        shown,
        [(true, false, None), (false, true, Some(2)), (false, true, Some(10)), (false, false, None)],
        "{online}"
    );
    assert_eq!(
        (&sources[0]["url"], &sources[0]["entries"]),
        (&web.url("/feed.xml").as_str().into(), &2.into())
    );
    assert!(sources[3]["help"].is_string());
}

#[tokio::test]
async fn where_nothing_answers_nothing_is_worth_commenting_out() {
    let (web, home) = valley("maildir:mail").await;
    web.page("/feed.xml", Answer::status(404));
    let told = home.run(&["check", "--online"]).await;
    assert_eq!(told.code, Some(69), "{}", told.stderr);
    assert!(told.stdout.contains("whether this machine reaches the web"), "{}", told.stdout);
    assert!(!told.stdout.contains("Worth commenting out"), "{}", told.stdout);
    assert!(told.stdout.contains("none: mail is written to maildir:"), "{}", told.stdout);
    assert!(!home.state().exists(), "no Maildir is made either");
}

#[tokio::test]
async fn a_source_that_has_never_worked_for_a_day_is_worth_commenting_out_whatever_it_says() {
    let (_web, home) = valley("maildir:mail").await;
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    rusqlite::Connection::open(home.database())
        .unwrap()
        .execute_batch("UPDATE feeds SET added_at = added_at - 90000000")
        .unwrap();
    let told = home.run(&["check", "--online"]).await;
    assert!(told.stdout.contains("# name = \"Busy\""), "{}", told.stdout);
}

#[tokio::test]
async fn one_host_is_asked_one_thing_at_a_time_with_its_gap() {
    let (web, home) = valley("maildir:mail").await;
    let written = std::fs::read_to_string(home.config()).unwrap();
    home.save(&written.replace("host_gap = \"0s\"", "host_gap = \"1s\""));
    let began = Instant::now();
    home.run(&["check", "--online"]).await;
    assert!(began.elapsed() >= Duration::from_secs(3), "four sources, three gaps: {:?}", began.elapsed());
    assert_eq!(web.log().len(), 4);
}
