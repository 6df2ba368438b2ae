//! The commands that ask about the store and of the daemon, as people and programs call them: `watches`, `why`,
//! `poll`, `pause`, `resume`, `outbox`; beside a daemon and without one; and the names in everybody's `--json`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::program::{EAGER, Ended, Home, Item, config, rss};
use crate::smtp_server::{Act, At, Security, SmtpServer};
use crate::web::{Answer, Web};

/// An outlet with a feed of these titles, each with its page's link, and a home that watches it.
struct Desk {
    web: Web,
    smtp: SmtpServer,
    home: Home,
    titles: Vec<String>,
}

impl Desk {
    async fn new(more: &str) -> Self {
        let (web, smtp) = (Web::start().await, SmtpServer::start(Security::Plain).await);
        let home = Home::new("");
        let desk = Self { web, smtp, home, titles: Vec::new() };
        desk.home.save(&desk.config(&desk.via(), more));
        desk.serve();
        desk
    }

    fn config(&self, via: &str, more: &str) -> String {
        let rest = "to = [\"desk@example.org\"]\n[[watch]]\nname = \"Bridges\"\nkeywords = [\"bridge\", \"ferry\"]\n\
             sources = [\"tag:none\"]\n";
        config(via, &[self.web.url("/feed.xml")], "[\"river\"]", more) + rest
    }

    fn via(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.smtp.port)
    }

    fn link(&self, number: usize) -> String {
        self.web.url(&format!("/news/{number}")).to_string()
    }

    fn serve(&self) {
        let entries: Vec<Item> = self
            .titles
            .iter()
            .enumerate()
            .map(|(number, title)| Item {
                guid: title.clone(),
                title: title.clone(),
                summary: title.chars().map(|c| format!("{c}{number}")).collect::<Vec<_>>().join(" "),
                link: Some(self.link(number)),
            })
            .rev()
            .collect();
        self.web.page("/feed.xml", Answer::feed(rss(&entries)));
    }

    fn publish(&mut self, title: &str) {
        self.titles.push(title.to_owned());
        self.serve();
    }

    fn polls(&self) -> usize {
        self.web.log().iter().filter(|asked| asked.path == "/feed.xml").count()
    }

    async fn said(&self, arguments: &[&str]) -> String {
        let ended = self.home.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    async fn refused(&self, arguments: &[&str], code: i32) -> String {
        let Ended { code: is, stdout, stderr } = self.home.run(arguments).await;
        assert_eq!(is, Some(code), "{arguments:?}: {stdout}{stderr}");
        stdout + &stderr
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.said(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
    }

    async fn once(&self) {
        self.said(&["once"]).await;
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let waited = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap_or_else(|_| panic!("{what}"));
    }

    /// Waits until the store answers this.
    async fn until_stored(&self, sql: &str, answer: i64) {
        self.until(sql, |desk| desk.home.ask(sql) == answer).await;
    }
}

#[track_caller]
fn assert_tells(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in:\n{text}");
    }
}

// ---------------------------------------------------------------- asking of the daemon

#[tokio::test]
async fn polls_and_pauses_are_heeded_by_the_daemon_at_once() {
    let mut desk = Desk::new("").await;
    let daemon = desk.home.daemon().await;
    daemon.wait_to_hear("source works").await;
    // The rhythm has nothing to do for a quarter of an hour: every poll here was asked for.
    let said = desk.said(&["poll", "outlet"]).await;
    assert_eq!(said, "Outlet: asked: the daemon polls it within seconds\n");
    desk.until("a poll", |desk| desk.polls() == 2).await;
    daemon.wait_to_hear("request heeded what=\"poll\"").await;

    let said = desk.said(&["pause", "Rivers"]).await;
    assert_eq!(said, "watch Rivers: asked: the daemon makes no more alerts for it within seconds\n");
    daemon.wait_to_hear("watch paused watch=\"Rivers\"").await;
    assert_tells(&desk.said(&["status"]).await, &["paused: Rivers", "habar resume"]);
    assert_tells(&desk.said(&["doctor"]).await, &["1 watch is paused and makes no alerts", "Rivers"]);
    desk.publish("The river rose");
    desk.said(&["poll", "127.0.0.1"]).await;
    desk.until_stored("SELECT count(*) FROM articles", 1).await;
    desk.said(&["resume", "watch:rivers"]).await;
    daemon.wait_to_hear("watch resumed").await;
    desk.publish("The river fell");
    desk.said(&["poll", "Outlet"]).await;
    let mails = desk.smtp.wait_for(1).await;
    assert!(String::from_utf8_lossy(&mails[0].bytes).contains("The river fell"));

    desk.said(&["pause", "Outlet"]).await;
    let told = desk.refused(&["poll", "Outlet"], 69).await;
    assert_tells(&told, &["it is paused", "habar resume \"Outlet\""]);
    let polls = desk.polls();
    desk.said(&["resume", "Outlet"]).await;
    desk.until("a poll", |desk| desk.polls() == polls + 1).await;
    daemon.stop().await;
    assert_eq!(desk.smtp.taken().len(), 1, "a paused watch makes no alerts, also not later");
}

