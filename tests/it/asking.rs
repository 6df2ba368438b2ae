//! How servers are asked: a row of what a polite reader does, and a test for each, against a scripted server.

use std::time::Duration;

use habar::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use crate::http::OddBytes;
use crate::poll::SUMMARIES;
use crate::web::{Answer, Asked};
use crate::world::{Item, START, World, item, rss};

const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

/// As often as the floor allows.
const EAGER: &str = "[polling]\nbudget = 10000\nfloor = \"15m\"\nceiling = \"15m\"\n";
/// What takes long is asked as seldom as it can be.
const HOURLY: &str = "[polling]\nbudget = 24\nfloor = \"1h\"\nceiling = \"1h\"\n";
pub const SLOW: &str = "[polling]\nbudget = 4\nfloor = \"6h\"\nceiling = \"6h\"\n";

fn railway(number: usize) -> Item {
    item(&format!("http://a.test/{number}"), &format!("Railway news {number}"))
}

fn news() -> String {
    rss(&[railway(1)])
}

fn is_conditional(asked: &Asked) -> bool {
    asked.header("if-none-match").is_some() || asked.header("if-modified-since").is_some()
}

/// The times between the requests for a path, and since it was asked last.
fn gaps(log: &[Asked], path: &str) -> Vec<Duration> {
    let times: Vec<_> = log.iter().filter(|asked| asked.path == path).map(|asked| asked.at).collect();
    times.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

fn count(log: &[Asked], path: &str) -> usize {
    log.iter().filter(|asked| asked.path == path).count()
}

#[tokio::test]
async fn row_1_validators_are_echoed_byte_for_byte() {
    let world = World::new(SUMMARIES).await;
    let mut odd = OddBytes(0x1234_5678_9abc_def1);
    for number in 0..30 {
        let (etag, date) = (odd.value(1 + number), odd.value(30 - number));
        let answer = Answer::feed(news()).header("ETag", &etag).header("Last-Modified", &date);
        world.web.page("/a.xml", answer);
        world.poll_all().await;
        world.poll_all().await;
        let asked = world.web.take_log().pop().unwrap();
        assert_eq!(asked.header("if-none-match"), Some(etag.as_slice()), "{}", etag.escape_ascii());
        assert_eq!(asked.header("if-modified-since"), Some(date.as_slice()), "{}", date.escape_ascii());
    }
}

#[tokio::test]
async fn row_2_no_validator_is_invented() {
    let mut world = World::new(SUMMARIES).await;
    world.publish(A, railway(1).dated(START - HOUR));
    world.pass(3 * HOUR).await;
    world.restart().await;
    world.pass(3 * HOUR).await;
    let log = world.web.log();
    assert!(log.len() > 8 && !log.iter().any(is_conditional), "{log:?}");
}

#[tokio::test]
async fn row_3_every_answer_brings_its_validators_also_when_the_body_is_the_same() {
    let world = World::new(SUMMARIES).await;
    for number in 1..6 {
        let etag = format!("\"{number}\"");
        world.page(A, Answer::feed(news()).header("ETag", &etag));
        world.poll_all().await;
        world.poll_all().await;
        let asked = world.web.take_log().pop().unwrap();
        assert_eq!(asked.header("if-none-match"), Some(etag.as_bytes()));
    }
    assert_eq!(world.select::<i64>("SELECT sum(edits) FROM entries"), [0]);
}

#[tokio::test]
async fn row_4_a_pair_goes_as_a_whole_and_only_to_whom_it_came_from() {
    let world = World::new(SUMMARIES).await;
    let next = async || {
        world.poll_all().await;
        let asked = world.web.take_log().pop().unwrap();
        (
            asked.path.clone(),
            asked.header("if-none-match").is_some(),
            asked.header("if-modified-since").is_some(),
        )
    };
    let both = || Answer::feed(news()).header("ETag", "\"1\"").header("Last-Modified", "Monday");
    world.page(A, both());
    next().await;
    world.page(A, Answer::feed(rss(&[railway(2)])).header("Last-Modified", "Tuesday"));
    assert_eq!(next().await, ("/a.xml".to_owned(), true, true));
    assert_eq!(next().await, ("/a.xml".to_owned(), false, true), "the old ETag is gone with its document");
    world.page(A, Answer::moved(302, "http://b.test/other.xml"));
    world.page("http://b.test/other.xml", both());
    assert_eq!(next().await, ("/other.xml".to_owned(), false, false), "another address");
    assert_eq!(next().await, ("/other.xml".to_owned(), true, true), "its own");
    world.page(A, both());
    assert_eq!(next().await, ("/a.xml".to_owned(), false, false), "and they are not the first one's");
}

#[tokio::test]
async fn row_5_a_feed_is_asked_once_without_a_condition() {
    let mut world = World::new(&format!("{SUMMARIES}{SLOW}")).await;
    let feed = |etag: &str| Answer::feed(news()).header("ETag", etag);
    world.page(A, feed("\"1\""));
    world.pass(2 * DAY).await;
    world.restart().await;
    world.pass(2 * DAY).await;
    let unconditional =
        |world: &World| world.web.take_log().iter().filter(|asked| !is_conditional(asked)).count();
    assert_eq!(unconditional(&world), 1, "in four days and over a restart");
    world.pages(A, [Answer::ok("text/html", "<html>Down").header("ETag", "\"html\""), feed("\"2\"")]);
    world.pass(DAY).await;
    assert_eq!(unconditional(&world), 0, "what could not be read is never echoed, what could still is");
}

#[tokio::test]
async fn row_6_a_poll_is_one_plain_get() {
    let world = World::new(SUMMARIES).await;
    let cookie = |answer: Answer| answer.header("Set-Cookie", "id=1; Path=/").header("ETag", "\"1\"");
    world.page(A, cookie(Answer::moved(302, "/b.xml?lang=tr#top")));
    world.page("http://a.test/b.xml?lang=tr", cookie(Answer::feed(news())));
    world.web.page("/b.xml?lang=tr", cookie(Answer::feed(news())));
    world.pass(6 * HOUR).await;
    let log = world.web.log();
    let (first, second) = (count(&log, "/a.xml"), count(&log, "/b.xml?lang=tr"));
    assert!(first >= 11 && first == second && first + second == log.len(), "{log:?}");
    for asked in &log {
        assert_eq!(asked.method, "GET");
        let known = ["accept", "accept-encoding", "host", "user-agent", "if-none-match"];
        let names: Vec<_> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    }
}

#[tokio::test]
async fn row_7_no_feed_is_asked_before_its_floor_also_over_restarts() {
    let mut world = World::new(&format!("{SUMMARIES}{EAGER}")).await;
    let mut number = 0;
    for minutes in [1, 14, 15, 16, 29, 3, 44, 7, 60, 14] {
        number += 1;
        world.publish(A, railway(number));
        world.pass(minutes * MINUTE + 7 * SECOND).await;
        world.restart().await;
    }
    let gaps = gaps(&world.web.log(), "/a.xml");
    assert!(gaps.len() >= 10 && gaps.iter().all(|gap| *gap >= 15 * MINUTE), "{gaps:?}");
}

/// What a server or a feed asks for, and for how long it is left alone then; the world starts on a Friday at eight.
fn pauses() -> Vec<(&'static str, Answer, Duration)> {
    const EIGHT: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
    const TEN: &str = "Fri, 15 Jan 2027 10:00:00 GMT";
    let plain = || Answer::feed(news()).header("ETag", "\"1\"");
    let hint = |element: &str| {
        let body = news().replace("<title>A feed", &format!("{element}<title>A feed"));
        let body = body.replace("<rss", "<rss xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\"");
        Answer::feed(body).header("ETag", "\"1\"")
    };
    let hours = (8..20).fold(String::new(), |hours, hour| hours + &format!("<hour>{hour}</hour>"));
    vec![
        ("max-age", plain().header("Cache-Control", "max-age=7200"), 2 * HOUR),
        ("less Age", plain().header("Cache-Control", "max-age=7200").header("Age", "1800"), 90 * MINUTE),
        ("Expires", plain().header("Expires", TEN).header("Date", EIGHT), 2 * HOUR),
        ("ttl", hint("<ttl>90</ttl>"), 90 * MINUTE),
        (
            "sy",
            hint("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>6</sy:updateFrequency>"),
            4 * HOUR,
        ),
        ("the longest", hint("<ttl>90</ttl>").header("Cache-Control", "max-age=10800"), 3 * HOUR),
        ("a day at most", plain().header("Cache-Control", "max-age=9999999"), DAY),
        ("also in the feed", hint("<sy:updatePeriod>weekly</sy:updatePeriod>"), DAY),
        ("skipHours", hint(&format!("<skipHours>{hours}</skipHours>")), 12 * HOUR),
        ("skipDays", hint("<skipDays><day>Friday</day></skipDays>"), 16 * HOUR),
        ("no-cache", plain().header("Cache-Control", "no-cache, max-age=7200"), 15 * MINUTE),
    ]
}

#[tokio::test]
async fn row_8_a_feed_is_left_alone_as_long_as_it_asks_for() {
    for (name, answer, pause) in pauses() {
        let world = World::new(&format!("{SUMMARIES}{EAGER}")).await;
        world.page(A, answer);
        world.pass(2 * pause + 4 * HOUR).await;
        let (log, gaps) = (world.web.log(), gaps(&world.web.log(), "/a.xml"));
        assert!(is_conditional(&log[1]), "the second answer is 304");
        assert!(gaps[0] >= pause && gaps[0] <= pause.mul_f64(1.05) + 15 * MINUTE, "{name}: {gaps:?}");
        if !name.starts_with("skip") {
            assert!(gaps[1] >= pause, "{name}, unchanged: {gaps:?}");
        }
    }
}

#[tokio::test]
async fn row_8_the_sources_own_interval_wins() {
    let world = World::new(&format!("{SUMMARIES}max_interval = \"30m\"\n{EAGER}")).await;
    world.page(A, Answer::feed(news()).header("Cache-Control", "max-age=7200"));
    world.pass(2 * HOUR).await;
    assert!(count(&world.web.log(), "/a.xml") >= 4);
}

/// Three feeds on one host, and one on another.
fn neighbours() -> String {
    let source = |url: &str| format!("[[source]]\nurl = \"{url}\"\nfull_text = false\n");
    ["http://a.test/1.xml", "http://a.test/2.xml", "http://a.test/3.xml", B].map(source).concat() + HOURLY
}

#[tokio::test]
async fn row_9_a_server_that_asks_for_time_has_it_for_all_its_feeds_over_restarts() {
    let at_two = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&(START + 6 * HOUR).calendar())
        .unwrap();
    for (status, wait) in [(429, "18000"), (503, "18000"), (503, at_two.as_str())] {
        let mut world = World::settled(&neighbours()).await;
        world.page("http://a.test/1.xml", Answer::status(status).header("Retry-After", wait));
        world.pass(65 * MINUTE).await;
        world.web.take_log();
        world.restart().await;
        world.pass(4 * HOUR + 54 * MINUTE).await;
        let log = world.web.take_log();
        assert_eq!(log.iter().filter(|asked| asked.path != "/b.xml").count(), 0, "{status} {wait}: {log:?}");
        assert!(count(&log, "/b.xml") >= 4, "another host goes on");
        world.pass(70 * MINUTE).await;
        let log = world.web.take_log();
        assert!(
            ["/1.xml", "/2.xml", "/3.xml"].iter().all(|path| count(&log, path) > 0),
            "and then they go on"
        );
        world.pass(3 * HOUR).await;
        let log = world.web.take_log();
        // A date has passed by then.
        assert!(count(&log, "/1.xml") == 0 || wait.contains("GMT"), "asked for time again");
        assert!(count(&log, "/2.xml") >= 2, "which is no matter of those that are served");
    }
}

