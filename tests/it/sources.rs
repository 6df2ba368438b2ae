//! Sources that are no feeds: sitemaps, alone and in parts, and pages that list news.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use habar::time::{DAY, HOUR, MINUTE, Timestamp};

use crate::web::Answer;
use crate::world::{PORT, RAIL, START, WHEAT, World, article};

const SITEMAP: &str = "http://a.test/sitemap.xml";
const PAGE: &str = "http://a.test/news";

fn config(source: &str) -> String {
    let rhythm = "[polling]\nfloor = \"15m\"\nceiling = \"30m\"\nbudget = 96\n";
    format!("[[watch]]\nname = \"Rail\"\nkeywords = [\"railway\"]\n[[source]]\n{source}\n{rhythm}")
}

fn sitemap() -> String {
    config(&format!("url = \"{SITEMAP}\"\nkind = \"sitemap\"\nname = \"Alpha\""))
}

fn page() -> String {
    config(&format!("url = \"{PAGE}\"\nkind = \"page\"\nitem = \"article.card\"\nname = \"Alpha\""))
}

fn xml(body: impl Into<Vec<u8>>) -> Answer {
    Answer::ok("application/xml", body)
}

/// A sitemap of these pages, each with the time of its last change, if it says one.
fn urlset(pages: &[(&str, Option<Timestamp>)]) -> String {
    let url = |(link, changed): &(&str, Option<Timestamp>)| {
        let changed = changed.map(|at| format!("<lastmod>{at}</lastmod>")).unwrap_or_default();
        format!("<url><loc>http://a.test{link}</loc>{changed}</url>")
    };
    format!("<urlset>{}</urlset>", pages.iter().map(url).collect::<String>())
}

/// A sitemap in these parts.
fn index(parts: &[(&str, Option<Timestamp>)]) -> String {
    let part = |(link, changed): &(&str, Option<Timestamp>)| {
        let changed = changed.map(|at| format!("<lastmod>{at}</lastmod>")).unwrap_or_default();
        format!("<sitemap><loc>{link}</loc>{changed}</sitemap>")
    };
    format!("<sitemapindex>{}</sitemapindex>", parts.iter().map(part).collect::<String>())
}

fn news(title: &str, link: &str, at: Timestamp) -> String {
    format!(
        "<url><loc>http://a.test{link}</loc><n:news><n:publication><n:name>Alpha</n:name><n:language>en</n:language>
         </n:publication><n:publication_date>{at}</n:publication_date><n:title>{title}</n:title></n:news></url>"
    )
}

