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
async fn no_secret_is_exported() {
    let secret = "[[source]]\nname = \"Paid\"\nurl = \"https://paid.example/feed?token=hunter2\"\n";
    let login =
        "[[source]]\nurl = \"https://login.example/feed\"\nheaders = { Cookie = { file = \"hunter2\" } }\n";
    let home = Home::new(&format!("{KEPT}\n{secret}\n{login}"));
    let ended = home.run(&["export"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("1 source left out") && ended.stderr.contains("Paid"), "{}", ended.stderr);
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
async fn the_daemon_polls_what_was_imported_without_being_told() {
    let web = Web::start().await;
    web.page("/new.xml", Answer::feed(outlet(&["The river rises"])));
    let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", ""));
    let daemon = home.daemon().await;
    let list = format!("<opml><body><outline text='New' xmlUrl='{}'/></body></opml>", web.url("/new.xml"));
    fs::write(home.path().join("list.opml"), list).unwrap();
    let said = done(&home, &["import", "list.opml"]).await;
    assert!(said.contains("the daemon reads it within seconds"), "{said}");
    daemon
        .wait_until("the new source", |log| log.contains("first poll") || log.contains("source works"))
        .await;
    assert_eq!(web.log().len(), 1);
    daemon.stop().await;
}
