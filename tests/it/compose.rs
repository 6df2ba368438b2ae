//! Compose: which alerts share a mail, when it may go, and what becomes of alerts nobody waits for.

use std::time::Duration;

use habar::time::{DAY, HOUR, MINUTE, SECOND};

use crate::world::{Item, START, World, item, subjects};

const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

const SOURCES: &str = r#"
    [[source]]
    url = "http://a.test/a.xml"
    name = "Alpha"
    full_text = false
    [[source]]
    url = "http://b.test/b.xml"
    name = "Beta"
    full_text = false
    [polling]
    budget = 1
    ceiling = "30d"
"#;

/// A watch of this name, with more lines.
fn watch(name: &str, keyword: &str, more: &str) -> String {
    format!("[[watch]]\nname = \"{name}\"\nkeywords = [\"{keyword}\"]\n{more}\n")
}

fn rail(more: &str) -> String {
    watch("Rail", "railway", more) + SOURCES
}

fn railway(number: usize) -> Item {
    item(&format!("http://a.test/{number}"), &format!("Railway news {number}"))
}

/// A second less than so many hours.
fn short_of(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600 - 1)
}

fn counts(world: &World) -> Vec<usize> {
    world.mail().iter().map(|mail| mail.count("[Railway] news")).collect()
}