fn news_sitemap(news: &[String]) -> Answer {
    xml(format!(
        "<urlset xmlns:n=\"http://www.google.com/schemas/sitemap-news/0.9\">{}</urlset>",
        news.concat()
    ))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn count(world: &World, sql: &str) -> i64 {
    world.select::<i64>(&format!("SELECT count(*) FROM {sql}"))[0]
}

/// What was asked of the sitemap and its parts, pages left out.
fn asked(world: &World) -> Vec<String> {
    let of_a_sitemap = |address: &String| address.contains(".xml");
    world
        .asked()
        .into_iter()
        .filter(of_a_sitemap)
        .map(|address| address["http://a.test".len()..].to_owned())
        .collect()
}

#[tokio::test]
async fn of_a_sitemap_the_last_day_is_new_and_the_rest_is_remembered_in_few_bytes() {
    let world = World::new(&sitemap()).await;
    world.page("http://a.test/new", article("Tariffs fall", RAIL));
    let old: Vec<String> = (0..3000).map(|n| format!("/old/railway-of-last-year-{n}")).collect();
    let mut pages: Vec<(&str, Option<Timestamp>)> =
        old.iter().map(|link| (link.as_str(), Some(START - 2 * DAY))).collect();
    pages.push(("/undated/railway-news-of-some-day", None));
    pages.push(("/new", Some(START - HOUR)));
    world.page(SITEMAP, xml(urlset(&pages)));
    world.run_until_idle().await;
    let mail = world.one_mail();
    assert!(
        mail.has("1 story") && mail.subject.contains("Tariffs fall · Alpha"),
        "{} {}",
        mail.subject,
        mail.text
    );
    assert_eq!((count(&world, "entries"), count(&world, "seen")), (1, 3001));

    // An old page is changed, and one is new: its date decides nothing any longer.
    pages[0].1 = Some(START);
    pages.push(("/first/railway-line-that-nobody-dated", None));
    world.page(SITEMAP, xml(urlset(&pages)));
    world.pass(HOUR).await;
    assert_eq!(count(&world, "entries"), 2);
    let mail = world.mail();
    assert_eq!(mail.len(), 2);
    assert!(mail[1].subject.contains("railway line that nobody dated"), "no page: {}", mail[1].subject);
    world.pass(4 * HOUR).await;
    assert_eq!((world.mail().len(), count(&world, "entries")), (2, 2));
}

#[tokio::test]
async fn pages_that_are_listed_in_another_dress_are_no_news() {
    let world = World::new(&sitemap()).await;
    let old: Vec<String> = (0..20).map(|n| format!("/old/railway-of-last-year-{n}")).collect();
    let pages: Vec<(&str, Option<Timestamp>)> =
        old.iter().map(|link| (link.as_str(), Some(START - 2 * DAY))).collect();
    world.page(SITEMAP, xml(urlset(&pages)));
    world.run_until_idle().await;
    for (from, to) in [
        ("<loc>http:", "<loc>https:"),
        ("<loc>http://", "<loc>http://www."),
        ("</loc>", "/</loc>"),
        ("</loc>", "?utm_source=sitemap</loc>"),
    ] {
        world.page(SITEMAP, xml(world.placed(&urlset(&pages)).replace(from, to)));
        world.pass(HOUR).await;
        assert_eq!((count(&world, "entries"), count(&world, "seen")), (0, 20), "{to}");
    }
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_giant_sitemap_changes_nothing() {
    let mut world = World::new(&sitemap()).await;
    let old: Vec<String> = (0..6000).map(|n| format!("/old/{n}")).collect();
    let mut pages: Vec<(&str, Option<Timestamp>)> =
        old.iter().map(|link| (link.as_str(), Some(START - 2 * DAY))).collect();
    pages.push(("/new/railway-news-of-today", Some(START - HOUR)));
    world.page(SITEMAP, xml(urlset(&pages)).header("ETag", "\"1\""));
    world.tamper("CREATE TRIGGER boom BEFORE UPDATE OF etag ON feeds BEGIN SELECT RAISE(ABORT, 'boom'); END");
    world.run_until_idle().await;
    assert_eq!(
        (count(&world, "seen"), count(&world, "entries")),
        (5000, 0),
        "a chunk of what is only remembered"
    );
    world.tamper("DROP TRIGGER boom");
    world.restart().await;
    world.run_until_idle().await;
    assert_eq!((count(&world, "seen"), count(&world, "entries"), world.mail().len()), (6000, 1, 1));
}

#[tokio::test]
async fn a_page_without_title_and_text_alerts_nobody() {
    let world = World::new(&sitemap()).await;
    world.page(SITEMAP, xml(urlset(&[("/12345", Some(START))])));
    world.pass(6 * HOUR).await;
    assert_eq!(world.mail().len(), 0);
    world.page("http://a.test/6", Answer::ok("text/html", format!("<article><p>{RAIL}</p></article>")));
    world.page(SITEMAP, xml(urlset(&[("/12345", Some(START)), ("/6", None)])));
    world.pass(HOUR).await;
    assert!(
        world.one_mail().subject.contains("The ministers of five countries"),
        "{}",
        world.one_mail().subject
    );
}

#[tokio::test]
async fn a_page_that_was_old_when_it_was_changed_is_judged_by_its_own_date() {
    let world = World::new(&sitemap()).await;
    let page = format!(
        "<html><head><meta property=\"article:published_time\" content=\"2020-05-01T10:00:00Z\"></head>
         <body><article><h1>An old line</h1><p>{RAIL}</p></article></body></html>"
    );
    world.page("http://a.test/old", Answer::ok("text/html", page));
    world.page(SITEMAP, xml(urlset(&[("/old", Some(START - MINUTE))])));
    world.pass(4 * HOUR).await;
    assert_eq!((world.mail().len(), count(&world, "hits")), (0, 1));
}

#[tokio::test]
async fn news_in_a_sitemap_alert_once_by_title_and_text() {
    let world = World::new(&sitemap()).await;
    world.page("http://a.test/2", article("Wheat", WHEAT));
    let first = [
        news("Railway &amp; harbour", "/1", START - HOUR),
        news("Wheat", "/2", START - HOUR),
        news("Railway of last week", "/3", START - 7 * DAY),
    ];
    world.page(SITEMAP, news_sitemap(&first));
    world.run_until_idle().await;
    assert!(
        world.one_mail().has("1 story") && world.one_mail().has("[Railway] & harbour"),
        "{}",
        world.one_mail().text
    );
    world.page(SITEMAP, news_sitemap(&[&first[..], &[news("Night trains", "/4", START)]].concat()));
    world.page("http://a.test/4", article("Night trains", &PORT.replace("harbour", "railway")));
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 2);
    // Published anew in another order, with other dates.
    let anew = [news("Night trains", "/4", START + HOUR), news("Railway &amp; harbour", "/1", START + HOUR)];
    world.page(SITEMAP, news_sitemap(&anew));
    world.pass(4 * HOUR).await;
    assert_eq!(world.mail().len(), 2);
    assert_eq!(world.select::<String>("SELECT language FROM entries WHERE title = 'Wheat'"), ["en"]);
}

#[tokio::test]
async fn of_a_sitemap_in_parts_those_are_read_that_changed() {
    let world = World::new(&sitemap()).await;
    let part = |number: usize| format!("http://a.test/part{number}.xml.gz");
    let links: Vec<String> = (1..=9).map(part).collect();
    let mut parts: Vec<(&str, Option<Timestamp>)> =
        links.iter().map(|link| (link.as_str(), Some(START - 100 * DAY))).collect();
    parts[8].1 = Some(START - HOUR);
    for (number, (link, at)) in parts.iter().enumerate() {
        let page = format!("/{}/railway-news-of-old", number + 1);
        let body = world.placed(&urlset(&[(&page, *at)]));
        world.page(link, Answer::ok("application/octet-stream", gzip(body.as_bytes())));
    }
    world.page(SITEMAP, xml(index(&parts)).header("ETag", "\"1\""));
    world.run_until_idle().await;
    assert_eq!(
        asked(&world),
        ["/sitemap.xml", "/part9.xml.gz", "/part8.xml.gz", "/part7.xml.gz", "/part6.xml.gz"]
    );
    assert!(world.one_mail().has("1 story"));

    world.pass(HOUR).await;
    let again = asked(&world);
    assert!(!again.is_empty() && again.iter().all(|path| path == "/sitemap.xml"), "unchanged: {again:?}");

    // A part that was never read has changed: what it has of old is no news.
    let body = world.placed(&urlset(&[
        ("/2/railway-news-of-old", Some(START - 100 * DAY)),
        ("/2/railway-archive-without-any-date", None),
        ("/2/railway-news-of-today", Some(START + HOUR)),
    ]));
    world.page(parts[1].0, Answer::ok("application/gzip", gzip(body.as_bytes())));
    parts[1].1 = Some(START + HOUR);
    // A new part has a page without date.
    world.page("http://a.test/part10.xml", xml(urlset(&[("/10/railway-news-without-date", None)])));
    parts.push(("http://a.test/part10.xml", Some(START + HOUR)));
    world.page(SITEMAP, xml(index(&parts)).header("ETag", "\"2\""));
    world.pass(HOUR).await;
    let titles: Vec<String> = world.select("SELECT title FROM entries ORDER BY title");
    assert_eq!(titles, ["railway news of old", "railway news of today", "railway news without date"]);
    assert_eq!(asked(&world).iter().filter(|path| path.contains("part")).count(), 2);
    assert_eq!(world.mail().len(), 2);
    assert!(world.mail()[1].has("2 stories"), "{}", world.mail()[1].text);
}

#[tokio::test]
async fn more_parts_than_a_poll_reads_are_read_by_the_next_ones() {
    let world = World::new(&sitemap()).await;
    let links: Vec<String> = (1..=9).map(|number| format!("http://a.test/part{number}.xml")).collect();
    let parts = |at| links.iter().map(|link| (link.as_str(), Some(at))).collect::<Vec<_>>();
    for link in &links {
        world.page(link, xml(urlset(&[])));
    }
    world.page(SITEMAP, xml(index(&parts(START - DAY))).header("ETag", "\"1\""));
    world.run_until_idle().await;
    for (number, link) in links.iter().enumerate() {
        world.page(link, xml(urlset(&[(&format!("/{number}/railway-news-at-last"), Some(START))])));
    }
    world.page(SITEMAP, xml(index(&parts(START))).header("ETag", "\"2\""));
    world.pass(2 * HOUR).await;
    assert_eq!(count(&world, "entries WHERE title = 'railway news at last'"), 9);
}

#[tokio::test]
async fn parts_without_dates_are_asked_for_what_is_new_in_them() {
    let world = World::new(&sitemap()).await;
    let (a, b) = ("http://a.test/a.xml", "http://a.test/b.xml");
    world.page(SITEMAP, xml(index(&[(a, None), (b, None)])).header("ETag", "\"1\""));
    world.page(a, xml(urlset(&[("/old/railway-news-of-old", None)])).header("ETag", "\"a1\""));
    world.page(b, xml(urlset(&[])).header("ETag", "\"b1\""));
    world.run_until_idle().await;
    assert_eq!((world.mail().len(), count(&world, "seen")), (0, 1));
    world.page(
        a,
        xml(urlset(&[("/old/railway-news-of-old", None), ("/new/railway-news-of-today", None)]))
            .header("ETag", "\"a2\""),
    );
    world.web.take_log();
    world.pass(HOUR).await;
    let conditional: Vec<(String, Option<Vec<u8>>)> = world
        .web
        .log()
        .into_iter()
        .filter(|asked| asked.path.contains(".xml"))
        .map(|asked| (asked.path.clone(), asked.header("if-none-match").map(<[u8]>::to_vec)))
        .take(3)
        .collect();
    assert_eq!(conditional[0], ("/sitemap.xml".to_owned(), None), "it says nothing of its parts");
    assert!(conditional.contains(&("/a.xml".to_owned(), Some(b"\"a1\"".to_vec()))), "{conditional:?}");
    assert!(conditional.contains(&("/b.xml".to_owned(), Some(b"\"b1\"".to_vec()))), "{conditional:?}");
    assert!(world.one_mail().subject.contains("railway news of today"));
}

#[tokio::test]
async fn a_server_that_calls_a_part_unchanged_is_not_believed_for_ever() {
    for (at, later, wait) in [(Some(START - HOUR), Some(START), HOUR), (None, None, DAY)] {
        let world = World::new(&sitemap()).await;
        let part = "http://a.test/part.xml";
        let listed = |pages: &[(&str, Option<Timestamp>)]| xml(urlset(pages)).header("ETag", "\"the same\"");
        world.page(SITEMAP, xml(index(&[(part, at)])));
        world.page(part, listed(&[("/1/railway-news-of-old", None)]));
        world.run_until_idle().await;
        world.page(SITEMAP, xml(index(&[(part, later)])));
        world.page(part, listed(&[("/1/railway-news-of-old", None), ("/2/railway-news-of-today", None)]));
        world.pass(wait).await;
        assert_eq!(count(&world, "entries WHERE title = 'railway news of today'"), 1, "{at:?}");
    }
}

#[tokio::test]
async fn parts_that_fail_are_tried_again_and_hold_up_no_other() {
    let world = World::new(&sitemap()).await;
    let (good, bad) = ("http://a.test/good.xml", "http://a.test/bad.xml");
    world
        .page(SITEMAP, xml(index(&[(bad, Some(START)), (good, Some(START - HOUR))])).header("ETag", "\"1\""));
    world.page(bad, Answer::status(500));
    world.page(good, xml(urlset(&[("/1/railway-news-of-today", Some(START))])));
    world.run_until_idle().await;
    assert_eq!(world.mail().len(), 1);
    assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["fine"]);
    world.page(bad, xml(urlset(&[("/2/railway-news-at-last", Some(START))])));
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 2);

    world.page(SITEMAP, xml(index(&[(bad, Some(START + HOUR))])).header("ETag", "\"2\""));
    world.page(bad, Answer::status(404));
    world.pass(HOUR).await;
    let reason: Vec<String> = world.select("SELECT reason FROM feeds WHERE health = 'failing'");
    assert!(reason.iter().any(|reason| reason.contains("/bad.xml: the server has nothing")), "{reason:?}");
}