#[tokio::test]
async fn what_is_asked_while_nothing_runs_is_heeded_at_the_next_start() {
    let mut desk = Desk::new("").await;
    desk.once().await;
    let said = desk.said(&["pause", "outlet"]).await;
    assert_tells(&said, &["no daemon runs: the next `habar run` or `habar once` polls it no more"]);
    assert_tells(&desk.said(&["pause", "outlet"]).await, &["it was paused already"]);
    desk.publish("The river rose");
    desk.said(&["once", "--all"]).await;
    assert_eq!(desk.polls(), 1);
    assert_tells(&desk.said(&["resume", "outlet"]).await, &["polls it again"]);
    desk.once().await;
    assert_eq!(desk.polls(), 2);
    assert_tells(&desk.said(&["resume", "outlet"]).await, &["it was not paused"]);
    desk.once().await;
    assert_eq!(desk.polls(), 2, "that asks for no poll");
    assert_tells(&desk.said(&["poll", "outlet"]).await, &["no daemon runs"]);
    desk.once().await;
    assert_eq!(desk.polls(), 3);
}

#[tokio::test]
async fn a_source_that_its_server_forbids_is_not_asked_and_the_time_is_told() {
    let desk = Desk::new("").await;
    desk.once().await;
    for (answer, said) in [
        (Answer::status(503).header("retry-after", "7200"), "its server does not want to be asked yet"),
        (Answer::status(410), "its server says that it is gone for good (410)"),
    ] {
        desk.web.page("/feed.xml", answer);
        desk.said(&["once", "--all"]).await;
        let polls = desk.polls();
        let told = desk.refused(&["poll", "outlet"], 75).await;
        assert_tells(&told, &[said, "it will be asked in "]);
        let refused = desk.home.run(&["poll", "outlet", "--json"]).await;
        let told: Value = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(
            (refused.code, &told["asked"], &told["due_reason"]),
            (Some(75), &false.into(), &"server".into())
        );
        desk.once().await;
        assert_eq!(desk.polls(), polls, "{said}");
        rusqlite::Connection::open(desk.home.database())
            .unwrap()
            .execute_batch(
                "UPDATE feeds SET due_at = 0, due_reason = 'rhythm'; UPDATE hosts SET held_until = 0",
            )
            .unwrap();
    }
}

#[tokio::test]
async fn a_name_that_fits_nothing_several_or_both_is_told() {
    let mut desk = Desk::new("").await;
    let told = desk.refused(&["poll", "outlet"], 66).await;
    assert_tells(&told, &["there is no store at"]);
    let second = desk.web.url("/second.xml");
    desk.web.page("/second.xml", Answer::feed(rss(&[])));
    let written = std::fs::read_to_string(desk.home.config()).unwrap();
    desk.home.save(&format!("{written}[[source]]\nurl = \"{second}\"\nname = \"Rivers\"\n"));
    desk.publish("The river rose");
    desk.once().await;
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (&["poll", "xml"], 64, &["Outlet", "Rivers", second.as_str(), "fits 2 of them"]),
        (&["poll", "Outlte"], 66, &["no source has", "did you mean \u{201c}Outlet\u{201d}?"]),
        (&["pause", "Brigdes"], 66, &["no watch or source has", "did you mean \u{201c}Bridges\u{201d}?"]),
        (
            &["pause", "rivers"],
            64,
            &["is a watch and a source", "watch:rivers", "source:rivers", second.as_str()],
        ),
        (&["outbox", "retry", "77"], 66, &["there is no message 77", "habar outbox"]),
        (&["outbox", "drop", "77"], 66, &["there is no message 77"]),
        (&["why", "99999"], 66, &["there is no article 99999"]),
    ];
    for (arguments, code, said) in cases {
        assert_tells(&desk.refused(arguments, code).await, said);
    }
    let said = desk.said(&["pause", "source:Rivers"]).await;
    assert_tells(&said, &["source Rivers: "]);
    assert_eq!(desk.home.ask("SELECT count(*) FROM feeds WHERE paused = 1"), 1);
    assert_eq!(desk.home.ask("SELECT count(*) FROM watches WHERE paused = 1"), 0);
}

