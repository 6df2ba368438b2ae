//! A copy of the store: taken beside the daemon, and a working store where it is put.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use habar::io::mail::Delivery;
use habar::io::store::backup;
use habar::time::{DAY, HOUR, MINUTE, SECOND};
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Outlet, change, mail_about, mails, snapshot, via};
use crate::program::{EAGER, Home, config};
use crate::smtp_server::{Security, SmtpServer};
use crate::world::{START, World, item, subjects};

const A: &str = "http://a.test/a.xml";

const SUMMARIES: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]

    [[source]]
    url = "http://a.test/a.xml"
    name = "Alpha"
    full_text = false
"#;

#[tokio::test]
async fn a_copy_taken_beside_the_daemon_takes_the_place_of_the_store() {
    let (mut outlet, smtp) = (Outlet::open().await, SmtpServer::start(Security::Plain).await);
    outlet.publish("The river rose");
    let written = config(&via(&smtp), &[outlet.url()], "[\"river\"]", EAGER);
    let home = Home::new(&written);
    let daemon = home.daemon().await;
    daemon.wait_to_hear("mail sent").await;
    let names = || snapshot(&home.state()).into_keys().collect::<Vec<_>>();
    let before = names();
    let copied = home.run(&["backup", "copy.db"]).await;
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    for part in ["copied to copy.db: 1 source, 1 article, 1 mail; schema ", "intact", "To restore it"] {
        assert!(copied.stdout.contains(part), "{part} in {}", copied.stdout);
    }
    assert_eq!(names(), before, "nothing is made where the store lies");
    let copy = home.path().join("copy.db");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    outlet.publish("The river fell");
    mail_about(&smtp, "The river fell").await;
    daemon.stop().await;
    restores_as_it_says(&home, &copied.stdout, &copy);

    let other = Home::new(&written);
    std::fs::create_dir(other.state()).unwrap();
    std::fs::copy(copy, other.database()).unwrap();
    let daemon = other.daemon().await;
    smtp.wait_for(3).await;
    outlet.publish("The river froze");
    mail_about(&smtp, "The river froze").await;
    daemon.stop().await;
    let told = |title: &str| mails(&smtp).matches(&format!("] {title}")).count();
    let titles = ["The river rose", "The river fell", "The river froze"];
    assert_eq!(titles.map(told), [1, 2, 1], "only what was mailed after the copy goes again");
}

/// The lines that a copy is told with can be followed again and again: what was there is set aside each time.
fn restores_as_it_says(home: &Home, told: &str, copy: &Path) {
    let (_, lines) = told.split_once("stop habar, then:").unwrap();
    let (lines, _) = lines.split_once("What was mailed").unwrap();
    for round in 1..=2 {
        std::fs::write(home.state().join("habar.db-wal"), "the log of another file").unwrap();
        let done = std::process::Command::new("sh").arg("-c").arg(lines).status().unwrap();
        assert!(done.success(), "{lines}");
        assert_eq!(std::fs::read(home.database()).unwrap(), std::fs::read(copy).unwrap());
        assert!(!home.state().join("habar.db-wal").exists(), "an old log must not meet the new file");
        let aside = std::fs::read_dir(home.state())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("before-"));
        assert_eq!(aside.count(), round);
    }
}

/// Puts a copy of the world's store in the place of the store, as if the time since then had not been.
async fn restored(world: &mut World, copy: &Path) {
    world.stop();
    let copy = copy.to_owned();
    for name in ["habar.db", "habar.db-wal", "habar.db-shm"] {
        let _ = std::fs::remove_file(world.state().join(name));
    }
    std::fs::copy(copy, world.state().join("habar.db")).unwrap();
    world.restart().await;
}

fn copy_of(world: &World, folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("copy.db");
    backup::copy(&world.state(), &copy).unwrap();
    copy
}