#[tokio::test]
async fn a_part_that_fails_at_first_sight_is_an_archive_when_it_answers() {
    let world = World::new(&sitemap()).await;
    let (good, bad) = ("http://a.test/good.xml", "http://a.test/bad.xml");
    world.page(SITEMAP, xml(index(&[(bad, Some(START)), (good, Some(START - HOUR))])));
    world.page(bad, Answer::status(500));
    world.page(good, xml(urlset(&[])));
    world.run_until_idle().await;
    let pages = [("/1/railway-news-of-old", Some(START - 9 * DAY)), ("/2/railway-news-of-some-day", None)];
    world.page(bad, xml(urlset(&pages)));
    world.pass(HOUR).await;
    assert_eq!((count(&world, "entries"), count(&world, "seen"), world.mail().len()), (0, 2, 0));
}

#[tokio::test]
async fn a_server_of_parts_that_asks_for_time_gets_it() {
    let world = World::new(&sitemap()).await;
    let parts: Vec<String> = (1..=3).map(|number| format!("http://a.test/{number}.xml")).collect();
    let told: Vec<(&str, Option<Timestamp>)> = parts.iter().map(|part| (part.as_str(), None)).collect();
    world.page(SITEMAP, xml(index(&told)));
    for part in &parts {
        world.page(part, Answer::status(429).header("Retry-After", "18000"));
    }
    world.pass(4 * HOUR).await;
    assert_eq!(asked(&world), ["/sitemap.xml", "/3.xml"]);
}

