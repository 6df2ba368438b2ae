//! Poll: first sight of a source, what a feed is asked with, and what becomes of one that fails.

use habar::time::{DAY, HOUR, MINUTE, SECOND};

use crate::web::{Answer, Manner};
use crate::world::{Item, PORT, RAIL, RAILWAY, START, World, article, item, rss};

const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

/// One outlet whose pages are not read.
pub const SUMMARIES: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]

    [[source]]
    url = "http://a.test/a.xml"
    name = "Alpha"
    full_text = false
"#;

fn railway(number: usize) -> Item {
    item(&format!("http://a.test/{number}"), &format!("Railway news {number}"))
}

#[tokio::test]
async fn first_sight_of_all_sources_is_one_mail_about_the_last_day() {
    let mut world = World::new(RAILWAY).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.page("http://b.test/2", article("Night trains", &PORT.replace("harbour", "railway")));
    world.publish(A, item("http://a.test/1", "Tariffs fall").dated(START - 23 * HOUR));
    world.publish(A, item("http://a.test/old", "Railway of last week").dated(START - 25 * HOUR));
    world.publish(B, item("http://b.test/2", "Night trains").undated());
    world.run_until_idle().await;
    let mail = world.one_mail();
    assert!(mail.has("2 stories") && mail.has("Tariffs fall") && mail.has("Night trains"), "{}", mail.text);
    assert!(!world.asked().contains(&"http://a.test/old".to_owned()), "what is older is not even read");
    world.pass(DAY).await;
    assert_eq!(world.mail().len(), 1);
    let state: Vec<i64> = world.select("SELECT quiet FROM entries WHERE title LIKE '%last week'");
    assert_eq!(state, [1], "but kept");
}

#[tokio::test]
async fn first_sight_is_one_mail_a_watch() {
    let config = format!("{RAILWAY}\n[[watch]]\nname = \"Ports\"\nkeywords = [\"harbour\"]\n");
    let mut world = World::new(&config).await;
    for number in 1..=30 {
        world.publish(A, railway(number));
        world.publish(B, item(&format!("http://b.test/{number}"), &format!("The harbour, part {number}")));
    }
    world.run_until_idle().await;
    let counts: Vec<_> =
        world.mail().iter().map(|mail| (mail.subject[..6].to_owned(), mail.count("30 stories"))).collect();
    assert_eq!(counts, [("[Rail]".to_owned(), 1), ("[Ports".to_owned(), 1)]);
}

#[tokio::test]
async fn first_sight_waits_until_each_page_was_tried_and_each_source_asked() {
    let config = format!("{RAILWAY}\n[http]\nhost_gap = \"1m\"\n");
    let mut world = World::new(&config).await;
    for number in 1..=4 {
        world.page(&format!("http://a.test/{number}"), Answer::status(500));
        world.publish(A, railway(number));
    }
    world.page(B, Answer::status(500));
    world.pass(4 * MINUTE).await;
    assert_eq!(world.mail().len(), 0, "feed, robots.txt and four pages are six requests, a minute apart");
    world.pass(90 * SECOND).await;
    assert!(world.one_mail().has("4 stories"));
}

#[tokio::test]
async fn first_sight_waits_a_quarter_of_an_hour_at_most() {
    let config = format!("{RAILWAY}\n[http]\nhost_gap = \"1m\"\n");
    let mut world = World::new(&config).await;
    for number in 1..=40 {
        world.publish(A, railway(number));
    }
    world.pass(14 * MINUTE).await;
    assert_eq!(world.mail().len(), 0);
    world.pass(MINUTE).await;
    assert!(world.one_mail().has("13 stories"), "{}", world.one_mail().text);
}

#[tokio::test]
async fn what_is_edited_after_first_sight_gathers_like_anything_else() {
    let mut world = World::new(SUMMARIES).await;
    world.publish(A, item("http://a.test/1", "Night trains"));
    world.publish(A, item("http://a.test/2", "Carriages"));
    world.run_until_idle().await;
    world.advance(HOUR);
    world.publish(A, item("http://a.test/1", "Night trains of the railway"));
    world.poll_all().await;
    world.advance(30 * SECOND);
    world.publish(A, item("http://a.test/2", "Carriages of the railway"));
    world.poll_all().await;
    assert_eq!(world.mail().len(), 0);
    world.pass(MINUTE).await;
    assert!(world.one_mail().has("2 stories"));
}