#[tokio::test]
async fn row_9_what_a_relay_says_of_one_feed_holds_for_that_one() {
    let mut world = World::new(&neighbours()).await;
    for number in 1..4 {
        let foreign = item(&format!("http://f.test/{number}"), "Railway news");
        world.publish(&format!("http://a.test/{number}.xml"), foreign);
    }
    world.pass(MINUTE).await;
    world.page("http://a.test/1.xml", Answer::status(429).header("Retry-After", "18000"));
    world.pass(65 * MINUTE).await;
    world.web.take_log();
    world.pass(4 * HOUR).await;
    let log = world.web.take_log();
    assert_eq!(count(&log, "/1.xml"), 0);
    assert!(count(&log, "/2.xml") >= 3 && count(&log, "/3.xml") >= 3);
}

#[tokio::test]
async fn row_9_a_page_of_such_a_host_waits_and_its_words_do_not() {
    let config = SUMMARIES.replace("full_text = false", &format!("[[source]]\nurl = \"{B}\""));
    let mut world = World::settled(&format!("{config}\n{HOURLY}")).await;
    world.page(A, Answer::status(503).header("Retry-After", "18000"));
    world.pass(65 * MINUTE).await;
    world.publish(B, railway(7));
    world.page("http://a.test/7", crate::world::article("Railway news 7", crate::world::RAIL));
    world.pass(4 * HOUR).await;
    assert!(world.one_mail().has("[Railway] news 7"), "what the feed says is told");
    let asked = world.asked();
    assert!(!asked.iter().any(|address| address == "http://a.test/7"), "{asked:?}");
    world.page(A, Answer::feed(news()));
    world.pass(75 * MINUTE).await;
    assert!(world.asked().iter().any(|address| address == "http://a.test/7"));
}