#[tokio::test]
async fn a_part_that_asks_for_time_holds_back_the_others_and_what_was_read_counts() {
    let world = World::new(&sitemap()).await;
    let (good, busy) = ("http://a.test/2.xml", "http://a.test/1.xml");
    world.page(SITEMAP, xml(index(&[(good, Some(START)), (busy, Some(START - HOUR))])));
    world.page(good, xml(urlset(&[("/1/railway-news-of-today", Some(START))])));
    world.page(busy, Answer::status(503).header("Retry-After", "18000"));
    world.pass(4 * HOUR).await;
    assert_eq!(asked(&world), ["/sitemap.xml", "/2.xml", "/1.xml"]);
    assert_eq!(world.mail().len(), 1);
    world.pass(2 * HOUR).await;
    assert_eq!(asked(&world)[..2], ["/sitemap.xml", "/1.xml"]);
}

#[tokio::test]
async fn what_a_server_of_parts_asks_for_goes_before_what_the_source_has_configured() {
    let world = World::new(&sitemap().replace("[polling]", "max_interval = \"30m\"\n[polling]")).await;
    let (good, busy) = ("http://a.test/2.xml", "http://a.test/1.xml");
    world.page(SITEMAP, xml(index(&[(good, Some(START)), (busy, Some(START - HOUR))])));
    world.page(good, xml(urlset(&[("/1/railway-news-of-today", Some(START))])));
    world.page(busy, Answer::status(503).header("Retry-After", "180000"));
    world.pass(2 * DAY).await;
    assert_eq!(asked(&world), ["/sitemap.xml", "/2.xml", "/1.xml"]);
    assert_eq!(world.mail().len(), 1);
    assert_eq!(world.select::<String>("SELECT health || due_reason FROM feeds"), ["fineserver"]);
    world.pass(4 * HOUR).await;
    assert_eq!(asked(&world)[..2], ["/sitemap.xml", "/1.xml"]);
}