#[tokio::test]
async fn after_first_sight_no_date_suppresses() {
    let mut world = World::settled(SUMMARIES).await;
    world.publish(A, railway(1).dated(START - 400 * DAY));
    world.publish(A, railway(2).dated(START + 400 * DAY));
    world.publish(A, railway(3).undated());
    world.pass(HOUR).await;
    assert!(world.one_mail().has("3 stories"));
}

#[tokio::test]
async fn a_source_that_comes_later_has_a_first_sight_of_its_own() {
    let mut world = World::settled(SUMMARIES).await;
    let config = format!("{SUMMARIES}\n[[source]]\nurl = \"{B}\"\nfull_text = false\n");
    world.publish(B, railway(1).dated(START - 2 * DAY));
    world.publish(B, railway(2));
    world.reload(&config).await;
    world.run_until_idle().await;
    assert!(world.one_mail().has("1 story") && world.one_mail().has("[Railway] news 2"));
}

#[tokio::test]
async fn validators_go_back_byte_for_byte_and_304_is_no_news() {
    let mut world = World::new(SUMMARIES).await;
    let (etag, date) = (&b"W/\"caf\xe9 1\""[..], &b"yesterday, about noon"[..]);
    let answer = Answer::feed(rss(&[railway(1)])).header("ETag", etag).header("Last-Modified", date);
    world.page(A, answer);
    world.pass(HOUR).await;
    let log = world.web.take_log();
    assert_eq!(log[0].header("if-none-match"), None);
    assert_eq!(log[1].header("if-none-match"), Some(etag));
    assert_eq!(log[1].header("if-modified-since"), Some(date));
    assert_eq!(world.mail().len(), 1);
    assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["fine"]);
    world.restart().await;
    world.pass(HOUR).await;
    assert_eq!(world.web.log()[0].header("if-none-match"), Some(etag), "over restarts");
}

#[tokio::test]
async fn an_unchanged_body_is_no_news() {
    let world = World::new(SUMMARIES).await;
    world.page(A, Answer::feed(rss(&[railway(1)])));
    world.pass(2 * HOUR).await;
    assert!(world.asked().len() >= 3);
    assert_eq!((world.mail().len(), world.select::<i64>("SELECT sum(edits) FROM entries")), (1, vec![0]));
}

#[tokio::test]
async fn a_broken_body_leaves_no_validators() {
    let world = World::new(SUMMARIES).await;
    let whole = rss(&[railway(1)]);
    world.pages(
        A,
        [
            Answer::ok("text/html", "<p>Down for maintenance").header("ETag", "\"1\""),
            Answer::feed(whole.clone()).header("ETag", "\"1\"").manner(Manner::CutAfter(60)),
            Answer::feed(whole).header("ETag", "\"1\""),
        ],
    );
    world.pass(4 * HOUR).await;
    let log = world.web.log();
    let sent: Vec<bool> = log.iter().map(|asked| asked.header("if-none-match").is_some()).take(4).collect();
    assert_eq!(sent, [false, false, false, true]);
    assert_eq!(world.mail().len(), 1);
}