// ---------------------------------------------------------------- the outbox

#[tokio::test]
async fn a_mail_that_was_given_up_goes_again_or_is_dropped() {
    let mut desk = Desk::new(EAGER).await;
    desk.smtp.always(At::Rcpt, Act::say("550 5.1.1 no such user"));
    let daemon = desk.home.daemon().await;
    desk.publish("The river rose");
    daemon.wait_until("one given up", |log| log.matches("mail given up").count() == 1).await;
    desk.publish("The river fell");
    daemon.wait_until("two given up", |log| log.matches("mail given up").count() == 2).await;
    let shown = desk.said(&["outbox", "show", "1"]).await;
    assert_tells(&shown, &["dead", "1 try", "550 5.1.1 no such user", "failed"]);

    desk.smtp.behave();
    let said = desk.said(&["outbox", "retry", "1"]).await;
    assert_eq!(said, "message 1 to desk@example.org: asked: the daemon sends it within seconds\n");
    let taken = desk.smtp.wait_for(1).await;
    assert!(String::from_utf8_lossy(&taken[0].bytes).contains("The river rose"));
    desk.until_stored("SELECT count(*) FROM messages WHERE state = 'sent'", 1).await;
    let told = desk.refused(&["outbox", "retry", "1"], 64).await;
    assert_tells(&told, &["message 1 cannot go again: it was sent"]);

    let said = desk.said(&["outbox", "drop", "2"]).await;
    assert_tells(&said, &["the daemon cancels it; what it tells counts as told within seconds"]);
    desk.until_stored("SELECT count(*) FROM messages WHERE state = 'cancelled'", 1).await;
    let told = desk.refused(&["outbox", "drop", "2"], 64).await;
    assert_tells(&told, &["message 2 cannot be dropped: it was cancelled", "dropped by hand; before: 550"]);
    let left = desk.json(&["status"]).await["trouble"].clone();
    assert_eq!(left, Value::Array(Vec::new()), "that a mail was given up is no trouble any longer");
    daemon.stop().await;
    assert_eq!(desk.smtp.taken().len(), 1);
}

#[tokio::test]
async fn a_mail_that_another_way_may_have_taken_goes_only_when_the_risk_is_taken() {
    let mut desk = Desk::new("").await;
    desk.once().await;
    desk.publish("The river rose");
    desk.smtp.once(At::Dot, Act::TakeAndDrop);
    desk.said(&["once", "--all"]).await;
    desk.home.save(&desk.config("maildir:mail", ""));
    desk.once().await;
    let told = desk.refused(&["outbox", "retry", "1"], 64).await;
    assert_tells(
        &told,
        &["may have been sent by smtp://127.0.0.1", "retry --any-way 1", "arrive twice", "drop 1"],
    );
    let said = desk.said(&["outbox", "retry", "--any-way", "1"]).await;
    assert_tells(&said, &["no daemon runs", "it may arrive twice"]);
    assert_tells(
        &desk.said(&["outbox", "show", "1"]).await,
        &["retry-any-way asked for", "may have been sent by"],
    );
    desk.once().await;
    assert_eq!(std::fs::read_dir(desk.home.state().join("mail/new")).unwrap().count(), 1);
    assert_eq!(desk.smtp.taken().len(), 1);
}

// ---------------------------------------------------------------- why, watches, feeds

#[tokio::test]
async fn why_tells_the_life_of_an_article() {
    let mut desk = Desk::new("").await;
    desk.once().await;
    desk.publish("The river rose over the bridge");
    desk.smtp.once(At::Rcpt, Act::say("451 4.7.1 greylisted"));
    desk.said(&["once", "--all"]).await;
    desk.once().await;
    desk.publish("The river fell");
    desk.publish("Wheat is in");
    desk.said(&["once", "--all"]).await;
    let link = desk.link(0);
    for words in ["river rose", &format!("{link}?utm_source=mail"), "1"] {
        let told = desk.said(&["why", words]).await;
        assert_tells(
            &told,
            &[
                "The river rose over the bridge\nhttp://127.0.0.1",
                "source   Outlet (http://127.0.0.1",
                "which is fine since",
                "without a date in the feed, never edited; number 1",
                "the feed's own title and summary: 30 words",
                "nobody else has it",
                "watch    Rivers: hit\n         river \u{2192} river, in the title: The river rose over the bridge\n",
                "watch    Bridges: no hit: it does not look at this source; it would have found",
                "alert    Rivers to desk@example.org: told",
                "message 1, sent",
                "2 tries by smtp://127.0.0.1",
                "Message-ID <",
                "451 4.7.1 greylisted",
            ],
        );
    }
    assert_tells(&desk.said(&["why", "wheat"]).await, &["Rivers: no hit: no keyword of it stands"]);
    let several = desk.refused(&["why", "the RIVER"], 64).await;
    assert_tells(&several, &["several articles fit", "ID ", "The river fell", "habar why ID"]);
    let unseen = desk.refused(&["why", desk.web.url("/never/seen").as_str()], 66).await;
    assert_tells(
        &unseen,
        &["no source has brought", "it would come by Outlet", "which is fine", "last read"],
    );
    let foreign = desk.refused(&["why", "https://other.example/1"], 66).await;
    assert_tells(&foreign, &["no source is on its site"]);
    let none = desk.refused(&["why", "nothing like it"], 66).await;
    assert_tells(&none, &["no article has"]);
}

