//! How sources do: what is told of one that falls silent, loses entries or is lied about, once and with what to do.

use habar::time::{DAY, HOUR};

use crate::asking::SLOW;
use crate::poll::SUMMARIES;
use crate::web::{Answer, Asked};
use crate::world::{Item, World, item, rss};

const A: &str = "http://a.test/a.xml";

fn story(number: usize) -> Item {
    item(&format!("http://a.test/{number}"), &format!("News {number}"))
}

/// A document of the newest `window` stories.
fn window(newest: usize, window: usize) -> Answer {
    let items: Vec<Item> = (newest.saturating_sub(window - 1)..=newest).rev().map(story).collect();
    Answer::feed(rss(&items))
}

fn health(world: &World) -> String {
    world.select::<String>("SELECT health FROM feeds").remove(0)
}

fn requests(world: &World) -> usize {
    world.web.take_log().len()
}

#[tokio::test]
async fn a_feed_that_loses_entries_is_asked_more_often_at_once_and_told_once() {
    let rhythm = SLOW.replace("floor = \"6h\"", "floor = \"1h\"");
    let world = World::new(&format!("{SUMMARIES}{rhythm}")).await;
    world.page(A, window(5, 5));
    world.pass(7 * HOUR).await;
    assert_eq!(health(&world), "fine");
    world.page(A, window(30, 5));
    world.pass(7 * HOUR).await;
    assert_eq!(health(&world), "lossy");
    requests(&world);
    world.page(A, window(31, 5));
    world.pass(12 * HOUR).await;
    assert!(requests(&world) >= 3, "every three hours instead of every six");
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has("source loses entries") && notices[0].has("max_interval"), "{}", notices[0].text);
    world.page(A, window(60, 5));
    world.pass(12 * HOUR).await;
    for newest in 61..70 {
        world.page(A, window(newest, 5));
        world.pass(20 * HOUR).await;
    }
    assert_eq!((health(&world).as_str(), world.notices().len()), ("fine", 1), "a week later it is over");
    requests(&world);
    world.pass(12 * HOUR).await;
    assert!(requests(&world) <= 2, "and it is asked as before");
    let open = "SELECT count(*) FROM notices WHERE state <> 'over'";
    assert_eq!(world.select::<i64>(open), [0]);
}

#[tokio::test]
async fn channels_of_one_site_are_told_apart_though_their_addresses_are_not_shown() {
    let sources = ["one", "two"].map(|channel| {
        format!("[[source]]\nurl = \"http://a.test/q.xml?channel={channel}\"\nname = \"{channel}\"\nfull_text = false\n")
    });
    let world = World::new(&format!("{}\n{}", SLOW.replace("6h", "1h"), sources.concat())).await;
    let all_say = |answer: Answer| {
        ["/q.xml?channel=one", "/q.xml?channel=two"].map(|feed| world.web.page(feed, answer.clone()))
    };
    all_say(window(5, 5));
    world.pass(2 * HOUR).await;
    let open = || {
        let mut subjects = world.select::<String>("SELECT subject FROM notices WHERE state <> 'over'");
        subjects.sort();
        subjects
    };
    all_say(Answer::status(410));
    world.pass(2 * HOUR).await;
    let told = open();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("one, http://") && told[1].starts_with("two, http://"), "{told:?}");
    assert!(told.iter().all(|subject| !subject.contains("channel=one")), "{told:?}");
    all_say(window(6, 5));
    world.tamper("UPDATE feeds SET due_at = 1, due_reason = 'rhythm' WHERE url LIKE '%two'; UPDATE hosts SET poll_at = 1");
    world.pass(HOUR).await;
    assert_eq!(open(), told[..1], "the other one is still gone");
}

#[tokio::test]
async fn a_feed_that_loses_entries_cannot_ask_for_long_pauses() {
    let world = World::new(&format!("{SUMMARIES}{}", SLOW.replace("floor = \"6h\"", "floor = \"1h\""))).await;
    let document = |newest: usize| {
        let items: Vec<Item> = (newest - 4..=newest).rev().map(story).collect();
        Answer::feed(rss(&items).replace("<channel>", "<channel><ttl>720</ttl>"))
    };
    world.page(A, document(5));
    world.pass(13 * HOUR).await;
    world.page(A, document(30));
    requests(&world);
    world.pass(12 * HOUR).await;
    assert_eq!((requests(&world), health(&world).as_str()), (1, "lossy"), "it asks for half a day");
    world.page(A, document(31));
    world.pass(13 * HOUR).await;
    assert!(requests(&world) >= 2, "and gets half of that");
}