#[tokio::test]
async fn a_document_that_is_cut_off_is_asked_for_again_and_stays_first_sight() {
    let whole = rss(&[railway(1), railway(2).dated(START - 3 * DAY)]);
    let end = whole.find("<item><guid isPermaLink=\"false\">http://a.test/2").unwrap();
    let cut = || Answer::feed(&whole[..end]).header("ETag", "\"1\"");
    let whole = || Answer::feed(whole.clone()).header("ETag", "\"1\"");
    let world = World::new(SUMMARIES).await;
    world.pages(A, [cut(), whole()]);
    world.pass(3 * HOUR).await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [2]);
    assert!(world.one_mail().has("1 story"), "what is old is still first sight");

    let world = World::new(SUMMARIES).await;
    world.pages(A, [cut(), cut(), whole()]);
    world.pass(3 * HOUR).await;
    let log = world.web.log();
    let sent: Vec<bool> = log.iter().map(|asked| asked.header("if-none-match").is_some()).take(4).collect();
    assert_eq!(sent, [false, false, false, true], "also when it broke off at the same place twice");
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [2]);
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    for status in [429, 503] {
        let mut world = World::settled(SUMMARIES).await;
        world.page(A, Answer::status(status).header("Retry-After", "18000"));
        world.pass(HOUR).await;
        assert_eq!(world.asked().len(), 1, "{status}");
        world.publish(A, railway(1));
        world.pass(4 * HOUR + 20 * MINUTE).await;
        assert_eq!(world.asked().len(), 0, "{status}");
        world.pass(20 * MINUTE).await;
        assert_eq!(world.mail().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_feed_that_is_gone_is_told_at_once_and_asked_once_a_week() {
    let world = World::settled(SUMMARIES).await;
    world.page(A, Answer::status(410));
    world.pass(HOUR).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has("source gone") && notices[0].has(A), "{}", notices[0].text);
    world.asked();
    world.pass(15 * DAY).await;
    assert_eq!((world.asked().len(), world.notices().len()), (2, 1));
}

#[tokio::test]
async fn a_feed_that_fails_for_a_day_is_told_once_each_time() {
    let mut world = World::settled(SUMMARIES).await;
    world.page(A, Answer::status(500));
    world.pass(DAY).await;
    assert_eq!(world.notices().len(), 0);
    world.pass(6 * DAY).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has("source failing") && notices[0].has("500"), "{}", notices[0].text);
    world.publish(A, railway(1));
    world.pass(2 * DAY).await;
    assert_eq!((world.mail().len(), world.notices().len()), (1, 1), "it works again");
    world.page(A, Answer::status(500));
    world.pass(4 * DAY).await;
    assert_eq!(world.notices().len(), 2);
}

/// Four sources, of which only the first works.
async fn three_that_never_work() -> World {
    let source = |host: &str| format!("[[source]]\nurl = \"http://{host}.test/{host}.xml\"\n");
    let config: String = ["a", "b", "c", "d"].map(source).concat();
    let rhythm = "[polling]\nbudget = 4\nfloor = \"6h\"\nceiling = \"6h\"\n";
    let world =
        World::new(&(config + rhythm + "[[watch]]\nname = \"Rail\"\nkeywords = [\"railway\"]\n")).await;
    world.page(A, Answer::feed(rss(&[])));
    world.page("http://b.test/b.xml", Answer::status(410));
    world.page("http://c.test/c.xml", Answer::ok("text/html", "<html><body>Welcome</body></html>"));
    world
}

#[tokio::test]
async fn sources_that_never_worked_are_one_list_after_a_day() {
    let world = three_that_never_work().await;
    world.pass(23 * HOUR + 59 * MINUTE).await;
    assert_eq!(world.notices().len(), 0, "no news, and none that is gone at once");
    world.pass(2 * MINUTE).await;
    world.pass(20 * MINUTE).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    let told = &notices[0];
    for part in ["source never worked", "b.test", "410", "c.test", "d.test", "404", "habar check --online"] {
        assert!(told.count(part) == 1, "{part} once in {}", told.text);
    }
    assert!(!told.has("a.test"), "{}", told.text);
    world.pass(8 * DAY).await;
    assert_eq!(world.notices().len(), 1, "told once");
}

#[tokio::test]
async fn a_source_that_works_at_last_is_like_any_other() {
    let mut world = three_that_never_work().await;
    world.pass(2 * DAY).await;
    world.publish("http://d.test/d.xml", item("http://d.test/1", "Railway news"));
    world.pass(2 * DAY).await;
    assert_eq!(world.mail().len(), 1);
    let open = "SELECT count(*) FROM notices WHERE state <> 'over'";
    assert_eq!(world.select::<i64>(open), [2]);
    world.page("http://d.test/d.xml", Answer::status(500));
    world.pass(4 * DAY).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 2);
    assert!(notices[1].has("source failing") && notices[1].has("d.test"), "{}", notices[1].text);
}

