//! Read: what becomes of the page behind an entry, which story it belongs to, and whom that concerns.

use habar::time::{DAY, HOUR, MINUTE, SECOND};

use crate::web::Answer;
use crate::world::{PORT, RAIL, RAILWAY, WHEAT, World, article, item, subjects};

const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

/// A text of the same length that shares no three words with the others.
const OTHER_RAIL: &str = "Night trains return: from the second week of March a sleeper leaves the capital at ten, and \
    whoever boards it wakes up by the sea. The railway has bought used carriages abroad and painted them blue. \
    Tickets cost less than the bus, breakfast is included, dogs travel free. Reservations open on Monday at noon, \
    and the first three departures are expected to be sold out within an hour, as those of the summer were.";

#[tokio::test]
async fn an_entry_becomes_a_mail() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/tariffs", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/tariffs", "Tariffs fall"));
    world.pass(HOUR).await;
    let mail = world.one_mail();
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("desk@test.example", "[Rail] Tariffs fall · Alpha")
    );
    assert!(mail.has("speak about the [railway] between the two seas"), "{}", mail.text);
    assert!(mail.has("http://a.test/tariffs"));
    world.pass(DAY).await;
    assert_eq!(world.mail().len(), 1, "told once");
    let ledger = world.ledger();
    assert_eq!(
        (ledger.len(), ledger[0].state.as_str(), ledger[0].reply.as_str()),
        (1, "sent", "250 kept in memory")
    );
}

#[tokio::test]
async fn a_page_that_works_the_second_time_makes_one_alert() {
    let mut world = World::settled(RAILWAY).await;
    world.pages("http://a.test/1", [Answer::status(500), article("Tariffs fall", RAIL)]);
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("The railway becomes cheaper."));
    world.pass(40 * MINUTE).await;
    assert!(world.one_mail().has("The [railway] becomes cheaper"), "the feed's own words come first");
    world.pass(20 * MINUTE).await;
    let text: Vec<String> = world.select("SELECT text FROM articles");
    assert_eq!(text, [RAIL], "the page came later");
    world.pass(6 * HOUR).await;
    assert_eq!(world.mail().len(), 1, "and is no news");
}

#[tokio::test]
async fn a_late_page_is_matched_again() {
    let mut world = World::settled(RAILWAY).await;
    world.pages("http://a.test/1", [Answer::status(500), article("Tariffs fall", RAIL)]);
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("Ministers have met."));
    world.pass(30 * MINUTE + 30 * SECOND).await;
    assert_eq!(world.mail().len(), 0);
    world.pass(30 * MINUTE).await;
    assert!(world.one_mail().has("[railway] between the two seas"));
}

#[tokio::test]
async fn a_page_that_never_comes_leaves_the_words_of_the_feed() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1", Answer::status(500));
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("The railway becomes cheaper."));
    world.pass(6 * HOUR).await;
    assert!(world.one_mail().has("The [railway] becomes cheaper"));
    let tries = world.asked().iter().filter(|asked| *asked == "http://a.test/1").count();
    assert_eq!(tries, 6);
    let problems: Vec<String> = world.select("SELECT problem FROM articles");
    assert!(problems[0].contains("500"), "{problems:?}");
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries WHERE due_at IS NOT NULL"), [0]);
}

#[tokio::test]
async fn a_page_that_is_no_text_is_not_tried_again() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1.pdf", Answer::ok("application/pdf", "%PDF-1.7"));
    world.publish(A, item("http://a.test/1.pdf", "Railway tariffs"));
    world.pass(6 * HOUR).await;
    assert_eq!(world.asked().iter().filter(|asked| *asked == "http://a.test/1.pdf").count(), 1);
    assert_eq!(world.one_mail().subject, "[Rail] Railway tariffs · Alpha");
}

#[tokio::test]
async fn robots_txt_is_honoured_and_asked_for_once_a_day() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/robots.txt", Answer::ok("text/plain", "User-agent: *\nDisallow: /private/"));
    world.page("http://a.test/private/1", article("Tariffs fall", RAIL));
    world.page("http://a.test/open/2", article("Night trains", OTHER_RAIL));
    world.publish(A, item("http://a.test/private/1", "Tariffs fall").summary("Of the railway."));
    world.publish(A, item("http://a.test/open/2", "Night trains"));
    world.pass(HOUR).await;
    let asked = world.asked();
    let count = |address: &str| asked.iter().filter(|asked| *asked == address).count();
    assert_eq!(count("http://a.test/robots.txt"), 1);
    assert_eq!(count("http://a.test/private/1"), 0, "forbidden");
    assert_eq!(count("http://a.test/open/2"), 1);
    let mail = world.one_mail();
    assert!(
        mail.has("Of the [railway]") && mail.has("Night trains"),
        "the feed's own words are told: {}",
        mail.text
    );

    world.pass(DAY).await;
    world.asked();
    world.page("http://a.test/open/3", article("Wheat", WHEAT));
    world.publish(A, item("http://a.test/open/3", "Wheat"));
    world.pass(HOUR).await;
    assert!(
        world.asked().contains(&"http://a.test/robots.txt".to_owned()),
        "a day later it may have changed"
    );
}

