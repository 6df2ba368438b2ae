//! Sources that commands write into the config: `import`, `export` and `add`; comments survive, and the daemon sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::program::{Ended, Home, Item, config, end, rss};
use crate::web::{Answer, Web};

/// A config as a person keeps it: with remarks, in an order and with spaces of its own.
const KEPT: &str = r#"# The desk's config. Ask Aigerim before you change it.

[mail]
to   = ["desk@example.org"]   # the whole desk

# Agencies first.
[[source]]
url  = "https://agency.example/feed"   # the main wire
tags = [ "kz" , "agency" ]
# max_interval = "20m"

# What we look for.
[[watch]]
name     = "Rivers"
keywords = ["river"]
"#;

/// What another reader subscribes to.
const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.0"><head><title>Mine</title></head><body>
<outline text="Asia"><outline text="Kazakhstan">
  <outline type="rss" text="Steppe &amp; Sky" xmlUrl="https://steppe.example/rss?a=1&b=2" htmlUrl="https://steppe.example/"/>
  <outline type="rss" text="Agency" xmlUrl="http://agency.example/feed/"/>
</outline></outline>
<outline type="rss" text="Valley" xmlUrl="https://valley.example/feed" category="tr,daily"/>
<outline text="Again"><outline type="rss" text="Valley" xmlUrl="https://valley.example/feed"/></outline>
<outline type="rss" text="Nowhere" htmlUrl="https://nowhere.example/"/>
</body></opml>"#;

fn with_list(config: &str) -> Home {
    let home = Home::new(config);
    fs::write(home.path().join("My Feeds.opml"), LIST).unwrap();
    home
}

async fn done(home: &Home, arguments: &[&str]) -> String {
    let ended = home.run(arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}\n{}", ended.stdout, ended.stderr);
    ended.stdout
}

async fn told(home: &Home, arguments: &[&str]) -> Value {
    let ended = home.run(&[arguments, &["--json"]].concat()).await;
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}\n{}", ended.stdout, ended.stderr))
}