#[tokio::test]
async fn why_says_that_a_watch_was_changed_since() {
    let mut desk = Desk::new("").await;
    desk.publish("The river rose");
    desk.once().await;
    let written = std::fs::read_to_string(desk.home.config()).unwrap();
    desk.home.save(&written.replace("[\"river\"]", "[\"lake\"]"));
    let told = desk.said(&["why", "river"]).await;
    let changed =
        "it had a hit when the article was read (river \u{2192} river), and the watch was changed since";
    assert_tells(&told, &["Rivers: no hit: no keyword", changed]);
    desk.home.save(&written.replace("\"bridge\", \"ferry\"", "\"rose\"").replace("tag:none", "Outlet"));
    let told = desk.said(&["why", "river"]).await;
    assert_tells(
        &told,
        &["Bridges: hit", "it had no hit when the article was read: the watch was changed since"],
    );
    desk.home.save("no = \"config\"");
    let told = desk.said(&["why", "river"]).await;
    assert_tells(&told, &["the config cannot be read", "alert    Rivers to desk@example.org"]);
}

#[tokio::test]
async fn why_tells_the_tries_of_a_page() {
    let web = Web::start().await;
    let page = web.url("/full/page").to_string();
    let item = Item {
        guid: "1".to_owned(),
        title: "The river rose".to_owned(),
        summary: "In the night".to_owned(),
        link: Some(page.clone()),
    };
    web.page("/full.xml", Answer::feed(rss(&[item])));
    web.page("/full/page", Answer::status(503));
    let home = Home::new(&config("maildir:mail", &[web.url("/full.xml")], "[\"river\"]", ""));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    let told = home.run(&["why", &page]).await.stdout;
    assert_tells(
        &told,
        &[
            "it was there when its source was first seen",
            "the feed's own title and summary: 3 words",
            "the server has trouble of its own (503)",
            "its page is tried next in",
        ],
    );
}

#[tokio::test]
async fn why_tells_of_what_was_never_read() {
    let web = Web::start().await;
    let dated = rss(&[Item {
        guid: "1".to_owned(),
        title: "The river rose</title><pubDate>Mon, 05 Jan 2015 08:00:00 GMT</pubDate><title>".to_owned(),
        summary: String::new(),
        link: None,
    }]);
    web.page("/feed.xml", Answer::feed(dated.replace("<title></title>", "")));
    let home = Home::new(&config("maildir:mail", &[web.url("/feed.xml")], "[\"river\"]", ""));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    let told = home.run(&["why", "river"]).await.stdout;
    let parts = ["stored, never read, no alert", "Rivers: hit", "no alert: it was more than a day old"];
    assert_tells(&told, &parts);
    assert!(!told.contains("not yet") && !told.contains("alert    "), "{told}");
}

#[tokio::test]
async fn what_root_asks_for_leaves_the_store_to_its_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    const OWNER: u32 = 65_534;
    let desk = Desk::new("").await;
    desk.once().await;
    let files = || std::fs::read_dir(desk.home.state()).unwrap().map(|file| file.unwrap().path());
    if files().any(|file| chown(file, Some(OWNER), Some(OWNER)).is_err()) {
        eprintln!("SKIPPED: only root can write a store of another user's");
        return;
    }
    // While somebody has the store open, the log and its index stay.
    let reader = rusqlite::Connection::open(desk.home.database()).unwrap();
    reader.query_row("SELECT count(*) FROM feeds", [], |_| Ok(())).unwrap();
    desk.said(&["pause", "outlet"]).await;
    let owners: Vec<_> = files().map(|file| (std::fs::metadata(&file).unwrap().uid(), file)).collect();
    assert!(owners.len() >= 5 && owners.iter().all(|(owner, _)| *owner == OWNER), "{owners:?}");
    drop(reader);
}

