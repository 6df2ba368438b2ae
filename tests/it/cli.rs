//! The commands as they are called: exit codes, messages, pipes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The program in a folder of its own, with nothing from the environment that could point it elsewhere.
fn habar(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_habar"));
    command.args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::null());
    for name in
        ["HABAR_CONFIG", "STATE_DIRECTORY", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "NO_COLOR", "RUST_LOG"]
    {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    habar(folder, arguments).output().unwrap()
}

fn run_with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = habar(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", stdout(output), stderr(output));
}

#[test]
fn a_mistake_on_the_command_line_is_told_in_one_form_and_exits_64() {
    let folder = TempDir::new().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["feed"], "a similar subcommand exists: 'feeds'"),
        (&["check", "--stat", "x"], "a similar argument exists: '--state'"),
        (&["outbox", "show", "many"], "invalid value 'many'"),
        (&["try", "match", "text"], "--keyword <KEYWORD>"),
        (&["try", "feed", "--jsonl", "file.xml"], "cannot be used with"),
    ];
    for (arguments, said) in cases {
        let output = run(folder.path(), arguments);
        assert_exit(&output, 64);
        let told = stderr(&output);
        assert!(
            told.starts_with("habar: error: ") && told.contains("\nhelp: ") && told.contains(said),
            "{told}"
        );
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn help_and_version_are_asked_for_and_exit_0() {
    let folder = TempDir::new().unwrap();
    for (arguments, said) in [(["--help"], "habar demo"), (["-h"], "Usage:"), (["--version"], "habar ")] {
        let output = run(folder.path(), &arguments);
        assert_exit(&output, 0);
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
    }
}

#[test]
fn no_command_shows_the_help_and_exits_64() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &[]);
    assert_exit(&output, 64);
    assert!(stderr(&output).contains("Commands:"), "{}", stderr(&output));
}

#[test]
fn init_writes_what_check_accepts() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &["init"]);
    assert_exit(&output, 0);
    let told = stdout(&output);
    let packs = ["config/sources/turkic-world.toml", "config/watches/ots.toml"];
    for step in
        packs.iter().chain(&["config/habar.toml", "habar check", "habar run", ".local/state/habar/mail"])
    {
        assert!(told.contains(step), "{step} in {told}");
    }
    let output = run(folder.path(), &["check"]);
    assert_exit(&output, 0);
    for part in
        packs.iter().chain(&["Watched", "Polled", "Mailed", "Organization of Turkic States", "maildir:"])
    {
        assert!(stdout(&output).contains(part), "{part} in {}", stdout(&output));
    }
    assert!(!stdout(&output).contains("warning"), "{}", stdout(&output));
    assert!(!folder.path().join(".local").exists(), "check must not create anything");
}

#[test]
fn init_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/habar.toml"), "# mine").unwrap();
    let output = run(folder.path(), &["init", "mine"]);
    assert_exit(&output, 73);
    assert!(stderr(&output).contains("mine/habar.toml exists"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(folder.path().join("mine/habar.toml")).unwrap(), "# mine");
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 1, "no packs beside it either");

    let pack = folder.path().join("other/watches/ots.toml");
    fs::create_dir_all(pack.parent().unwrap()).unwrap();
    fs::write(&pack, "# mine").unwrap();
    let output = run(folder.path(), &["init", "other"]);
    assert_exit(&output, 0);
    assert!(
        stdout(&output).contains("kept, since it was there: other/watches/ots.toml"),
        "{}",
        stdout(&output)
    );
    assert_eq!(fs::read_to_string(&pack).unwrap(), "# mine");
    assert!(folder.path().join("other/sources/turkic-world.toml").exists());
}

#[test]
fn init_told_to_write_where_it_cannot_leaves_no_config() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = run(folder.path(), &["init", "file/below"]);
    assert_exit(&output, 73);
    assert!(stderr(&output).contains("cannot write file/below"), "{}", stderr(&output));
}

#[test]
fn a_refused_config_is_shown_with_a_caret_and_exits_78() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("bad.toml"), "[mail]\nto = [\"a@example.org\"]\ngahter = 1\n").unwrap();
    let output = run(folder.path(), &["check", "--config", "bad.toml"]);
    assert_exit(&output, 78);
    let told = stderr(&output);
    assert!(told.contains("bad.toml:3:1: error: ") && told.contains("\n  gahter = 1\n  ^^^^^^\n"), "{told}");
    assert!(told.contains("habar: error: bad.toml is refused"), "{told}");

    let output = run(folder.path(), &["check", "--json", "--config", "bad.toml"]);
    assert_exit(&output, 78);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["errors"][0]["place"]["line"], &told["config"]), (&json!(3), &json!("bad.toml")));
}

#[test]
fn a_missing_config_says_how_to_get_one() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &["check"]);
    assert_exit(&output, 78);
    assert!(stderr(&output).contains("habar init"), "{}", stderr(&output));
}