#[tokio::test]
async fn nothing_is_lost_where_something_is_known_or_nothing_was() {
    let overlapping = [window(5, 5), window(9, 5), window(13, 5)];
    let from_empty = [Answer::feed(rss(&[])), window(5, 5), Answer::feed(rss(&[])), window(9, 3)];
    let alternating = [window(5, 5), window(40, 5), window(5, 5), window(40, 5)];
    let one_a_day = [window(1, 1), window(2, 1)];
    for (name, answers, healthy) in [
        ("overlapping", &overlapping[..], true),
        ("from empty", &from_empty, true),
        ("alternating", &alternating, false),
        ("one entry that is replaced", &one_a_day, true),
    ] {
        let world = World::new(&format!("{SUMMARIES}{SLOW}")).await;
        for answer in answers {
            world.page(A, answer.clone());
            world.pass(13 * HOUR).await;
        }
        assert_eq!(health(&world) == "fine", healthy, "{name}");
    }
}

/// News once a day for two weeks, asked for every twelve hours, and then no more.
async fn regular() -> World {
    let mut world = World::new(&format!("{SUMMARIES}{}", SLOW.replace("6h", "12h"))).await;
    for number in 0..16 {
        world.publish(A, story(number));
        world.pass(DAY).await;
    }
    world
}

/// All that was ever in the feed up to a story.
fn whole(newest: usize) -> String {
    rss(&(0..=newest).rev().map(story).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_feed_that_falls_silent_is_told_once_until_it_speaks_again() {
    let mut world = regular().await;
    world.pass(2 * DAY).await;
    assert_eq!((health(&world).as_str(), world.notices().len()), ("fine", 0), "two days say nothing");
    world.pass(5 * DAY).await;
    assert_eq!(health(&world), "silent");
    world.pass(10 * DAY).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].has("source silent") && notices[0].has("its longest pause was"),
        "{}",
        notices[0].text
    );
    world.publish(A, story(99));
    world.pass(DAY).await;
    assert_eq!(health(&world), "fine");
}

#[tokio::test]
async fn a_server_that_lies_with_304_is_found_out_and_not_believed_again() {
    let world = regular().await;
    let lying = |newest| Answer::feed(whole(newest)).header("ETag", "\"for ever\"");
    world.page(A, lying(15));
    world.pass(13 * HOUR).await;
    // What comes is shown to those only who do not say what they have.
    world.page(A, lying(20));
    world.web.take_log();
    world.pass(10 * HOUR).await;
    let stored = |world: &World| world.select::<i64>("SELECT count(*) FROM entries")[0];
    assert_eq!(stored(&world), 16, "unchanged, says the server");
    world.pass(40 * HOUR).await;
    assert_eq!(stored(&world), 21, "and is doubted when that is too long");
    let log = world.web.take_log();
    let is_whole = |asked: &Asked| asked.header("if-none-match").is_none();
    let first = log.iter().position(is_whole).unwrap();
    assert!(log[first..].iter().all(is_whole), "from then on it is asked for all of it");
    world.page(A, lying(30));
    world.pass(13 * HOUR).await;
    assert_eq!(stored(&world), 31);
}

#[tokio::test]
async fn an_honest_server_is_asked_for_all_of_it_once_a_day_at_most() {
    let world = regular().await;
    world.page(A, Answer::feed(whole(15)).header("ETag", "\"1\""));
    world.pass(13 * HOUR).await;
    world.web.take_log();
    world.pass(20 * DAY).await;
    let log = world.web.take_log();
    let whole = log.iter().filter(|asked| asked.header("if-none-match").is_none());
    let times: Vec<_> = whole.map(|asked| asked.at).collect();
    assert!((5..=15).contains(&times.len()) && log.len() > 35, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= DAY), "{times:?}");
}

#[tokio::test]
async fn what_is_wrong_outlasts_a_failure_and_is_not_told_again() {
    let mut world = regular().await;
    world.pass(7 * DAY).await;
    assert_eq!(health(&world), "silent");
    world.page(A, Answer::status(500));
    world.pass(4 * DAY).await;
    assert_eq!(health(&world), "failing");
    world.publish(A, story(15));
    world.pass(2 * DAY).await;
    assert_eq!(health(&world), "silent");
    let kinds: Vec<bool> = world.notices().iter().map(|notice| notice.has("source silent")).collect();
    assert_eq!(kinds, [true, false], "silent once, failing once");
    let open = "SELECT kind FROM notices WHERE state <> 'over'";
    assert_eq!(world.select::<String>(open), ["source silent"]);
}