#[tokio::test]
async fn row_9_a_week_is_the_longest_that_is_believed() {
    let world = World::settled(SUMMARIES).await;
    world.page(A, Answer::status(429).header("Retry-After", "99999999"));
    world.pass(8 * DAY).await;
    let gaps = gaps(&world.web.log(), "/a.xml");
    assert!(gaps.len() == 1 && gaps[0] >= 7 * DAY, "{gaps:?}");
}

#[tokio::test]
async fn row_10_a_server_that_fails_is_asked_half_as_often_each_time() {
    for status in [403, 429, 500] {
        let world = World::settled(SUMMARIES).await;
        world.page(A, Answer::status(status));
        world.pass(6 * DAY).await;
        let gaps = gaps(&world.web.log(), "/a.xml");
        let extra = if status == 429 { HOUR } else { Duration::ZERO };
        assert!(gaps.len() >= 7, "{status}: {gaps:?}");
        for (n, gap) in (1..).zip(&gaps) {
            let expected = (30 * MINUTE * 2_u32.pow(n)).min(DAY);
            let most = expected.mul_f64(1.05) + extra.mul_f64(1.05) + SECOND;
            assert!(*gap >= expected && *gap <= most, "{status}: {n}: {gaps:?}");
        }
        if status == 429 {
            assert!(
                gaps.iter().skip(5).any(|gap| *gap > DAY + 3 * MINUTE),
                "not all come back together: {gaps:?}"
            );
        }
    }
}