#[test]
fn check_prints_json_for_programs() {
    let folder = TempDir::new().unwrap();
    assert_exit(&run(folder.path(), &["init"]), 0);
    let output = run(folder.path(), &["--json", "--state", "here", "check"]);
    assert_exit(&output, 0);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["mail"]["via"], "maildir:here/mail");
    assert_eq!(told["errors"], json!([]));
    assert!(told["watches"][0]["keywords"].is_array(), "{told}");
}

fn feed(title: &str) -> String {
    format!(
        "<rss version=\"2.0\"><channel><title>T</title><item><title>{title}</title></item></channel></rss>"
    )
}

#[test]
fn jsonl_answers_every_line_in_order() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("one.xml"), feed("One")).unwrap();
    fs::write(folder.path().join("two.xml"), feed("Two")).unwrap();
    let input = b"{\"id\":\"1\",\"file\":\"one.xml\"}\nnonsense\n{\"id\":3,\"file\":\"missing.xml\"}\n{\"id\":4}\n\
        {\"id\":5,\"file\":\"one.xml\",\"url\":\"no address\"}\n{\"id\":6,\"file\":\".\"}\n{\"id\":\"7\",\"file\":\"two.xml\"}";
    let output = run_with_input(folder.path(), &["try", "feed", "--jsonl"], input);
    assert_exit(&output, 0);
    let told: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&Value> = told.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("1"), &Value::Null, &json!(3), &json!(4), &json!(5), &json!(6), &json!("7")]);
    assert_eq!(told[0]["entries"][0]["title"], "One");
    assert_eq!(told[0]["error"], Value::Null);
    for answer in &told[1..6] {
        assert!(answer["error"].is_string(), "{answer}");
    }
    assert_eq!(told[6]["entries"][0]["title"], "Two");
}

#[test]
fn match_spans_are_characters_of_the_text() {
    let folder = TempDir::new().unwrap();
    let input = "{\"id\":1,\"keyword\":\"summit\",\"text\":\"Öğün: the summit.\"}\n\
                 {\"id\":2,\"keyword\":\"summit\",\"text\":\"Öğün: the valley.\"}\n\
                 {\"id\":3,\"keyword\":\"summit\",\"text\":\"\",\"title\":\"A Summit\"}\n\
                 {\"id\":4,\"query\":\"a NEAR b\",\"text\":\"a b\"}\n\
                 {\"id\":5,\"keyword\":\"\",\"text\":\"a b\"}\n";
    let output = run_with_input(folder.path(), &["try", "match", "--jsonl"], input.as_bytes());
    assert_exit(&output, 0);
    let told: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told[0], json!({"id": 1, "hit": true, "match": "summit", "spans": [[10, 16]], "error": null}));
    assert_eq!(told[1], json!({"id": 2, "hit": false, "match": null, "spans": [], "error": null}));
    assert_eq!(told[2], json!({"id": 3, "hit": true, "match": "Summit", "spans": [], "error": null}));
    assert_eq!(told[3], json!({"id": 4, "error": "queries are not supported yet"}));
    assert!(told[4]["error"].is_string(), "{}", told[4]);
}

#[test]
fn hits_are_marked_for_people_where_colour_is_wanted() {
    let folder = TempDir::new().unwrap();
    let arguments = ["try", "match", "--keyword", "summit", "The summit ended."];
    let output = run(folder.path(), &arguments);
    assert_exit(&output, 0);
    assert_eq!(stdout(&output), "summit, in the text: The summit ended.\n1 hit\n");
    let output = run(folder.path(), &[&["--color", "always"], &arguments[..]].concat());
    assert!(
        stdout(&output).contains("The \u{1b}[1m\u{1b}[33msummit\u{1b}[0m ended."),
        "{:?}",
        stdout(&output)
    );
}

#[test]
fn pages_and_feeds_are_shown_to_people() {
    let folder = TempDir::new().unwrap();
    let paragraphs =
        "<p>The river rose by two metres in the night, and the town on its lower bank woke to water.</p>"
            .repeat(5);
    let page = format!(
        "<html lang=en><title>The river rises</title><article><h1>The river rises</h1>{paragraphs}</article>"
    );
    fs::write(folder.path().join("page.html"), page).unwrap();
    fs::write(folder.path().join("feed.xml"), feed("A \u{1b}[31mred title")).unwrap();
    let output = run(folder.path(), &["try", "page", "page.html"]);
    assert_exit(&output, 0);
    assert!(stdout(&output).starts_with("The river rises\n"), "{}", stdout(&output));
    let output = run(folder.path(), &["try", "feed", "feed.xml"]);
    assert_exit(&output, 0);
    assert!(
        stdout(&output).contains("1 entry") && !stdout(&output).contains('\u{1b}'),
        "{:?}",
        stdout(&output)
    );
}