#[tokio::test]
async fn an_index_leads_neither_to_itself_nor_elsewhere() {
    for (parts, said) in [
        (&[SITEMAP][..], "lists none that can be read"),
        (
            &["http://b.test/sitemap.xml", "http://b.test/2.xml"],
            "2 parts lie at another host; write the address of one",
        ),
        (
            &["http://a.test/index.xml"],
            "its part http://a.test/index.xml: this is a sitemap in parts, which parts cannot be again",
        ),
        (&["file:///etc/passwd", "javascript:alert(1)"], "lists none that can be read"),
    ] {
        let world = World::new(&sitemap()).await;
        let told: Vec<(&str, Option<Timestamp>)> = parts.iter().map(|part| (*part, None)).collect();
        world.page(SITEMAP, xml(index(&told)));
        world.page("http://a.test/index.xml", xml(index(&[(SITEMAP, None)])));
        world.run_until_idle().await;
        let reason = world.shown(&world.select::<String>("SELECT reason FROM feeds")[0]);
        assert!(reason.contains(said), "{reason}");
        let elsewhere =
            world.asked().into_iter().filter(|address| !address.starts_with("http://a.test/")).count();
        assert_eq!(elsewhere, 0);
    }
}

#[tokio::test]
async fn a_gap_that_leaves_no_time_for_parts_is_told() {
    let world = World::new(&(sitemap() + "[http]\nhost_gap = \"2m\"\n")).await;
    world.page(SITEMAP, xml(index(&[("http://a.test/1.xml", None)])));
    world.run_until_idle().await;
    let reason = &world.select::<String>("SELECT reason FROM feeds")[0];
    assert!(
        reason.contains("[http] host_gap leaves no time; write the address of one of its parts"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_gigabyte_in_a_small_gzip_is_refused() {
    let world = World::new(&sitemap()).await;
    // Members of one file come out one after another: a gigabyte in all.
    let bomb = gzip(&vec![b' '; 1 << 20]).repeat(1024);
    world.page(SITEMAP, xml(index(&[("http://a.test/bomb.xml.gz", None)])));
    world.page("http://a.test/bomb.xml.gz", Answer::ok("application/gzip", bomb));
    world.run_until_idle().await;
    let reason = &world.select::<String>("SELECT reason FROM feeds")[0];
    assert!(reason.contains("bomb.xml.gz: ") && reason.contains("16 MiB"), "{reason}");
}

#[tokio::test]
async fn a_feed_that_is_a_sitemap_says_what_to_write_and_works_then() {
    let source = format!("url = \"{SITEMAP}\"\nname = \"Alpha\"\n");
    let mut world = World::new(&config(&source)).await;
    world.page(SITEMAP, xml(urlset(&[("/1/railway-news-of-today", Some(START))])).header("ETag", "\"1\""));
    world.run_until_idle().await;
    let reason = "this is a sitemap, not a feed; write kind = \"sitemap\" under its url";
    assert_eq!(world.select::<String>("SELECT reason FROM feeds"), [reason]);
    world.reload(&sitemap()).await;
    world.poll_all().await;
    assert_eq!(world.mail().len(), 1);
}

// ---- pages

fn cards(cards: &[(&str, &str)]) -> Answer {
    let card = |(link, title): &(&str, &str)| {
        format!("<article class=\"card\"><a href=\"{link}\"><h2>{title}</h2></a></article>")
    };
    let cards: String = cards.iter().map(card).collect();
    Answer::ok(
        "text/html; charset=utf-8",
        format!("<html><head><title>Latest</title></head><body>{cards}</body></html>"),
    )
}

#[tokio::test]
async fn what_is_new_on_a_page_alerts_once() {
    let world = World::new(&page()).await;
    world.page("http://a.test/1", article("Wheat", WHEAT));
    world.page(PAGE, cards(&[("/1", "Wheat")]));
    world.run_until_idle().await;
    assert_eq!(world.mail().len(), 0);
    world.page("http://a.test/2", article("Tariffs fall", RAIL));
    world.page(PAGE, cards(&[("/2", "Tariffs fall"), ("/1", "Wheat"), ("/2#comments", "3 comments")]));
    world.pass(HOUR).await;
    assert!(world.one_mail().subject.contains("Tariffs fall · Alpha"), "{}", world.one_mail().subject);
    world.page(PAGE, cards(&[("/1", "Wheat"), ("/2", "Tariffs fall")]));
    world.pass(4 * HOUR).await;
    assert_eq!((world.mail().len(), count(&world, "entries")), (1, 2));
}

#[tokio::test]
async fn a_selector_that_matches_nothing_any_longer_is_told() {
    let world = World::new(&page()).await;
    world.page(PAGE, cards(&[("/1", "Wheat"), ("/2", "Silos")]));
    world.run_until_idle().await;
    world.page(
        PAGE,
        Answer::ok(
            "text/html",
            "<html><body><div class=\"teaser\"><a href=\"/3\">Rye</a></div></body></html>",
        ),
    );
    world.pass(3 * DAY).await;
    let said = "the selector `article.card` matches nothing any longer (it matched 2 before)";
    assert_eq!(world.select::<String>("SELECT reason FROM feeds WHERE health = 'failing'"), [said]);
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has("source failing") && notices[0].has(said), "{}", notices[0].text);
    world.page(PAGE, cards(&[("/2", "Silos")]));
    world.pass(DAY).await;
    assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["fine"]);
}

#[tokio::test]
async fn other_selectors_look_at_a_page_that_has_not_changed() {
    let mut world = World::new(&page()).await;
    let answer = "<html><body><article class=card><a href=/1>Wheat</a></article><p><a href=/2>Railway</a></p>\
        <p><a href=/3>Rye</a></p><p><a href=/4>Oats</a></p></body></html>";
    world.page(PAGE, Answer::ok("text/html", answer).header("ETag", "\"1\""));
    world.run_until_idle().await;
    assert_eq!(world.mail().len(), 0);
    world.reload(&page().replace("article.card", "p")).await;
    world.web.take_log();
    world.poll_all().await;
    let asked = world.web.take_log().into_iter().find(|asked| asked.path == "/news").unwrap();
    assert_eq!(asked.header("if-none-match"), None);
    assert_eq!(world.select::<String>("SELECT title FROM entries WHERE title = 'Railway'").len(), 1);
    assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["fine"], "nothing is lost");
    world.poll_all().await;
    let asked = world.web.take_log().into_iter().find(|asked| asked.path == "/news").unwrap();
    assert_eq!(asked.header("if-none-match"), Some(&b"\"1\""[..]));
}

#[tokio::test]
async fn a_page_is_read_where_robots_txt_allows_it() {
    let world = World::new(&page()).await;
    world.page("http://a.test/robots.txt", Answer::ok("text/plain", "User-agent: *\nDisallow: /news"));
    world.page(PAGE, cards(&[("/1", "Railway")]));
    world.pass(2 * HOUR).await;
    assert_eq!(world.select::<String>("SELECT reason FROM feeds"), ["robots.txt forbids the page"]);
    assert_eq!(world.asked(), ["http://a.test/robots.txt"], "it is kept for a day");

    let world = World::new(&page()).await;
    world.page("http://a.test/robots.txt", Answer::status(503));
    world.page(PAGE, cards(&[("/1", "Railway")]));
    world.run_until_idle().await;
    assert!(
        world.select::<String>("SELECT reason FROM feeds")[0].starts_with("robots.txt: "),
        "it cannot be asked"
    );
    assert_eq!(world.asked(), ["http://a.test/robots.txt"]);
}