#[tokio::test]
async fn row_11_a_permanent_redirect_is_saved_when_it_has_proved_itself() {
    for status in [301, 308] {
        let mut world = World::settled(&format!("{SUMMARIES}{SLOW}")).await;
        world.page(A, Answer::moved(status, "http://c.test/new.xml"));
        world.publish("http://c.test/new.xml", railway(1));
        world.pass(47 * HOUR).await;
        let log = world.web.take_log();
        assert_eq!(count(&log, "/a.xml"), count(&log, "/new.xml"), "{status}: not yet believed");
        assert_eq!(world.notices().len(), 0);
        world.pass(8 * HOUR).await;
        world.web.take_log();
        world.restart().await;
        world.pass(DAY).await;
        let log = world.web.take_log();
        assert_eq!(count(&log, "/a.xml"), 0, "{status}");
        assert!(count(&log, "/new.xml") >= 3, "{status}");
        assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["moved"]);
        assert_eq!(world.shown(&world.select::<String>("SELECT url FROM feeds")[0]), A, "its name stays");
        let notices = world.notices();
        assert_eq!(notices.len(), 1, "told once");
        let told = &notices[0];
        assert!(
            told.has("source moved") && told.has(A) && told.has("http://c.test/new.xml"),
            "{}",
            told.text
        );
        assert_eq!(world.mail().len(), 1, "and it is no new source");
    }
}

#[tokio::test]
async fn row_11_a_redirect_that_is_not_for_good_or_leads_to_no_feed_is_never_saved() {
    let feed = || Answer::feed(news());
    let new = "http://c.test/new.xml";
    let cases = [
        (Answer::moved(302, new), feed()),
        (Answer::moved(307, new), feed()),
        (Answer::moved(301, new), Answer::ok("text/html", "<html>We have moved")),
        (Answer::moved(301, new), Answer::status(500)),
    ];
    for (redirect, target) in cases {
        let world = World::settled(&format!("{SUMMARIES}{SLOW}")).await;
        world.page(A, redirect.clone());
        world.page(new, target);
        world.pass(5 * DAY).await;
        assert_eq!(world.select::<Option<String>>("SELECT moved_to FROM feeds"), [None], "{redirect:?}");
        let log = world.web.log();
        assert_eq!(count(&log, "/a.xml"), count(&log, "/new.xml"), "{redirect:?}");
    }
}