#[tokio::test]
async fn a_source_that_is_taken_out_is_in_no_trouble() {
    let mut world = three_that_never_work().await;
    world.pass(2 * DAY).await;
    world
        .reload("[[source]]\nurl = \"http://a.test/a.xml\"\n[[source]]\nurl = \"http://b.test/b.xml\"\n")
        .await;
    world.pass(MINUTE).await;
    let open = "SELECT subject FROM notices WHERE state <> 'over'";
    let left: Vec<String> = world.select(open).iter().map(|url: &String| world.shown(url)).collect();
    assert_eq!(left, ["http://b.test/b.xml"]);
}

#[tokio::test]
async fn troubles_of_one_quarter_of_an_hour_share_a_notice() {
    let config = format!("{RAILWAY}\n[polling]\nfloor = \"15m\"\nceiling = \"15m\"\n");
    let world = World::settled(&config).await;
    world.page(A, Answer::status(410));
    world.page(B, Answer::status(410));
    world.pass(HOUR).await;
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has(A) && notices[0].has(B), "{}", notices[0].text);
}

#[tokio::test]
async fn a_giant_feed_is_stored_in_chunks_and_its_validators_last() {
    let mut world = World::new(SUMMARIES).await;
    let items: Vec<Item> = (1..=1300).map(|number| railway(number).undated()).collect();
    world.page(A, Answer::feed(rss(&items)).header("ETag", "\"1\""));
    // The last chunk and with it the validators cannot be written.
    world.tamper("CREATE TRIGGER boom BEFORE UPDATE OF etag ON feeds BEGIN SELECT RAISE(ABORT, 'boom'); END");
    world.run_until_idle().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [1000], "two chunks of 500");
    world.tamper("DROP TRIGGER boom");
    world.restart().await;
    world.run_until_idle().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [1300]);
    assert_eq!(world.select::<Option<Vec<u8>>>("SELECT etag FROM feeds"), [Some(b"\"1\"".to_vec())]);
    assert!(world.one_mail().has("1300 stories"));
    let order: Vec<String> = world.select("SELECT title FROM entries ORDER BY id LIMIT 2");
    assert_eq!(order, ["Railway news 1300", "Railway news 1299"], "feeds list the newest first");
}

#[tokio::test]
async fn a_feed_that_is_always_cut_off_has_a_first_sight_that_ends() {
    let world = World::new(SUMMARIES).await;
    let cut = |items: &[Item]| {
        let whole = rss(items);
        Answer::feed(&whole[..whole.rfind("</channel>").unwrap()])
    };
    world.page(A, cut(&[railway(1).dated(START - 3 * DAY)]));
    world.pass(3 * HOUR).await;
    assert_eq!(world.mail().len(), 0, "what is old");
    world.page(A, cut(&[railway(2).dated(START - 2 * DAY), railway(1).dated(START - 3 * DAY)]));
    world.pass(3 * HOUR).await;
    assert!(world.one_mail().has("[Railway] news 2"), "later no date suppresses");
}

#[tokio::test]
async fn a_full_disk_makes_us_ask_no_server_more_often() {
    let mut world = World::settled(RAILWAY).await;
    world.advance(HOUR);
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.poll_all().await;
    world.advance(2 * MINUTE);
    for number in 2..14 {
        let link = format!("http://a.test/{number}");
        world.publish(A, item(&link, "Railway news").summary(&"Long. ".repeat(9000)));
    }
    let store = world.pipeline().store.clone();
    store.limit_pages(0).await.unwrap();
    world.asked();
    world.pass(2 * HOUR).await;
    let polls = world.asked().iter().filter(|address| *address == A).count();
    assert!((2..=4).contains(&polls), "every half hour: {polls}");
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [1], "nothing had room");
    store.limit_pages(u32::MAX - 2).await.unwrap();
    world.pass(HOUR).await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [13]);
}