/// `url | name | tags` of each source, as `check` reads them.
async fn sources(home: &Home) -> Vec<String> {
    let told = told(home, &["check"]).await;
    let sources = told["sources"].as_array().unwrap_or_else(|| panic!("{told}"));
    let mut sources: Vec<String> = sources
        .iter()
        .map(|source| {
            let tags: Vec<_> = source["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let name = source["name"].as_str().unwrap_or("-");
            format!("{} | {name} | {}", source["url"].as_str().unwrap(), tags.join(" "))
        })
        .collect();
    sources.sort();
    sources
}

/// The names in an object, in the order of the alphabet.
fn names(told: &Value) -> String {
    told.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn saved(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path().join(name)).unwrap()
}

#[tokio::test]
async fn a_list_becomes_a_pack_and_the_config_gets_one_line() {
    let home = with_list(KEPT);
    let said = done(&home, &["import", "My Feeds.opml", "--tag", "old"]).await;
    for part in [
        "1 feed was configured already",
        "1 stood in the list again",
        "Nowhere  no address of a feed",
        "habar add https://nowhere.example/",
        "wrote 2 sources into",
        "sources/my-feeds.toml and",
        "no daemon runs",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let heading = "# The desk's config. Ask Aigerim before you change it.\n\n";
    let included = KEPT.replace(heading, &format!("{heading}include = [\"sources/my-feeds.toml\"]\n\n"));
    assert_eq!(saved(&home, "habar.toml"), included);
    assert_eq!(
        sources(&home).await,
        [
            "https://agency.example/feed | - | kz agency",
            "https://steppe.example/rss?a=1&b=2 | Steppe & Sky | Asia Kazakhstan old",
            "https://valley.example/feed | Valley | tr daily Again old",
        ]
    );

    let again = done(&home, &["import", "My Feeds.opml"]).await;
    assert!(again.contains("3 feeds were configured already") && again.contains("nothing new"), "{again}");
    assert_eq!(saved(&home, "habar.toml"), included);
}

#[tokio::test]
async fn what_is_exported_and_imported_elsewhere_is_the_same() {
    let home = with_list(KEPT);
    done(&home, &["import", "My Feeds.opml"]).await;
    let list = done(&home, &["export"]).await;
    assert!(list.starts_with("<?xml") && list.contains("<opml version=\"2.0\">"), "{list}");

    let other = Home::new("[mail]\nto = [\"a@example.org\"]\n");
    let mut command = other.habar(&["import", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(sources(&other).await.len(), 3);
    let named = |list: Vec<String>| {
        list.into_iter().map(|line| line.replace("feed | - |", "feed |")).collect::<Vec<_>>()
    };
    assert_eq!(named(sources(&other).await), named(sources(&home).await));
    assert!(other.path().join("sources/imported.toml").exists());
}

#[tokio::test]
async fn programs_hear_what_was_imported_and_a_dry_run_writes_nothing() {
    let home = with_list(KEPT);
    let dry = done(&home, &["import", "My Feeds.opml", "--dry-run"]).await;
    assert!(dry.starts_with("[[source]]\nurl = \"https://steppe.example/rss?a=1&b=2\"\n"), "{dry}");
    assert_eq!(saved(&home, "habar.toml"), KEPT);
    assert!(!home.path().join("sources").exists());

    let told = told(&home, &["import", "My Feeds.opml", "--into", "habar.toml"]).await;
    assert_eq!(names(&told), "added configured dry_run into lines repeated unusable written");
    assert_eq!(
        told["added"][1],
        json!({ "url": "https://valley.example/feed", "name": "Valley", "tags": ["tr", "daily", "Again"] })
    );
    assert_eq!(
        (&told["configured"][0]["url"], &told["repeated"]),
        (&json!("http://agency.example/feed/"), &json!(1))
    );
    assert_eq!(
        (&told["unusable"][0]["line"], &told["unusable"][0]["site"]),
        (&json!(9), &json!("https://nowhere.example/"))
    );
    assert_eq!(told["written"].as_array().map(Vec::len), Some(1), "{told}");
    let new = "\n# max_interval = \"20m\"\n\n[[source]]\nurl = \"https://steppe.example/rss?a=1&b=2\"\nname = \"Steppe & Sky\"\n";
    let text = saved(&home, "habar.toml");
    let end = text.find("\n# What we look for.\n").unwrap();
    assert!(text[..end].contains(new) && KEPT.ends_with(&text[end..]), "{text}");
}

#[tokio::test]
async fn what_is_no_list_is_refused_with_its_line() {
    let home = Home::new(KEPT);
    for (text, code, said) in [
        ("<opml><body>\n<outline text='x", 65, "list.opml: line 2: "),
        ("<rss/>", 65, "this is a feed itself, not OPML"),
    ] {
        fs::write(home.path().join("list.opml"), text).unwrap();
        let refused = home.run(&["import", "list.opml"]).await;
        assert!(refused.code == Some(code) && refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(home.run(&["import", "missing.opml"]).await.code, Some(66));
    assert_eq!(saved(&home, "habar.toml"), KEPT);
}

#[tokio::test]
async fn no_secret_is_exported_and_what_is_no_feed_is_told() {
    let secret = "[[source]]\nname = \"Paid\"\nurl = \"https://paid.example/feed?token=hunter2\"\n";
    let login =
        "[[source]]\nurl = \"https://login.example/feed\"\nheaders = { Cookie = { file = \"hunter2\" } }\n";
    let page =
        "[[source]]\nname = \"Valley\"\nurl = \"https://valley.example/\"\nkind = \"page\"\nitem = \"li\"\n";
    let home = Home::new(&format!("{KEPT}\n{secret}\n{login}\n{page}"));
    let ended = home.run(&["export"]).await;
    assert_eq!(ended.code, Some(0));
    for part in ["1 source left out (the address holds a secret): Paid", "readers holds feeds only): Valley"]
    {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    assert!(ended.stdout.contains("https://login.example/feed"), "{}", ended.stdout);
    assert!(!(ended.stdout + &ended.stderr).contains("hunter2"));
    assert!(!home.state().exists(), "nothing is created");
}

/// Takes writing from everybody below a folder.
fn lock_away(path: &Path) {
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(path).unwrap() {
        set(&entry.unwrap().path(), 0o444);
    }
    set(path, 0o555);
}

/// Runs a command as somebody who may write nowhere; none where that cannot be had.
async fn as_nobody(home: &Home, arguments: &[&str]) -> Option<Ended> {
    let is_root = fs::write(home.path().join("probe"), "").is_ok();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let by: &[&str] = if is_root { &nobody } else { &[] };
    if is_root
        && !std::process::Command::new("setpriv").arg("--version").output().is_ok_and(|o| o.status.success())
    {
        eprintln!("SKIPPED: root, and nobody to become");
        return None;
    }
    Some(end(home.habar_by(by, arguments)).await)
}

#[tokio::test]
async fn a_config_that_cannot_be_written_gives_the_lines_to_paste() {
    let home = with_list(KEPT);
    lock_away(home.path());
    if let Some(refused) = as_nobody(&home, &["import", "My Feeds.opml", "--into", "habar.toml"]).await {
        assert_eq!(refused.code, Some(77), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("cannot write") && refused.stderr.contains("paste"),
            "{}",
            refused.stderr
        );
        assert!(
            refused.stdout.contains("[[source]]\nurl = \"https://valley.example/feed\"\n"),
            "{}",
            refused.stdout
        );
    }
    assert_eq!(saved(&home, "habar.toml"), KEPT);

    let home = with_list(KEPT);
    fs::write(home.path().join("sources"), "in the way").unwrap();
    let refused = home.run(&["import", "My Feeds.opml", "--json"]).await;
    assert_eq!(refused.code, Some(73), "{}", refused.stderr);
    let told: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((&told["written"], told["added"].as_array().map(Vec::len)), (&json!([]), Some(2)));
    assert!(told["lines"].as_str().unwrap().starts_with("[[source]]\n"));
    assert_eq!(saved(&home, "habar.toml"), KEPT);
}

fn outlet(titles: &[&str]) -> String {
    let item = |title: &&str| Item {
        guid: (*title).to_owned(),
        title: (*title).to_owned(),
        summary: String::new(),
        link: None,
    };
    rss(&titles.iter().map(item).collect::<Vec<_>>())
}

#[tokio::test]
async fn the_daemon_polls_what_was_imported_or_added_without_being_told() {
    let web = Web::start().await;
    web.page("/new.xml", Answer::feed(outlet(&["The river rises"])));
    let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", ""));
    let daemon = home.daemon().await;
    let list = format!("<opml><body><outline text='New' xmlUrl='{}'/></body></opml>", web.url("/new.xml"));
    fs::write(home.path().join("list.opml"), list).unwrap();
    let said = done(&home, &["import", "list.opml"]).await;
    assert!(said.contains("the daemon reads it within seconds"), "{said}");
    daemon.wait_to_hear("source works").await;
    assert_eq!(asked(&web), ["/new.xml"]);

    web.page("/added.xml", Answer::feed(outlet(&["The lake falls"])));
    done(&home, &["add", web.url("/added.xml").as_str(), "--name", "Added"]).await;
    daemon.wait_until("its first poll", |log| log.matches("source works").count() == 2).await;
    assert_eq!(asked(&web), ["/added.xml", "/added.xml"], "once by the command, once by the daemon");
    daemon.stop().await;
}

// ---- add

/// A config without sources that may ask loopback.
fn bare() -> String {
    format!("# Ours.\n{}", config("maildir:mail", &[], "[\"river\"]", ""))
}

/// A site whose home page is this.
async fn site(home_page: &str) -> (Web, Home) {
    let web = Web::start().await;
    web.page("/", Answer::ok("text/html; charset=utf-8", home_page));
    (web, Home::new(&bare()))
}

fn dated(title: &str, entries: &[&str]) -> String {
    let item = |entry: &&str| {
        format!(
            "<item><title>{entry}</title><link>https://outlet.example/{entry}</link><pubDate>Mon, 23 Nov 2026 10:00:00 GMT</pubDate></item>"
        )
    };
    let items = entries.iter().map(item).collect::<String>();
    format!(
        "<rss version=\"2.0\"><channel><title>{title}</title><language>kk</language>{items}</channel></rss>"
    )
}

fn asked(web: &Web) -> Vec<String> {
    web.take_log().into_iter().map(|asked| asked.path).collect()
}

#[tokio::test]
async fn the_feed_that_a_page_names_becomes_a_source() {
    let head = "<html lang=kk><title>Outlet of the steppe</title>\
                <link rel=alternate type=application/rss+xml title=Comments href=/comments/feed/>\
                <link rel=alternate type=application/rss+xml title=News href=/kz/rss>\
                <link rel=alternate type=application/atom+xml href=/atom><a href=/rss/more>RSS</a>";
    let (web, home) = site(head).await;
    for path in ["/kz/rss", "/atom"] {
        web.page(path, Answer::feed(dated("Outlet", &["One", "Two"])));
    }
    let before = saved(&home, "habar.toml");
    let said = done(&home, &["add", web.url("/").as_str(), "--tag", "kz", "--tag", "agency"]).await;
    for part in [
        "Outlet of the steppe",
        "named by the page",
        "2026-11-23T10:00:00Z  One",
        "wrote Outlet into",
        "no daemon runs",
        " kk ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(
        asked(&web),
        ["/", "/kz/rss", "/atom"],
        "neither comments nor links, which nobody needs any more"
    );
    let lines = format!(
        "[[source]]\nurl = \"{}\"\nname = \"Outlet\"\ntags = [\"kz\", \"agency\"]\n",
        web.url("/kz/rss")
    );
    assert_eq!(saved(&home, "habar.toml"), format!("{before}\n{lines}"));

    for again in [web.url("/").to_string(), web.url("/kz/rss/").to_string()] {
        let said = done(&home, &["add", &again]).await;
        assert!(said.contains("is configured already, as Outlet"), "{said}");
    }
    assert_eq!(saved(&home, "habar.toml"), format!("{before}\n{lines}"), "not twice");
}

#[tokio::test]
async fn an_address_may_lack_its_scheme_and_be_the_feed_itself() {
    let (web, home) = site("").await;
    web.page("/feed.xml", Answer::moved(301, "/new.xml"));
    web.page("/new.xml", Answer::feed(dated("Outlet", &["One"])));
    let address = format!("{}/feed.xml", web.authority());
    let said = done(&home, &["add", &address, "--name", "Mine"]).await;
    assert!(said.contains("the address itself") && said.contains("wrote Mine"), "{said}");
    let url = web.url("/new.xml");
    assert_eq!(sources(&home).await, [format!("{url} | Mine | ")], "moved for good");
}

#[tokio::test]
async fn of_several_equally_good_feeds_nobody_guesses_one() {
    let link = |path: &str| format!("<link rel=alternate type=application/rss+xml href={path}>");
    let (web, home) = site(&(link("/sport") + &link("/world"))).await;
    web.page("/sport", Answer::feed(dated("Sport", &["One"])));
    web.page("/world", Answer::feed(dated("World", &["Two"])));
    let before = saved(&home, "habar.toml");
    let page = web.url("/").to_string();
    let undecided = home.run(&["add", &page]).await;
    assert_eq!(undecided.code, Some(64), "{}", undecided.stderr);
    assert!(
        undecided.stderr.contains("2 feeds are equally good") && undecided.stderr.contains("--pick N"),
        "{}",
        undecided.stderr
    );
    assert!(undecided.stdout.contains("Sport") && undecided.stdout.contains("World"), "{}", undecided.stdout);
    let dry = home.run(&["add", &page, "--dry-run"]).await;
    assert!(dry.code == Some(64) && dry.stdout.contains("World"), "{}", dry.stdout);
    assert_eq!(saved(&home, "habar.toml"), before);

    let told = told(&home, &["add", &page, "--pick", "2"]).await;
    assert_eq!((&told["equals"], &told["picked"]), (&json!(2), &json!([web.url("/world").as_str()])));
    assert_eq!(names(&told), "address dry_run equals found into lines page picked tried written");
    let first = &told["found"][0];
    assert_eq!(
        json!([
            first["url"],
            first["title"],
            first["how"],
            first["entries"],
            first["newest"],
            first["language"],
            first["last"][0]["title"]
        ]),
        json!([web.url("/sport").as_str(), "Sport", "declared", 1, "2026-11-23T10:00:00Z", "kk", "One"])
    );
    let refused = home.run(&["add", &page, "--pick", "3"]).await;
    assert!(refused.code == Some(64) && refused.stderr.contains("there are 2 feeds"), "{}", refused.stderr);
    let said = done(&home, &["add", &page, "--pick", "1,2"]).await;
    assert!(said.contains("configured already") && said.contains("wrote Sport"), "{said}");
    assert_eq!(sources(&home).await.len(), 2, "the one that was there is not written twice");
}

#[tokio::test]
async fn links_and_usual_places_are_looked_at_when_a_page_names_nothing() {
    // A page about its feeds, which a reader would find.
    let (web, home) = site("<a href=/rss-feeds>RSS</a>").await;
    web.page("/rss-feeds", Answer::ok("text/html", "<a href=/x/rss/main>Main</a>"));
    web.page("/x/rss/main", Answer::feed(dated("Main", &["One"])));
    let told = told(&home, &["add", web.url("/").as_str(), "--dry-run"]).await;
    assert_eq!((&told["found"][0]["how"], &told["written"]), (&json!("linked"), &json!([])), "{told}");
    assert_eq!(asked(&web), ["/", "/rss-feeds", "/x/rss/main"]);

    let (web, home) = site("<meta name=generator content=Hugo>").await;
    web.page("/index.xml", Answer::feed(dated("Hugo's", &["One"])));
    let said = done(&home, &["add", web.url("/").as_str()]).await;
    assert!(said.contains("a usual place"), "{said}");
    assert_eq!(asked(&web), ["/", "/index.xml"]);
}

#[tokio::test]
async fn what_has_no_feed_says_what_was_tried_and_what_to_do() {
    let (web, home) = site("<title>Nothing here</title>").await;
    web.page("/shut", Answer::status(403));
    web.page("/busy", Answer::status(503));
    web.page("/list", Answer::ok("text/xml", "<opml><body/></opml>"));
    let before = saved(&home, "habar.toml");
    let cases = [
        ("/", 66, "no feed, sitemap or list of news was found behind", "in a browser"),
        ("/missing", 66, "has nothing at this address", "name of the site alone"),
        ("/shut", 69, "forbids it to us", "contact"),
        ("/busy", 69, "trouble of its own", "later"),
        ("/list", 66, "an OPML list of feeds", "habar import"),
    ];
    for (path, code, said, help) in cases {
        let refused = home.run(&["add", web.url(path).as_str()]).await;
        assert_eq!(refused.code, Some(code), "{path}: {}", refused.stderr);
        assert!(refused.stderr.contains(said) && refused.stderr.contains(help), "{path}: {}", refused.stderr);
        assert!(asked(&web).len() <= 16, "{path}: a site is not asked without end");
    }
    let told = told(&home, &["add", web.url("/").as_str()]).await;
    assert_eq!(told["found"], json!([]));
    assert_eq!(told["tried"][0]["url"], json!(web.url("/feed/").as_str()));
    assert_eq!(saved(&home, "habar.toml"), before);
}

#[tokio::test]
async fn a_server_that_shuts_its_pages_may_give_its_feed() {
    let (web, home) = site("").await;
    web.page("/", Answer::status(403));
    web.page("/feed/", Answer::feed(dated("Outlet", &["One"])));
    done(&home, &["add", web.url("/").as_str()]).await;
    assert_eq!(sources(&home).await, [format!("{} | Outlet | ", web.url("/feed/"))]);
}

#[tokio::test]
async fn bad_addresses_and_shut_networks_are_told_before_anything_is_asked() {
    let web = Web::start().await;
    let home = Home::new(KEPT);
    let with_password = format!("http://me:hunter2@{}/", web.authority());
    let address = web.url("/");
    let cases = [
        ("two words", 64, "is no address"),
        ("ftp://a.example/", 64, "only http and https"),
        (&*with_password, 64, "auth = {"),
        (address.as_str(), 69, "allow_private"),
    ];
    for (address, code, said) in cases {
        let refused = home.run(&["add", address]).await;
        assert!(refused.code == Some(code) && refused.stderr.contains(said), "{address}: {}", refused.stderr);
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
    assert_eq!(web.log().len(), 0);
}

#[tokio::test]
async fn a_site_without_a_feed_has_a_sitemap_of_news() {
    let (web, home) = site("<title>Outlet of the valley</title>").await;
    let url = |path: &str| web.url(path).to_string();
    web.page("/robots.txt", Answer::ok("text/plain", format!("Sitemap: {}\n", url("/sitemap.xml"))));
    let index =
        ["/old.xml", "/news.xml"].map(|part| format!("<sitemap><loc>{}</loc></sitemap>", url(part))).concat();
    web.page("/sitemap.xml", Answer::ok("text/xml", format!("<sitemapindex>{index}</sitemapindex>")));
    let news = format!(
        "<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>{}</loc><news:news>\
         <news:publication_date>2026-11-24T10:00:00Z</news:publication_date><news:title>The river rises</news:title>\
         </news:news></url></urlset>",
        url("/news/1")
    );
    web.page("/news.xml", Answer::ok("text/xml", news));
    let said = done(&home, &["add", &url("/"), "--tag", "tr"]).await;
    assert!(said.contains("a sitemap of news") && said.contains("The river rises"), "{said}");
    let lines = format!(
        "[[source]]\nurl = \"{}\"\nname = \"Outlet of the valley\"\nkind = \"sitemap\"\ntags = [\"tr\"]\n",
        url("/news.xml")
    );
    assert!(saved(&home, "habar.toml").ends_with(&lines), "{}", saved(&home, "habar.toml"));
    assert!(asked(&web).iter().all(|path| path != "/old.xml"));

    let told = told(&home, &["add", &url("/sitemap.xml"), "--dry-run"]).await;
    assert_eq!((&told["found"][0]["how"], &told["found"][0]["kind"]), (&json!("itself"), &json!("sitemap")));
}

#[tokio::test]
async fn a_page_that_lists_news_is_polled_by_what_repeats_in_it() {
    let item = |n: usize| {
        format!("<div class=card><a href=/news/{n}>The headline of story {n} about the river</a></div>")
    };
    let (web, home) =
        site(&format!("<title>Valley</title>{}", (1..8).map(item).collect::<Vec<_>>().concat())).await;
    web.page("/robots.txt", Answer::ok("text/plain", "User-agent: *\nDisallow: /\n"));
    let refused = home.run(&["add", web.url("/").as_str()]).await;
    assert_eq!(refused.code, Some(66), "{}", refused.stderr);
    assert!(refused.stderr.contains("robots.txt forbids the page"), "{}", refused.stderr);

    web.page("/robots.txt", Answer::status(404));
    let said = done(&home, &["add", web.url("/").as_str()]).await;
    assert!(said.contains("the list of the page") && said.contains("story 1"), "{said}");
    let lines = format!(
        "[[source]]\nurl = \"{}\"\nname = \"Valley\"\nkind = \"page\"\nitem = \"div.card\"\n",
        web.url("/")
    );
    assert!(saved(&home, "habar.toml").ends_with(&lines), "{}", saved(&home, "habar.toml"));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    assert_eq!(home.ask("SELECT count(*) FROM entries"), 7);
}