#[tokio::test]
async fn a_host_whose_robots_txt_cannot_be_had_is_not_read() {
    let mut world = World::settled(RAILWAY).await;
    world.pages("http://a.test/robots.txt", [Answer::status(503), Answer::status(404)]);
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("Of the railway."));
    world.pass(32 * MINUTE).await;
    assert!(!world.asked().contains(&"http://a.test/1".to_owned()));
    assert!(world.one_mail().has("Of the [railway]"));
    world.pass(HOUR).await;
    assert!(world.asked().contains(&"http://a.test/1".to_owned()), "without a robots.txt all is allowed");
    assert_eq!(world.mail().len(), 1);
}

#[tokio::test]
async fn a_robots_txt_that_cannot_be_had_is_not_asked_for_by_every_page() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/robots.txt", Answer::status(503));
    for number in 1..=5 {
        let address = format!("http://a.test/{number}");
        world.publish(A, item(&address, &format!("Railway news {number}")));
    }
    world.poll_all().await;
    world.pass(MINUTE).await;
    let asked = world.asked().into_iter().filter(|asked| asked == "http://a.test/robots.txt").count();
    assert_eq!(asked, 1);
    assert!(world.one_mail().has("5 stories"), "the words of the feed do not wait");
}

#[tokio::test]
async fn a_server_that_asks_for_time_is_asked_once_for_what_is_new() {
    let mut world = World::settled(RAILWAY).await;
    let pages = ["http://a.test/1", "http://a.test/2"];
    let answers = [Answer::status(503), Answer::status(429).header("Retry-After", "10800")];
    for (address, answer) in pages.iter().zip(answers) {
        world.page(address, answer);
        world.publish(A, item(address, "Railway news"));
        world.poll_all().await;
    }
    let count = |world: &World| world.asked().iter().filter(|asked| pages.contains(&asked.as_str())).count();
    world.pass(170 * MINUTE).await;
    assert_eq!(
        count(&world),
        2,
        "each page once, and none again in the three hours that the second answer named"
    );
    assert_eq!(world.one_mail().count("[Railway] news"), 2, "the words of the feed do not wait");
    world.pass(20 * MINUTE).await;
    assert_eq!(count(&world), 2);
}

#[tokio::test]
async fn a_redirect_counts_against_the_host_that_it_reaches() {
    let config = format!("{RAILWAY}\n[http]\nhost_gap = \"20s\"\n");
    let mut world = World::settled(&config).await;
    world.page("http://a.test/1", Answer::moved(302, "http://c.test/1-there"));
    world.page("http://c.test/1-there", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.poll_all().await;
    world.pass(MINUTE).await;
    assert!(world.asked().contains(&"http://c.test/1-there".to_owned()), "a hop does not wait");
    let sql =
        "SELECT (SELECT next_at FROM hosts WHERE name = '127.0.0.3') = (SELECT max(next_at) FROM hosts)";
    assert_eq!(world.select::<bool>(sql), [true]);
}

#[tokio::test]
async fn reprints_are_one_story_and_one_alert() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.page("http://b.test/2", article("Cheaper freight", &RAIL.to_uppercase().replace(". ", ".</p><p>")));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.publish(B, item("http://b.test/2", "Cheaper freight"));
    world.pass(HOUR).await;
    let mail = world.one_mail();
    assert!(mail.has("1 story"), "{}", mail.text);
    assert_eq!(mail.count("Also in:"), 1);
    assert!(mail.has("Also in: Beta — http://b.test/2") || mail.has("Also in: Alpha — http://a.test/1"));
}

#[tokio::test]
async fn later_copies_are_told_in_the_next_mail_only() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.pass(HOUR).await;
    let first = world.one_mail();

    world.page("http://b.test/2", article("Cheaper freight", RAIL));
    world.publish(B, item("http://b.test/2", "Cheaper freight"));
    world.pass(2 * HOUR).await;
    assert_eq!(world.mail().len(), 1, "a copy alone is no mail");

    world.page("http://a.test/3", article("Night trains", OTHER_RAIL));
    world.publish(A, item("http://a.test/3", "Night trains"));
    world.pass(HOUR).await;
    let second = &world.mail()[1];
    assert!(second.has("Told before, now also in * Tariffs fall Beta — http://b.test/2"), "{}", second.text);
    assert_eq!(second.references, [first.id]);

    world.page("http://a.test/4", article("Railway closed", PORT));
    world.publish(A, item("http://a.test/4", "Railway closed"));
    world.pass(HOUR).await;
    let third = &world.mail()[2];
    assert!(!third.has("Told before") && third.references.is_empty(), "told once: {}", third.text);
}