#[tokio::test]
async fn row_11_a_new_place_that_fails_is_given_up_and_one_in_the_config_is_the_same_source() {
    let config = format!("{SUMMARIES}{SLOW}");
    let mut world = World::settled(&config).await;
    world.page(A, Answer::moved(301, "http://c.test/new.xml"));
    world.publish("http://c.test/new.xml", railway(1));
    world.pass(3 * DAY).await;
    let moved = "SELECT moved_to FROM feeds WHERE moved_to IS NOT NULL";
    assert_eq!(world.select::<String>(moved).len(), 1);
    let mut other = World::settled(&config).await;
    other.page(A, Answer::moved(301, "http://c.test/new.xml"));
    other.publish("http://c.test/new.xml", railway(1));
    other.pass(3 * DAY).await;

    world.page("http://c.test/new.xml", Answer::status(404));
    world.publish(A, railway(2));
    world.pass(4 * DAY).await;
    assert_eq!(world.mail().len(), 2, "the configured address is asked again");
    assert_eq!(world.select::<String>(moved).len(), 0);

    other.reload(&config.replace(A, "http://c.test/new.xml")).await;
    other.pass(DAY).await;
    assert_eq!(other.select::<i64>("SELECT count(*) FROM feeds"), [1]);
    assert_eq!(other.select::<String>("SELECT health FROM feeds"), ["fine"]);
    assert_eq!(other.mail().len(), 1, "nothing is new in it");
}

#[tokio::test]
async fn row_12_a_feed_that_is_gone_is_told_and_asked_once_a_week_for_ever() {
    let mut world = World::settled(SUMMARIES).await;
    world.page(A, Answer::status(410));
    world.pass(60 * DAY).await;
    let gaps = gaps(&world.web.take_log(), "/a.xml");
    assert!(gaps.iter().all(|gap| *gap >= 7 * DAY) && gaps.len() >= 7, "{gaps:?}");
    assert_eq!(world.notices().len(), 1);
    world.publish(A, railway(1));
    world.pass(8 * DAY).await;
    assert_eq!(world.mail().len(), 1, "no feed is ever dead");
}

#[tokio::test]
async fn row_12_a_feed_that_is_not_found_is_told_and_asked_once_a_day_and_after_a_month_once_a_week() {
    let mut world = World::settled(SUMMARIES).await;
    world.page(A, Answer::status(404));
    world.pass(50 * DAY).await;
    let log = world.web.take_log();
    let times: Vec<Timestamp> = log.iter().map(|asked| asked.at).collect();
    for pair in times.windows(2) {
        let (age, gap) = (pair[0].since(START), pair[1].since(pair[0]));
        let least = if age > 32 * DAY {
            7 * DAY
        } else if age > 3 * DAY {
            DAY
        } else {
            HOUR
        };
        assert!(gap >= least && gap <= 7 * DAY + HOUR + SECOND, "{gap:?} after {age:?}");
    }
    assert!((32..40).contains(&times.len()), "{}", times.len());
    let notices = world.notices();
    assert!(notices.len() == 1 && notices[0].has("404"), "{notices:?}");
    assert_eq!(world.select::<i64>("SELECT count(*) FROM feeds WHERE active = 1"), [1]);
    world.publish(A, railway(1));
    world.pass(8 * DAY).await;
    assert_eq!(world.mail().len(), 1);
}

