//! `doctor`: each trouble is found, weighed and told with what to do.

use std::fs::{File, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use habar::io::store::{checkup, open_read_only};
use habar::time::Clock;
use rusqlite::Connection;
use serde_json::Value;

use crate::daemon::{Outlet, change, via};
use crate::program::{Home, config};
use crate::smtp_server::{Act, At, Security, SmtpServer};
use crate::web::Web;

/// A home where two sources were polled, one of which has something, and one mail is still to be sent.
async fn polled() -> (Home, Vec<Web>) {
    let smtp = SmtpServer::start(Security::Plain).await;
    smtp.always(At::Rcpt, Act::say("451 4.3.0 mailbox busy"));
    let (mut outlet, other) = (Outlet::open().await, Outlet::open_at("127.0.0.2").await);
    outlet.publish("The river rose");
    let home = Home::new(&config(&via(&smtp), &[outlet.url(), other.url()], "[\"river\"]", ""));
    let once = home.run(&["once"]).await;
    assert_eq!(once.code, Some(0), "{}", once.stderr);
    (home, vec![outlet.web, other.web])
}

fn tamper(home: &Home, sql: &str) {
    Connection::open(home.database()).unwrap().execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// What is found, as `level check what`, and the exit code.
async fn found(home: &Home, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let ended = home.run(&[&["doctor", "--json"], more].concat()).await;
    let told: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |finding: &Value| {
        let items: Vec<String> = finding["items"].as_array().unwrap().iter().map(text).collect();
        assert!(finding["level"] == "ok" || finding["help"].is_string(), "what to do: {finding}");
        format!(
            "{} {} {} {}",
            text(&finding["level"]),
            text(&finding["check"]),
            text(&finding["what"]),
            items.join(" | ")
        )
    };
    (ended.code, told["findings"].as_array().unwrap().iter().map(line).collect())
}

/// Those that are not well; the disk of the machine that runs the tests is its own matter.
async fn troubles(home: &Home, more: &[&str]) -> Vec<String> {
    let (code, lines) = found(home, more).await;
    let wrong = lines.iter().any(|line| line.starts_with("wrong "));
    assert_eq!(code, Some(if wrong { 69 } else { 0 }), "{lines:?}");
    lines.into_iter().filter(|line| !line.starts_with("ok ") && !line.starts_with("warning disk")).collect()
}

#[track_caller]
fn assert_one(lines: &[String], level_and_check: &str, words: &[&str]) {
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with(level_and_check), "{level_and_check} in {lines:#?}");
    for word in words {
        assert!(lines[0].contains(word), "{word} in {}", lines[0]);
    }
}

#[tokio::test]
async fn a_store_that_is_well_has_nothing_to_tell() {
    let (home, _webs) = polled().await;
    assert_eq!(troubles(&home, &[]).await, [""; 0]);
    let told = home.run(&["doctor"]).await;
    for part in ["ok       store    intact: 1 articles", "ok       sources  2 of 2 sources answer"] {
        assert!(told.stdout.contains(part), "{}", told.stdout);
    }
    let told = home.run(&["doctor", "--quiet"]).await;
    assert!(!told.stdout.contains("store "), "only what is not well: {}", told.stdout);
}

#[tokio::test]
async fn what_the_store_knows_of_trouble_is_told() {
    let (home, _webs) = polled().await;
    let pristine = home.path().join("pristine.db");
    tamper(&home, "PRAGMA wal_checkpoint(truncate)");
    std::fs::copy(home.database(), &pristine).unwrap();
    let cases: [(&str, &[&str]); 7] = [
        (
            "UPDATE messages SET state = 'cancelled'; UPDATE feeds SET health = iif(id = 1, 'silent', 'moved'), reason = 'no new entry for 6d'",
            &[
                "warning sources 1 source without news for much longer than is usual http://127.0.0.1:*: no new entry for 6d",
                "warning sources 1 source asked at another address than the config names http://127.0.0.2:*",
            ],
        ),
        (
            "UPDATE messages SET composed_at = composed_at - 7200000;
             UPDATE entries SET found_at = found_at + 86400000, due_at = found_at - 90000000;
             UPDATE feeds SET health = 'failing', failures = 9, reason = 'too slow',
                 health_since = health_since - 180000000 WHERE id = 1",
            &[
                "wrong mail 1 mail waits for up to 2h: *mailbox busy",
                "warning clock the store knows of things that happen in 23h 59m from now",
                "warning pages 1 page should have been read six hours ago",
                "warning sources 1 source worked once and fails now http://127.0.0.1:*, for 2d 2h: too slow",
            ],
        ),
        (
            "UPDATE messages SET composed_at = composed_at - 7200000;
             INSERT INTO messages (subscription_id, recipient_id, message_id, subject, composed_at, state, settled_at, reply)
             SELECT subscription_id, recipient_id, s.state, 's', composed_at, s.state, composed_at + 1, '550 no such user'
             FROM messages, (SELECT 'sent' AS state UNION SELECT 'dead') s;
             UPDATE feeds SET health = 'gone', failures = 1, reason = '410' WHERE id = 1",
            &[
                "warning mail 1 mail waits for up to 2h: *mailbox busy",
                "warning mail 1 mail given up within a week, the last to desk@example.org: 550 no such user",
                "warning sources 1 source worked once and fails now http://127.0.0.1:*: 410",
            ],
        ),
        (
            "UPDATE feeds SET polled_at = polled_at - 86400000;
             UPDATE feeds SET health = 'new', failures = 4, reason = '404', worked_at = NULL,
                 added_at = added_at - 86400000 WHERE id = 1",
            &[
                "wrong daemon does not run; the last poll was 1d ago",
                "warning sources 1 source has never worked http://127.0.0.1:*: 404",
            ],
        ),
        (
            "UPDATE feeds SET failures = 1, reason = 'no route';
             PRAGMA foreign_keys = off; DELETE FROM hosts WHERE id = 1",
            &[
                "wrong sources none of 2 sources answers: no route",
                "wrong store the file is whole, but feeds names what is not there",
            ],
        ),
        ("PRAGMA user_version = 0", &["warning store schema 0, and this habar works with *"]),
        ("PRAGMA user_version = 99", &["wrong store *has schema 99*"]),
    ];
    for (sql, expected) in cases {
        std::fs::copy(&pristine, home.database()).unwrap();
        tamper(&home, sql);
        tamper(&home, "PRAGMA wal_checkpoint(truncate)");
        let lines = troubles(&home, &[]).await;
        let is_told = |pattern: &&&str| lines.iter().any(|line| is_like(line, pattern));
        assert_eq!(
            (expected.iter().filter(is_told).count(), lines.len()),
            (expected.len(), expected.len()),
            "{lines:#?}"
        );
    }
}

/// Whether a line is what the pattern says; a star stands for anything.
fn is_like(line: &str, pattern: &str) -> bool {
    let pattern = glob::Pattern::new(&pattern.replace('[', "[[]")).unwrap();
    pattern.matches(line.trim())
}

#[tokio::test]
async fn a_daemon_that_hangs_is_told_from_one_that_works() {
    let (home, _webs) = polled().await;
    let lock = File::open(home.state().join("lock")).unwrap();
    lock.lock().unwrap();
    let (_, lines) = found(&home, &[]).await;
    assert!(lines.iter().any(|line| line.starts_with("ok daemon runs; the last poll was ")), "{lines:#?}");
    tamper(&home, "UPDATE feeds SET due_at = polled_at - 2400000 WHERE id = 1");
    assert_one(
        &troubles(&home, &[]).await,
        "wrong daemon",
        &["it runs, but 1 source should have been polled"],
    );
    tamper(&home, "UPDATE feeds SET paused = 1 WHERE id = 1");
    assert_eq!(troubles(&home, &[]).await, [""; 0], "what is paused is not overdue");
    tamper(
        &home,
        "INSERT INTO stories (id, first_at) VALUES (99, 0);
         INSERT INTO alerts (subscription_id, story_id, entry_id, made_at, release_at, held)
         SELECT s.id, 99, e.id, e.found_at - 7200000, 0, 1 FROM entries e, subscriptions s WHERE s.watch_id IS NULL",
    );
    assert_one(&troubles(&home, &[]).await, "warning pages", &["1 alert of a first sight"]);
    std::fs::remove_file(home.state().join("ballast")).unwrap();
    assert!(troubles(&home, &[]).await.iter().any(|line| line.starts_with("wrong ballast")));
}

#[tokio::test]
async fn files_that_the_wrong_people_have_or_may_read_are_told() {
    let (home, _webs) = polled().await;
    let open = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(&home.state(), 0o755);
    assert_one(&troubles(&home, &[]).await, "warning folder", &["everybody", "may look into"]);
    open(&home.state(), 0o700);

    let password = home.path().join("password");
    std::fs::write(&password, "secret").unwrap();
    let written = std::fs::read_to_string(home.config()).unwrap();
    home.save(&written.replace("[http]\n", "user = \"habar\"\npassword_file = \"password\"\n[http]\n"));
    open(&password, 0o644);
    assert_one(&troubles(&home, &[]).await, "warning password", &["everybody", "may read"]);
    open(&password, 0o600);
    assert_eq!(troubles(&home, &[]).await, [""; 0]);

    std::fs::remove_file(home.state().join("ballast")).unwrap();
    assert_one(&troubles(&home, &[]).await, "warning ballast", &["no mail goes out"]);
    if std::os::unix::fs::chown(home.state().join("habar.db"), Some(65534), None).is_err() {
        eprintln!("SKIPPED: only root can give a file away, so a file of another user was not tried");
        return;
    }
    let lines = troubles(&home, &[]).await;
    assert!(lines.iter().any(|line| line.starts_with("wrong folder habar.db in ")), "{lines:#?}");
}

#[tokio::test]
async fn without_a_store_or_a_config_and_with_damaged_ones_it_says_so() {
    let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", ""));
    let lines = troubles(&home, &[]).await;
    assert!(lines.iter().any(|line| line.starts_with("warning store there is none at ")), "{lines:#?}");
    assert!(!home.state().exists());
    home.save("[mail]\ngahter = 1\n");
    let lines = troubles(&home, &[]).await;
    assert!(lines[0].starts_with("wrong config ") && lines[0].contains("gahter"), "{lines:#?}");
    std::fs::remove_file(home.config()).unwrap();
    assert!(troubles(&home, &[]).await[0].starts_with("wrong config there is none at "));

    let (home, _webs) = polled().await;
    change(&home.database(), |file| file[4096 * 3..].fill(0xff));
    assert_one(&troubles(&home, &[]).await, "wrong store", &["the store is damaged", "malformed"]);
    std::fs::write(home.database(), "no database").unwrap();
    assert_one(&troubles(&home, &[]).await, "wrong store", &["the store is damaged", "not a database"]);
}

#[tokio::test]
async fn a_store_that_is_damaged_anywhere_is_looked_over_to_the_end() {
    let (home, _webs) = polled().await;
    let bytes = std::fs::read(home.database()).unwrap();
    let mut told = 0;
    for start in (0..bytes.len()).step_by(1024) {
        let mut damaged = bytes.clone();
        damaged[start..].iter_mut().take(300).step_by(3).for_each(|byte| *byte ^= 0x5a);
        std::fs::write(home.database(), damaged).unwrap();
        let looked = open_read_only(&home.state()).map(|store| checkup::look(&store, Clock::System.now()));
        told += usize::from(!looked.is_ok_and(|looked| looked.is_ok_and(|checkup| checkup.fault.is_none())));
    }
    assert!(told > bytes.len() / 4096 / 4, "{told} damages were seen");
}

#[tokio::test]
async fn the_mail_server_is_asked_only_when_told_to() {
    let (outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    let home = Home::new(&config(&via(&smtp), &[outlet.url()], "[\"river\"]", ""));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    let connections = smtp.heard().len();
    assert_eq!(troubles(&home, &[]).await, [""; 0]);
    assert_eq!(smtp.heard().len(), connections);
    let (_, lines) = found(&home, &["--online"]).await;
    assert!(lines.iter().any(|line| line.starts_with("ok login ")), "{lines:#?}");
    smtp.always(At::Ehlo, Act::say("554 5.7.1 go away"));
    assert_one(&troubles(&home, &["--online"]).await, "wrong login", &["go away"]);
}