#[tokio::test]
async fn what_waits_in_a_copy_goes_as_it_was_composed() {
    let (mut world, folder) = (World::settled(SUMMARIES).await, TempDir::new().unwrap());
    world.publish(A, item("http://a.test/1", "Railway news"));
    world.mailer.answer_next([Delivery::Retry {
        reason: "busy".to_owned(),
        unknown: false,
        transport: true,
    }]);
    world.poll_all().await;
    world.pass(MINUTE).await;
    let copy = copy_of(&world, &folder);
    let contents = backup::look(&copy).unwrap();
    assert_eq!((contents.sources, contents.articles, contents.mails, contents.waiting), (1, 1, 1, 1));
    assert_eq!(contents.newest_at, Some(START + 45 * SECOND), "when the mail was composed");
    world.pass(HOUR).await;
    restored(&mut world, &copy).await;
    world.pass(DAY).await;
    let mail = world.mail();
    assert_eq!((mail.len(), &mail[0]), (2, &mail[1]), "a copy that any mail server knows for one");
}

#[tokio::test]
async fn a_mail_composed_after_a_restore_bears_no_id_of_the_time_that_was_lost() {
    let (mut world, folder) = (World::settled(SUMMARIES).await, TempDir::new().unwrap());
    let copy = copy_of(&world, &folder);
    world.publish(A, item("http://a.test/1", "Railway news"));
    world.poll_all().await;
    world.pass(HOUR).await;
    restored(&mut world, &copy).await;
    world.publish(A, item("http://a.test/1", "Quite other railway news"));
    world.poll_all().await;
    world.pass(HOUR).await;
    let mail = world.mail();
    assert_eq!(subjects(&mail).len(), 2);
    assert_ne!(mail[0].id, mail[1].id, "a mail server would drop it as a copy of the first");
}

#[tokio::test]
async fn a_copy_goes_over_nothing_that_is_there() {
    let outlet = Outlet::open().await;
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    let missing = home.run(&["backup", "copy.db"]).await;
    assert_eq!(missing.code, Some(66), "{}", missing.stderr);
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    std::fs::create_dir(home.path().join("folder")).unwrap();
    std::fs::hard_link(home.database(), home.path().join("linked.db")).unwrap();
    std::fs::write(home.path().join("letter.txt"), "dear").unwrap();
    let before = snapshot(home.path());
    let refused: [(&[&str], i32, &str); 8] = [
        (&["state/habar.db"], 73, "belongs to the store itself"),
        (&["state/habar.db", "--force"], 73, "belongs to the store itself"),
        (&["folder/../state/habar.db-wal", "--force"], 73, "belongs to the store itself"),
        (&["linked.db", "--force"], 73, "belongs to the store itself"),
        (&["folder", "--force"], 73, "habar backup folder/habar-backup.db"),
        (&["letter.txt"], 73, "--force"),
        (&["nowhere/copy.db"], 73, "nowhere/copy.db"),
        (&["/"], 64, "names no file"),
    ];
    for (arguments, code, said) in refused {
        let ended = home.run(&[&["backup"], arguments].concat()).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(snapshot(home.path()), before, "and nothing is left behind");

    let replaced = home.run(&["backup", "letter.txt", "--force", "--json"]).await;
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    let told: Value = serde_json::from_str(&replaced.stdout).unwrap();
    assert_eq!((&told["file"], &told["contents"]["sources"]), (&"letter.txt".into(), &1.into()));
    assert_eq!(backup::look(&home.path().join("letter.txt")).unwrap().sources, 1);
}

#[tokio::test]
async fn a_damaged_store_gives_no_copy() {
    let mut outlet = Outlet::open().await;
    (0..40).for_each(|number| outlet.publish(&format!("The river rose {number}")));
    let home = Home::new(&config("maildir:mail", &[outlet.url()], "[\"river\"]", ""));
    assert_eq!(home.run(&["once"]).await.code, Some(0));
    change(&home.database(), |bytes| bytes[8192..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55));
    let ended = home.run(&["backup", "copy.db"]).await;
    assert_eq!(ended.code, Some(65), "{}", ended.stderr);
    assert!(ended.stderr.contains("damaged"), "{}", ended.stderr);
    let left: Vec<_> = snapshot(home.path()).into_keys().filter(|name| name.contains("copy")).collect();
    assert_eq!(left, [""; 0]);
}