#[tokio::test]
async fn an_edit_near_the_old_text_is_no_news() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.pass(HOUR).await;
    world.page("http://a.test/1", article("Tariffs fall", &RAIL.replace("Tuesday", "Wednesday")));
    world.publish(A, item("http://a.test/1", "Tariffs fall (corrected)"));
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 1);
    let text: Vec<String> = world.select("SELECT text FROM articles");
    assert!(text[0].contains("Wednesday"), "but it is read again");
    assert_eq!(world.select::<i64>("SELECT count(*) FROM stories"), [1]);
}

#[tokio::test]
async fn an_edit_alerts_a_watch_that_had_no_hit() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/1", article("Wheat", WHEAT));
    world.publish(A, item("http://a.test/1", "Wheat"));
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 0);
    world.page("http://a.test/1", article("Wheat", &format!("{WHEAT} The railway will carry it.")));
    world.publish(A, item("http://a.test/1", "Wheat (longer)"));
    world.pass(HOUR).await;
    assert!(world.one_mail().has("The [railway] will carry it"));
    assert_eq!(world.select::<i64>("SELECT count(*) FROM stories"), [1]);
}

#[tokio::test]
async fn an_edit_that_says_something_else_is_a_story_of_its_own() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/live", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/live", "Tariffs fall"));
    world.pass(HOUR).await;
    world.page("http://a.test/live", article("Night trains", OTHER_RAIL));
    world.publish(A, item("http://a.test/live", "Night trains"));
    world.pass(HOUR).await;
    assert_eq!(subjects(&world.mail()), ["[Rail] Tariffs fall · Alpha", "[Rail] Night trains · Alpha"]);
    assert_eq!(world.select::<i64>("SELECT count(*) FROM stories"), [2]);
}

#[tokio::test]
async fn a_page_that_belongs_to_a_told_story_takes_its_unsent_alert_there() {
    let mut world = World::settled(&RAILWAY.replace("[[watch]]", "[[watch]]\ndeliver = \"hourly\"")).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.pages("http://b.test/2", [Answer::status(500), article("Cheaper freight", RAIL)]);
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.publish(B, item("http://b.test/2", "Cheaper freight").summary("The railway lowers its price."));
    world.pass(33 * MINUTE).await;
    assert_eq!(
        world.select::<i64>("SELECT count(*) FROM alerts WHERE state = 'open'"),
        [2],
        "timidly placed"
    );
    world.pass(6 * HOUR).await;
    let mail = world.one_mail();
    assert!(
        mail.has("1 story") && mail.has("Also in: Beta"),
        "one of the two alerts was dropped: {}",
        mail.text
    );
}

#[tokio::test]
async fn a_page_that_belongs_to_another_story_takes_its_told_alert_there() {
    let hourly = RAILWAY.replace("[[watch]]", "[[watch]]\ndeliver = \"hourly\"");
    let mut world = World::settled(&format!("{hourly}\n[reading]\nretry = \"50m\"")).await;
    world.pages("http://a.test/1", [Answer::status(500), article("Tariffs fall", RAIL)]);
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("The railway lowers its price."));
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 1, "told by its summary");
    world.page("http://b.test/2", article("Cheaper freight", RAIL));
    world.publish(B, item("http://b.test/2", "Cheaper freight"));
    world.pass(10 * MINUTE).await;
    assert_eq!(
        world.select::<i64>("SELECT count(*) FROM alerts WHERE state = 'open'"),
        [1],
        "another story so far"
    );
    world.pass(6 * HOUR).await;
    assert_eq!(world.mail().len(), 1, "told is told: {:?}", subjects(&world.mail()));
}

#[tokio::test]
async fn a_copy_that_stays_behind_keeps_the_alert_and_its_time() {
    let mut world = World::settled(&RAILWAY.replace("[[watch]]", "[[watch]]\ndeliver = \"hourly\"")).await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.poll_all().await;
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 1);
    // Two entries are one story by what their feeds say, until the page of one turns out to be the old story.
    let summary = "The railway company will speak to the press this week about what it means to do with its \
        oldest carriages, which have stood in a siding near the river for years.";
    world.pages("http://a.test/2", [Answer::status(500), article("Carriages", RAIL)]);
    world.page("http://b.test/3", Answer::ok("application/pdf", "%PDF-1.7"));
    world.publish(A, item("http://a.test/2", "Carriages").summary(summary));
    world.publish(B, item("http://b.test/3", "Carriages").summary(summary));
    world.poll_all().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM stories"), [2]);
    world.pass(59 * MINUTE).await;
    assert_eq!(world.mail().len(), 1);
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 2, "{:?}", subjects(&world.mail()));
    assert!(world.mail()[1].has("http://b.test/3"), "{}", world.mail()[1].text);
}