#[tokio::test]
async fn row_13_a_start_is_no_storm() {
    let source = |number: u32| {
        let host = ["a", "b", "c", "d", "e", "f"][number as usize % 6];
        format!("[[source]]\nurl = \"http://{host}.test/{number}.xml\"\nfull_text = false\n")
    };
    let sources: String = (0..60).map(source).collect();
    let world = World::new(&format!("{sources}[http]\nhost_gap = \"2s\"\n")).await;
    let (store, now) = (world.pipeline().store.clone(), world.now());
    let over = habar::domain::schedule::start_spread(60, 15 * MINUTE);
    store.spread_polls(now, over).await.unwrap();
    world.pass(5 * MINUTE).await;
    let log = world.web.log();
    assert_eq!(log.len(), 60);
    let second = |asked: &Asked| asked.at.since(START).as_secs();
    let busiest = (0..60).map(|s| log.iter().filter(|asked| second(asked) == s).count()).max();
    assert!(busiest <= Some(6), "two a second, and one host waits for none: {busiest:?}");
    for ip in 1..=6 {
        let host = format!("127.0.0.{ip}:");
        let own = |asked: &&Asked| asked.header("host").is_some_and(|name| name.starts_with(host.as_bytes()));
        let times: Vec<_> = log.iter().filter(own).map(|asked| asked.at).collect();
        assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= 2 * SECOND), "{host} {times:?}");
    }
}

#[tokio::test]
async fn row_14_a_request_says_who_asks_and_for_what() {
    let world = World::new(&format!("{SUMMARIES}[http]\ncontact = \"https://habar.example/about\"\n")).await;
    world.page(A, Answer::feed(news()));
    world.run_until_idle().await;
    let asked = world.web.log().remove(0);
    let text = |name: &str| String::from_utf8(asked.header(name).unwrap_or_default().to_vec()).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(text("user-agent"), format!("habar/{version} (+https://habar.example/about)"));
    for kind in ["application/rss+xml", "application/atom+xml", "application/feed+json", "text/xml"] {
        assert!(text("accept").contains(kind), "{}", text("accept"));
    }
    assert!(text("accept-encoding").starts_with("gzip, br"));
}

#[tokio::test]
async fn row_15_a_server_without_validators_is_asked_as_often_and_an_unchanged_body_costs_nothing() {
    let mut world = World::new(SUMMARIES).await;
    world.publish(A, railway(1));
    world.pass(6 * HOUR).await;
    // Were it read again, it would be an edit.
    world.tamper("UPDATE entries SET content = 0");
    world.pass(6 * HOUR).await;
    let log = world.web.log();
    assert!(!log.iter().any(is_conditional));
    assert!(gaps(&log, "/a.xml").iter().all(|gap| *gap <= HOUR), "the ceiling holds");
    assert_eq!(
        world.select::<i64>("SELECT edits FROM entries"),
        [0],
        "the hash of the body spares the reading"
    );
}

#[tokio::test]
async fn row_16_pages_are_read_once_where_robots_txt_allows_it_and_one_after_the_other() {
    let config = format!("{}[http]\nhost_gap = \"5s\"\n{HOURLY}", SUMMARIES.replace("full_text = false", ""));
    let mut world = World::new(&config).await;
    world.page("http://a.test/robots.txt", Answer::ok("text/plain", "User-agent: *\nDisallow: /private/\n"));
    world.page("http://a.test/wheat", crate::world::article("Wheat", crate::world::WHEAT));
    world.publish(A, item("http://a.test/wheat", "Wheat"));
    for number in 1..6 {
        world.page(
            &format!("http://a.test/{number}"),
            crate::world::article("Railway news", &format!("Number {number}. {}", crate::world::RAIL)),
        );
        world.publish(A, railway(number));
    }
    world.publish(A, item("http://a.test/private/1", "Railway in private"));
    world.pass(23 * HOUR).await;
    let log = world.web.take_log();
    let mut pages = log.iter().filter(|asked| !["/a.xml", "/robots.txt"].contains(&asked.path.as_str()));
    assert_eq!(pages.next_back().unwrap().path, "/wheat", "likely hits first");
    assert_eq!(count(&log, "/robots.txt"), 1, "kept for a day");
    assert_eq!(count(&log, "/private/1"), 0);
    assert!((1..6).all(|number| count(&log, &format!("/{number}")) == 1), "each page once");
    let times: Vec<_> = log.iter().map(|asked| asked.at).collect();
    assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= 5 * SECOND), "{times:?}");
    world.pass(2 * HOUR).await;
    world.publish(A, railway(9));
    world.pass(2 * HOUR).await;
    assert_eq!(count(&world.web.take_log(), "/robots.txt"), 1, "and asked for again");
}