#[tokio::test]
async fn watches_and_feeds_tell_the_week() {
    let mut desk = Desk::new("").await;
    desk.once().await;
    for title in ["The river rose", "The river fell", "The river is calm"] {
        desk.publish(title);
    }
    desk.said(&["once", "--all"]).await;
    desk.said(&["pause", "Bridges"]).await;
    assert_tells(&desk.said(&["why", "calm"]).await, &["Rivers: hit", "Bridges (paused): no hit"]);
    let told = desk.said(&["watches"]).await;
    let line = |name: &str| {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{told}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let rivers = line("Rivers");
    assert!(
        rivers.starts_with("Rivers 1 now on 0.4 3 ") && rivers.ends_with(" desk@example.org"),
        "{rivers}"
    );
    assert_eq!(line("Bridges"), "Bridges 2 now paused 0.0 0 never never desk@example.org");
    let feeds = desk.json(&["feeds"]).await;
    assert_eq!((&feeds[0]["hits_a_day"], &feeds[0]["week"]), (&0.4.into(), &3.into()));
    assert!(feeds[0]["every_seconds"].as_u64().is_some_and(|every| every >= 900), "{feeds}");
    assert_tells(&desk.said(&["feeds"]).await, &["RHYTHM", "HITS/DAY"]);
}

// ---------------------------------------------------------------- for programs

/// The names at the top of what a command prints, or of the first thing in its list.
fn names(told: &Value) -> BTreeSet<&str> {
    let first = told.as_array().map_or(told, |list| &list[0]);
    first.as_object().unwrap_or_else(|| panic!("{told}")).keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_names_in_json_stay() {
    let mut desk = Desk::new("").await;
    desk.once().await;
    desk.publish("The river rose");
    desk.smtp.always(At::Rcpt, Act::say("451 4.7.1 later"));
    desk.said(&["once", "--all"]).await;
    let line = "id state to watch subject message_id composed_at settled_at due_at attempts reply via asked under_way";
    let cases: [(&[&str], &str); 15] = [
        (&["check"], "config state watches sources mail admin errors warnings"),
        (
            &["feeds"],
            "name url title health since reason moved_to lost_at polled_at worked_at news_at due_at due_reason week \
             hits hits_a_day every_seconds",
        ),
        (&["watches"], "name keywords to deliver quiet paused hits_a_day alerts last_hit last_mail"),
        (&["status"], "daemon figures trouble"),
        (&["export"], "sources left_out"),
        (&["why", "river"], "source entry page story watches alerts"),
        (&["poll", "outlet"], "url name asked daemon paused due_at due_reason message"),
        (&["pause", "outlet"], "kind name url paused changed daemon message"),
        (&["resume", "Rivers"], "kind name url paused changed daemon message"),
        (&["outbox"], line),
        (&["outbox", "list"], line),
        (&["outbox", "show", "1"], "message tries text"),
        (&["outbox", "retry", "1"], "id asked daemon message risk"),
        (&["outbox", "drop", "1"], "id asked daemon message risk"),
        (&["try", "match", "-k", "river", "The river"], "hit match spans error"),
    ];
    for (arguments, expected) in cases {
        let told = desk.json(arguments).await;
        assert_eq!(names(&told), expected.split_whitespace().collect(), "{arguments:?}");
    }
    let why = desk.json(&["why", "river"]).await;
    let parts = [
        ("source", "name url health since reason paused configured polled_at worked_at due_at"),
        ("entry", "id title link found_at published edits first_sight quiet language"),
        (
            "page",
            "outcome attempts tries under_way due_at read_at problem title author language published canonical words",
        ),
        ("story", "id since others"),
        ("watches", "watch paused hit because found stored_hit note"),
        ("alerts", "watch to state held entry made_at release_at told_at message"),
    ];
    for (part, expected) in parts {
        assert_eq!(names(&why[part]), expected.split_whitespace().collect(), "{part}");
    }
    assert_eq!(names(&why["alerts"][0]["message"]), format!("{line} tries").split_whitespace().collect());
    assert_eq!(
        names(&why["alerts"][0]["message"]["tries"]),
        "reason count first_at last_at".split(' ').collect()
    );
    let mail = desk.home.run(&["test-mail", "--json"]).await;
    assert_eq!(mail.code, Some(75), "the server wants it later");
    let mail: Value = serde_json::from_str(&mail.stdout).unwrap();
    assert_eq!(names(&mail), BTreeSet::from(["via", "mails"]));
    assert_eq!(names(&mail["mails"]), BTreeSet::from(["to", "sent", "reply", "steps"]));
}