#[tokio::test]
async fn the_story_that_was_left_alerts_nobody_who_was_not_waiting() {
    let mut world = World::settled(RAILWAY).await;
    let summary = "The railway company will speak to the press this week about what it means to do with its \
        oldest carriages, which have stood in a siding near the river for years.";
    world.tamper("UPDATE watches SET paused = 1");
    world.reload(RAILWAY).await;
    world.pages("http://a.test/2", [Answer::status(500), article("Carriages", RAIL)]);
    world.page("http://b.test/3", Answer::ok("application/pdf", "%PDF-1.7"));
    world.page("http://b.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/2", "Carriages").summary(summary));
    world.publish(B, item("http://b.test/3", "Carriages").summary(summary));
    world.publish(B, item("http://b.test/1", "Tariffs fall"));
    world.poll_all().await;
    world.pass(6 * HOUR).await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM stories"), [2]);
    assert_eq!(world.mail().len(), 0, "the watch was paused");
}

#[tokio::test]
async fn an_entry_is_its_id_whatever_its_link() {
    let mut world = World::settled(RAILWAY).await;
    for address in ["http://a.test/1", "http://a.test/1-corrected"] {
        world.page(address, article("Tariffs fall", RAIL));
        world.publish(A, item(address, "Tariffs fall").guid("tag:a.test,2027:1"));
        world.pass(HOUR).await;
    }
    assert_eq!((world.mail().len(), world.select::<i64>("SELECT count(*) FROM entries")), (1, vec![1]));
}

#[tokio::test]
async fn the_words_in_front_of_a_wall_count() {
    let mut world = World::settled(RAILWAY).await;
    let wall = "<html><head><title>Tariffs</title></head><body><article><h1>Tariffs</h1><p>The railway becomes cheaper.</p>
        <div class=\"paywall\"><p>Subscribe to continue reading this article.</p></div></article></body></html>";
    world.page("http://a.test/1", Answer::ok("text/html", wall));
    world.publish(A, item("http://a.test/1", "Tariffs"));
    world.pass(6 * HOUR).await;
    assert!(world.one_mail().has("The [railway] becomes cheaper"));
    let problems: Vec<String> = world.select("SELECT problem FROM articles");
    assert!(problems[0].contains("the page is not the article: paywall"), "{problems:?}");
}

/// What a site says on every page, in letters enough for a text.
const SAME_ON_EACH: &str = "This site works best in a newer browser than yours, and our journalists work best with your \
    support: join the readers who make independent reporting from the region possible, wherever they live.";

#[tokio::test]
async fn what_a_site_says_on_every_page_makes_no_story_of_its_pages() {
    let mut world = World::settled(RAILWAY).await;
    for (address, title) in
        [("http://a.test/1", "Railway tariffs fall"), ("http://a.test/2", "A railway strike ends")]
    {
        world.page(address, article(title, SAME_ON_EACH));
        world.publish(A, item(address, title));
        world.pass(HOUR).await;
    }
    assert_eq!(world.mail().len(), 2, "{:?}", subjects(&world.mail()));
}

#[tokio::test]
async fn an_address_whose_page_changes_every_day_is_a_story_every_day() {
    let mut world = World::settled(RAILWAY).await;
    for (day, text) in [("monday", RAIL), ("tuesday", OTHER_RAIL)] {
        world.page("http://a.test/review", article("Press review", text));
        world.publish(A, item("http://a.test/review", "Press review").guid(day));
        world.pass(DAY).await;
    }
    assert_eq!(world.mail().len(), 2, "{:?}", subjects(&world.mail()));
}

#[tokio::test]
async fn a_late_page_leaves_the_story_that_only_its_address_had_led_to() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/live", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/live", "Tariffs fall"));
    world.pass(HOUR).await;
    world.pages("http://a.test/live", [Answer::status(503), article("Night trains", OTHER_RAIL)]);
    world.publish(B, item("http://a.test/live", "Night trains"));
    world.pass(HOUR).await;
    assert_eq!(subjects(&world.mail()), ["[Rail] Tariffs fall · Alpha", "[Rail] Night trains · Beta"]);
}
