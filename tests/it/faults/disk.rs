//! A disk that is full, or fails: nothing is asked more often, nothing goes twice, and nothing is lost that the
//! feeds still list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use habar::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use crate::program::{Daemon, EAGER, Home, Item, config};
use crate::small_disk;
use crate::smtp_server::{Security, SmtpServer};
use crate::world::{Item as Story, World, item};

use super::{mail_about, outlet_with, via, words};

const SUMMARIES: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]

    [[source]]
    url = "http://a.test/a.xml"
    full_text = false

    [[source]]
    url = "http://b.test/b.xml"
    full_text = false
"#;
const FEEDS: [&str; 2] = ["http://a.test/a.xml", "http://b.test/b.xml"];

#[test]
fn a_day_with_a_full_disk_costs_nothing_but_the_day() {
    small_disk::run("faults::disk::a_day_inside_a_small_disk");
}

#[tokio::test]
#[ignore = "runs inside the mount of a_day_with_a_full_disk_costs_nothing_but_the_day"]
async fn a_day_inside_a_small_disk() {
    let Some(mount) = small_disk::mount() else { return };
    let mut world = World::settled(SUMMARIES).await;
    let filler = small_disk::fill(&mount);
    let before = resident();
    let mut asked: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let end = world.now() + DAY;
    let mut published = 0;
    let mut refused = 0;
    while world.now() < end {
        if published < 60 {
            world.publish(FEEDS[published % 2], story(published));
            published += 1;
        }
        world.advance(5 * MINUTE);
        match world.run_until_idle_or_refused().await {
            Ok(()) => {}
            Err(error) if error.is_passing() => refused += 1,
            Err(error) => panic!("{error}"),
        }
        let now = world.now();
        world.asked().into_iter().for_each(|address| asked.entry(address).or_default().push(now));
    }
    assert!(refused > 200, "the disk was full: {refused}");
    for (feed, times) in &asked {
        let gap = times.windows(2).map(|two| two[1].since(two[0])).min().unwrap_or(DAY);
        assert!(gap >= 15 * MINUTE, "{feed} was asked again after {gap:?}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more in memory");

    std::fs::remove_file(filler).unwrap();
    world.advance(SECOND * 5);
    world.run_until_idle_or_refused().await.unwrap();
    assert!(world.now() - 5 * SECOND == end && !world.asked().is_empty(), "it goes on at once");
    world.pass(2 * HOUR).await;
    let text: String = world.mail().iter().map(|mail| mail.text.clone()).collect();
    for number in 0..published {
        let told = text.matches(&format!("Story {number:02}")).count();
        assert_eq!(told, 1, "Story {number:02}");
    }
    let ids: BTreeSet<_> = world.mail().into_iter().map(|mail| mail.id).collect();
    assert_eq!(ids.len(), world.mail().len(), "nothing goes twice");
}

/// A story of a few kilobytes.
fn story(number: usize) -> Story {
    item(&format!("http://a.test/{number}"), &format!("Story {number:02} of the line"))
        .summary(&format!("The railway. {}", words(number, 400)))
}

/// Bytes that this process has in memory.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn a_full_disk_is_told_once_a_minute_and_gone_on_from() {
    small_disk::run("faults::disk::the_program_inside_a_small_disk");
}

#[tokio::test]
#[ignore = "runs inside the mount of a_full_disk_is_told_once_a_minute_and_gone_on_from"]
async fn the_program_inside_a_small_disk() {
    let Some(mount) = small_disk::mount() else { return };
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut outlet = outlet_with(&["The river rose"]).await;
    let home = Home::new(&config(&via(&smtp), &[outlet.url("/feed.xml")], "[\"river\"]", EAGER));
    let daemon = home.daemon().await;
    mail_about(&smtp, "The river rose").await;
    // More new rows than the log of the database has room for.
    let domain = format!("{0}.{0}.{0}.example.org", "x".repeat(60));
    let readers: Vec<_> = (0..3_500).map(|number| format!("\"reader.{number}@{domain}\"")).collect();
    let readers = readers.join(",");
    let mills = format!("[[watch]]\nname = \"Mills\"\nkeywords = [\"mill\"]\nto = [{readers}]\n");
    let changed = home.path().join("changed.toml");
    std::fs::write(&changed, std::fs::read_to_string(home.config()).unwrap() + &mills).unwrap();
    let filler = small_disk::fill(&mount);
    let told = daemon.log().lines().count();
    // So many that the log has no room for them.
    for number in 0..40 {
        outlet.publish(&format!("The river, day {number:02}, {}", "and so on ".repeat(1000)));
    }
    daemon.wait_to_hear("the disk that holds the store is full").await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let log = daemon.log();
    let lines: Vec<_> =
        log.lines().skip(told).filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(smtp.taken().len(), 1, "nothing is sent that could not be recorded");
    std::fs::rename(changed, home.config()).unwrap();
    daemon.wait_to_hear("cannot be put in force yet").await;
    std::fs::remove_file(filler).unwrap();
    daemon.wait_to_hear("watch \"Mills\" added").await;
    for number in 0..40 {
        mail_about(&smtp, &format!("day {number:02}")).await;
    }
    let log = daemon.stop().await;
    let sent = home.ask("SELECT count(*) FROM messages WHERE state = 'sent'");
    assert_eq!(usize::try_from(sent).unwrap(), smtp.taken().len(), "{log}");
}

#[tokio::test]
async fn a_disk_that_fails_ends_it_and_the_next_start_goes_on() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut outlet = outlet_with(&["The river rose"]).await;
    let home = Home::new(&config(&via(&smtp), &[outlet.url("/feed.xml")], "[\"river\"]", EAGER));
    // No file may grow beyond two megabytes: to the store, that is a write that fails.
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""];
    let daemon = Daemon::spawn(home.habar_by(&limited, &["run"]));
    mail_about(&smtp, "The river rose").await;
    for number in 0..300 {
        outlet.entries.push(Item {
            guid: number.to_string(),
            title: format!("The river, day {number:03}"),
            summary: words(number, 900),
            link: None,
        });
    }
    outlet.publish("The river fell");
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.contains("the store cannot be read or written"), "{log}");
    let recorded = home.ask("SELECT count(*) FROM messages WHERE state = 'sent'");
    assert_eq!(usize::try_from(recorded).unwrap(), smtp.taken().len(), "what was sent is known to be");

    let daemon = home.daemon().await;
    mail_about(&smtp, "The river fell").await;
    daemon.stop().await;
    let ids: BTreeSet<_> = smtp.taken().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!(ids.len(), smtp.taken().len(), "nothing goes twice");
    assert_eq!(home.ask("SELECT count(*) FROM entries"), 302);
}