#[test]
fn sitemaps_and_pages_are_tried_with_what_their_selectors_find() {
    let folder = TempDir::new().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sources/");
    let try_feed = |file: &str, more: &[&str]| {
        let file = format!("{data}{file}");
        let url = ["--url", "https://valley.example/news"];
        run(folder.path(), &[&["try", "feed", &file], &url[..], more].concat())
    };
    let output =
        try_feed("cards.html", &["--item", "article.card", "--date", "time, .when", "--summary", ".lead"]);
    assert_exit(&output, 0);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(&stdout(&output));
    for part in [
        "3 entries, language en-gb, read by its selectors",
        "Bridge opens after six years https://valley.example/news/bridge.html",
        "item article.card 6",
        "link (the first link in it) 4",
        "date time, .when 2",
        "summary .lead 1",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let output = try_feed("cards.html", &["--kind", "page", "--item", "article.card", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["matched"], json!({"items": 6, "links": 4, "titles": 6, "dates": 1, "summaries": 0}));
    assert_eq!(told["entries"][0]["published"], "2027-01-15T02:30:00Z");

    let output = try_feed("index.xml", &["--kind", "sitemap"]);
    assert_exit(&output, 0);
    let told = words(&stdout(&output));
    assert!(
        told.contains("A sitemap in 4 parts")
            && told.contains("2024-03-01T10:00:00Z https://valley.example/post-sitemap1.xml"),
        "{told}"
    );
    let output = try_feed("news-with-images.xml", &["--kind", "sitemap", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["entries"][0]["title"], "Bridge opens & the ferry rests");

    for (file, more, code, said) in [
        ("index.xml", &[][..], 65, "this is a sitemap, not a feed; write kind = \"sitemap\""),
        ("cards.html", &["--kind", "sitemap"], 65, "this is a web page, not a sitemap"),
        ("cards.html", &["--item", "li.card"], 65, "the selector `li.card` matches nothing"),
        ("cards.html", &["--kind", "page"], 64, "--item"),
        ("cards.html", &["--item", "article >"], 64, "something is missing before or after"),
        ("cards.html", &["--kind", "sitemap", "--item", "li"], 64, "--item is about --kind page"),
    ] {
        let output = try_feed(file, more);
        assert_exit(&output, code);
        assert!(stderr(&output).contains(said), "{said} in {}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_tried_says_why() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("text"), "no feed").unwrap();
    let cases: [(&[&str], i32); 4] = [
        (&["try", "feed", "missing.xml"], 66),
        (&["try", "page", "."], 74),
        (&["try", "feed", "text"], 65),
        (&["try", "feed", "http://127.0.0.1:9/rss"], 69),
    ];
    for (arguments, code) in cases {
        let output = run(folder.path(), arguments);
        assert_exit(&output, code);
        assert!(stderr(&output).starts_with("habar: error: "), "{}", stderr(&output));
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = TempDir::new().unwrap();
    let mut child = habar(folder.path(), &["try", "match", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = b"{\"id\":1,\"keyword\":\"summit\",\"text\":\"summit\"}\n";
    stdin.write_all(line).unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // The reader is gone now. The program may stop before it has read all of this.
    let _ = stdin.write_all(line);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_exit(&output, 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn answers_keep_every_character() {
    let folder = TempDir::new().unwrap();
    let line = "{\"id\":\"\u{9b}31m\u{7f}\",\"keyword\":\"summit\",\"text\":\"summit\"}\n";
    let output = run_with_input(folder.path(), &["try", "match", "--jsonl"], line.as_bytes());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["id"], "\u{9b}31m\u{7f}");
}

#[test]
fn the_demo_ends_by_itself_and_leaves_its_mail() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &["--json", "--state", "tour", "demo"]);
    assert_exit(&output, 0);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let texts: Vec<&str> =
        told["mails"].as_array().unwrap().iter().map(|mail| mail["text"].as_str().unwrap()).collect();
    let stories = |title: &str| texts.iter().map(|text| text.matches(title).count()).sum::<usize>();

    assert!(
        texts[0].contains("Also in: Steppe Herald") && texts[0].contains("Also in: Duna Tükör"),
        "{}",
        texts[0]
    );
    for (title, times) in [
        ("Turkic states agree on single transit permit", 2), // told once, and once with a later copy
        ("Üniversite ağına on iki yeni okul", 1),
        ("Сорок молодых компаний получат деньги на выход к соседям", 1),
        ("Өзен суының деңгейі", 1), // its page answers 503 the first time
        ("Buxoroda olti mamlakat hunarmandlari koʻrgazmasi", 1),
        ("One code from Tashkent to Istanbul", 0), // a reprint is no story of its own
        ("Student atlas", 0),
        ("Shipyards", 0),
        ("Словарь забытых слов", 0),
        ("Boğaz'da lodos", 0),
    ] {
        assert_eq!(stories(title), times, "{title}");
    }
    let new = fs::read_dir(folder.path().join("tour/mail/new")).unwrap().count();
    assert_eq!(new, texts.len());
}

#[test]
fn a_second_demo_leaves_the_first_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("habar.toml"), "# mine").unwrap();
    let output = run(folder.path(), &["--state", ".", "demo"]);
    assert_exit(&output, 73);
    assert_eq!(fs::read_to_string(folder.path().join("habar.toml")).unwrap(), "# mine");
}