#[tokio::test]
async fn hits_of_the_same_minute_share_a_mail() {
    let mut world = World::settled(&rail("")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.publish(A, railway(2));
    world.publish(B, item("http://b.test/3", "Railway news 3"));
    world.advance(40 * SECOND);
    world.poll_all().await;
    assert_eq!(counts(&world), [0; 0], "45 seconds from the first");
    world.advance(5 * SECOND);
    world.run_until_idle().await;
    assert_eq!(counts(&world), [3]);
}

#[tokio::test]
async fn a_story_that_two_watches_hit_is_told_once_by_the_first_and_names_both() {
    let config = watch("Rail", "railway", "") + &watch("Sea", "seaside", "") + SOURCES;
    let mut world = World::settled(&config).await;
    world.publish(A, item("http://a.test/1", "Railway to the seaside"));
    world.publish(A, item("http://a.test/2", "Seaside resorts"));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert_eq!(
        subjects(&world.mail()),
        ["[Rail] Railway to the seaside · Alpha", "[Sea] Seaside resorts · Alpha"]
    );
    let first = &world.mail()[0];
    assert!(first.has("Also for watch: Sea") && first.has("Matched: seaside"), "{}", first.text);
}

#[tokio::test]
async fn the_order_of_the_config_says_which_watch_is_the_first() {
    let config = watch("Rail", "railway", "") + &watch("Sea", "seaside", "") + SOURCES;
    let mut world = World::settled(&config).await;
    world.reload(&(watch("Sea", "seaside", "") + &watch("Rail", "railway", "") + SOURCES)).await;
    world.publish(A, item("http://a.test/1", "Railway to the seaside"));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert!(world.one_mail().has("Also for watch: Rail"));
    assert_eq!(world.one_mail().subject, "[Sea] Railway to the seaside · Alpha");
}

#[tokio::test]
async fn two_recipients_get_a_message_each() {
    let mut world = World::settled(&rail("to = [\"one@test.example\", \"two@test.example\"]")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(HOUR).await;
    let mut mail = world.mail();
    mail.sort_by(|a, b| a.to.cmp(&b.to));
    let to: Vec<_> = mail.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["one@test.example", "two@test.example"]);
    assert_ne!(mail[0].id, mail[1].id);
    let bytes = String::from_utf8_lossy(&mail[0].bytes).into_owned();
    assert!(!bytes.contains("two@test.example"), "nobody learns who else is told");
}

#[tokio::test]
async fn mails_over_the_limit_of_an_hour_wait_for_one_digest() {
    let mut world = World::settled(&(rail("") + "[delivery]\nfold_after = 3\n")).await;
    for number in 1..=8 {
        world.publish(A, railway(number));
        world.poll_all().await;
        world.pass(5 * MINUTE).await;
    }
    assert_eq!(counts(&world), [1, 1, 1]);
    world.pass(30 * MINUTE).await;
    assert_eq!(counts(&world), [1, 1, 1, 5], "an hour after the first");
}

#[tokio::test]
async fn quiet_hours_end_in_one_mail() {
    let mut world = World::settled(&rail("quiet = \"09:00-17:30\"")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert_eq!(counts(&world), [1]);
    for number in 2..=4 {
        world.publish(A, railway(number));
        world.poll_all().await;
        world.pass(2 * HOUR).await;
    }
    world.pass(2 * HOUR + 29 * MINUTE).await;
    assert_eq!(counts(&world), [1]);
    world.pass(MINUTE).await;
    assert_eq!(counts(&world), [1, 3]);
}

#[tokio::test]
async fn what_is_late_waits_for_the_end_of_quiet_hours_too() {
    let mut world = World::settled(&(rail("quiet = \"09:00-17:30\"") + "[delivery]\nfold_after = 1\n")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(59 * MINUTE).await;
    world.publish(A, railway(2));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert_eq!(counts(&world), [1], "the hour of the limit ends in quiet hours");
    world.pass(7 * HOUR + 31 * MINUTE).await;
    assert_eq!(counts(&world), [1, 1], "17:30");
    world.pass(14 * HOUR + 29 * MINUTE).await;
    world.publish(A, railway(3));
    world.poll_all().await;
    // The machine sleeps.
    world.advance(3 * HOUR);
    world.run_until_idle().await;
    assert_eq!(counts(&world), [1, 1]);
    world.pass(7 * HOUR).await;
    assert_eq!(counts(&world), [1, 1, 1]);
}

#[tokio::test]
async fn each_rule_has_its_time() {
    let cases = [("hourly", 1, 1), ("daily 12:00", 4, 24), ("weekly mon 08:00", 72, 7 * 24)];
    for (rule, first, every) in cases {
        let mut world = World::settled(&rail(&format!("deliver = \"{rule}\""))).await;
        world.publish(A, railway(1));
        world.poll_all().await;
        world.publish(A, railway(2));
        world.poll_all().await;
        world.pass(short_of(first)).await;
        world.poll_all().await;
        assert_eq!(counts(&world), [0; 0], "{rule}");
        world.pass(SECOND).await;
        assert_eq!(counts(&world), [2], "{rule}");
        world.publish(A, railway(3));
        world.poll_all().await;
        world.pass(short_of(every)).await;
        assert_eq!(counts(&world), [2], "{rule}");
        world.pass(SECOND).await;
        assert_eq!(counts(&world), [2, 1], "{rule}");
    }
}

#[tokio::test]
async fn a_first_sight_keeps_to_the_rule_and_to_quiet_hours() {
    for (more, hours) in [("deliver = \"daily 12:00\"", 4), ("quiet = \"07:00-10:00\"", 2)] {
        let mut world = World::new(&rail(more)).await;
        world.publish(A, railway(1));
        world.poll_all().await;
        world.pass(short_of(hours)).await;
        assert_eq!(counts(&world), [0; 0], "{more}");
        world.pass(SECOND).await;
        assert_eq!(counts(&world), [1], "{more}");
    }
}

#[tokio::test]
async fn alerts_of_a_watch_that_is_gone_are_cancelled_in_the_ledger() {
    let other = watch("Sea", "seaside", "");
    let mut world = World::settled(&(other.clone() + &rail("deliver = \"hourly\""))).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(10 * MINUTE).await;
    world.reload(&(other + SOURCES)).await;
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 0);
    let ledger = world.ledger();
    assert_eq!(
        (ledger.len(), ledger[0].state.as_str(), ledger[0].subject.as_str()),
        (1, "cancelled", "Railway news 1")
    );
    assert!(ledger[0].reply.contains("no longer configured"), "{}", ledger[0].reply);
    assert_eq!(world.select::<String>("SELECT state FROM alerts"), ["cancelled"]);
}

#[tokio::test]
async fn alerts_of_a_recipient_who_is_gone_are_cancelled_and_the_others_told() {
    let to = |names: &str| rail(&format!("deliver = \"hourly\"\nto = [{names}]"));
    let mut world = World::settled(&to("\"one@test.example\", \"two@test.example\"")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(10 * MINUTE).await;
    world.reload(&to("\"two@test.example\"")).await;
    world.pass(HOUR).await;
    assert_eq!(world.one_mail().to, "two@test.example");
    let states: Vec<_> = world.ledger().iter().map(|line| format!("{} {}", line.to, line.state)).collect();
    assert!(states.contains(&"one@test.example cancelled".to_owned()), "{states:?}");
    assert_eq!(states.len(), 2);
}

#[tokio::test]
async fn a_watch_that_comes_back_before_the_release_has_lost_nothing() {
    let mut world = World::settled(&rail("deliver = \"hourly\"")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(10 * MINUTE).await;
    world.reload(&(watch("Sea", "seaside", "") + SOURCES)).await;
    world.pass(10 * MINUTE).await;
    world.reload(&rail("deliver = \"hourly\"")).await;
    world.pass(HOUR).await;
    assert_eq!(counts(&world), [1]);
}

#[tokio::test]
async fn a_paused_watch_makes_no_alerts() {
    let mut world = World::settled(&rail("")).await;
    world.tamper("UPDATE watches SET paused = 1");
    world.reload(&rail("")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(HOUR).await;
    world.tamper("UPDATE watches SET paused = 0");
    world.reload(&rail("")).await;
    world.publish(A, railway(2));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert!(world.one_mail().has("[Railway] news 2") && counts(&world) == [1]);
}

#[tokio::test]
async fn a_watch_sees_only_what_it_asks_for() {
    let mut world = World::settled(&rail("sources = [\"Beta\"]")).await;
    world.publish(A, railway(1));
    world.publish(B, item("http://b.test/2", "Railway news 2"));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert!(world.one_mail().has("[Railway] news 2") && counts(&world) == [1]);
}

#[tokio::test]
async fn message_ids_and_bytes_are_those_of_this_store() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut world = World::settled(&rail("")).await;
        world.publish(A, railway(1));
        world.publish(A, railway(2).dated(START - DAY));
        world.poll_all().await;
        world.pass(HOUR).await;
        ids.push(world.one_mail().id);
    }
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.ends_with("@test.example>")), "{ids:?}");
}

#[tokio::test]
async fn mails_of_a_time_that_has_not_come_count_for_no_limit() {
    let mut world = World::settled(&(rail("") + "[delivery]\nfold_after = 1\n")).await;
    world.publish(A, railway(1));
    world.poll_all().await;
    world.pass(5 * MINUTE).await;
    // The clock was a year ahead when it was composed.
    world.tamper("UPDATE messages SET composed_at = composed_at + 31536000000");
    world.publish(A, railway(2));
    world.poll_all().await;
    world.pass(5 * MINUTE).await;
    assert_eq!(counts(&world), [1, 1]);
}

#[tokio::test]
async fn a_story_whose_alert_was_cancelled_is_told_when_it_comes_again_after_the_watch_is_back() {
    let mut world = World::settled(&rail("")).await;
    for _ in 0..2 {
        world.publish(A, railway(1));
        world.poll_all().await;
        world.reload(&(watch("Sea", "seaside", "") + SOURCES)).await;
        world.pass(HOUR).await;
        world.reload(&rail("")).await;
        assert_eq!(counts(&world), [0; 0]);
        world.publish(A, railway(1).guid("again"));
    }
    world.publish(B, railway(1));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert_eq!(counts(&world), [1]);
}
