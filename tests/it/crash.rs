//! The process dies in every stage after the claim, after the work and inside the settle; the next one
//! ends where one that did not die would have.

use std::collections::BTreeMap;
use std::sync::Arc;

use habar::io::store::lease::Pick;
use habar::pipeline::compose::Compose;
use habar::pipeline::deliver::Deliver;
use habar::pipeline::poll::Poll;
use habar::pipeline::read::Read;
use habar::pipeline::{Pipeline, Stage, Window};
use habar::time::{HOUR, MINUTE, SECOND};

use crate::web::{Answer, Manner};
use crate::world::{Letter, PORT, RAIL, RAILWAY, WHEAT, World, article, item};

const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

/// When the process dies.
#[derive(Clone, Copy, Debug)]
enum Point {
    AfterClaim,
    AfterWork,
    InsideSettle,
}

const POINTS: [Point; 3] = [Point::AfterClaim, Point::AfterWork, Point::InsideSettle];

/// A railway story with a reprint and a harbour story, published and not polled yet.
async fn world() -> World {
    let config = format!(
        "{RAILWAY}\n[[watch]]\nname = \"Ports\"\nkeywords = [\"harbour\"]\nto = [\"pilot@test.example\"]"
    );
    let mut world = World::settled(&config).await;
    for (feed, address) in [(A, "http://a.test/wheat"), (B, "http://b.test/wheat")] {
        world.page(address, article("Wheat", WHEAT));
        world.publish(feed, item(address, "Wheat"));
    }
    world.poll_all().await;
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.page("http://b.test/2", article("Cheaper freight", RAIL));
    world.page("http://a.test/3", article("Divers at work", PORT));
    world.publish(A, item("http://a.test/1", "Tariffs fall"));
    world.publish(A, item("http://a.test/3", "Divers at work"));
    world.publish(B, item("http://b.test/2", "Cheaper freight"));
    world.advance(HOUR);
    world
}

/// All that is left when nothing is under way any more, but for what chance and time decide.
#[derive(Debug, PartialEq)]
struct End {
    mails: Vec<(String, Vec<String>)>,
    ledger: Vec<String>,
    stories: Vec<String>,
    alerts: Vec<String>,
    entries: Vec<String>,
    feeds: Vec<String>,
}

fn end(world: &World) -> End {
    let mut ledger: Vec<_> = world
        .ledger()
        .into_iter()
        .map(|line| format!("{} {:?} {}", line.to, line.watch, line.state))
        .collect();
    ledger.sort();
    let mails = distinct(&world.mail()).into_values().map(|mail| (mail.to.clone(), links(&mail.text)));
    let mut mails: Vec<_> = mails.collect();
    mails.sort();
    End {
        mails,
        ledger,
        stories: lines(world,
            "SELECT links FROM (SELECT a.story_id, group_concat(e.link, ' ' ORDER BY e.link) AS links
             FROM articles a JOIN entries e ON e.id = a.entry_id GROUP BY a.story_id) ORDER BY links",
        ),
        alerts: lines(world,
            "SELECT w.name || ' ' || a.state FROM alerts a JOIN subscriptions s ON s.id = a.subscription_id
             JOIN watches w ON w.id = s.watch_id ORDER BY 1",
        ),
        entries: lines(world,
            "SELECT e.link || ' ' || ifnull(e.due_at, 'done') || ' ' || ifnull(e.owner, 'free') || ' ' || e.crashes ||
             ' ' || ifnull(substr(a.text, 1, 20), 'no page') FROM entries e LEFT JOIN articles a ON a.entry_id = e.id ORDER BY 1",
        ),
        feeds: lines(world,
            "SELECT f.url || ' ' || f.health || ' ' || ifnull(f.owner, 'free') || ' ' || f.crashes || ' ' ||
             ifnull(h.owner, 'free') FROM feeds f JOIN hosts h ON h.id = f.host_id ORDER BY 1",
        ),
    }
}

fn lines(world: &World, sql: &str) -> Vec<String> {
    world.select::<String>(sql).iter().map(|line| world.shown(line)).collect()
}

/// The mails by Message-ID. A second copy is the first one byte for byte.
fn distinct(mails: &[Letter]) -> BTreeMap<String, Letter> {
    let mut distinct = BTreeMap::new();
    for mail in mails {
        let first = distinct.entry(mail.id.clone()).or_insert_with(|| mail.clone());
        assert_eq!(first, mail, "a copy under one Message-ID");
    }
    distinct
}

fn links(text: &str) -> Vec<String> {
    let mut links: Vec<_> =
        text.split_whitespace().filter(|word| word.starts_with("http://")).map(str::to_owned).collect();
    links.sort();
    links
}

fn window(world: &World, pick: Pick) -> Window {
    Window { now: world.now(), polls_by: world.now(), pick }
}

/// Works through all that is due in one stage.
async fn work<S: Stage>(world: &World, make: fn(Arc<Pipeline>) -> S) {
    let stage = make(world.pipeline());
    loop {
        let leases = stage.claim(window(world, Pick::Usual), 100).await.unwrap();
        if leases.is_empty() {
            return;
        }
        for lease in leases {
            let outcome = stage.perform(&lease).await;
            stage.settle(lease, outcome).await.unwrap();
        }
    }
}

/// Begins what is due in one stage and goes no further than `point`; inside the settle, `late` cannot be written.
async fn break_off<S: Stage>(world: &World, make: fn(Arc<Pipeline>) -> S, point: Point, late: &str) {
    let stage = make(world.pipeline());
    let leases = stage.claim(window(world, Pick::Usual), 100).await.unwrap();
    assert!(!leases.is_empty(), "{} has something to do", S::NAME);
    let trigger = format!("CREATE TRIGGER boom BEFORE {late} BEGIN SELECT RAISE(ABORT, 'boom'); END");
    world.tamper(&trigger);
    for lease in leases {
        if let Point::AfterClaim = point {
            continue;
        }
        let outcome = stage.perform(&lease).await;
        if let Point::InsideSettle = point {
            let error = stage.settle(lease, outcome).await.unwrap_err();
            assert!(!error.is_fatal() && error.to_string().contains("boom"), "{error}");
        }
    }
    world.tamper("DROP TRIGGER boom");
}

/// Goes on to a stage, and breaks off there.
async fn die_in(world: &World, stage: &str, point: Point) {
    if stage == "poll" {
        return break_off(world, Poll::new, point, "UPDATE OF etag ON feeds").await;
    }
    work(world, Poll::new).await;
    if stage == "read" {
        return break_off(world, Read::new, point, "INSERT ON alerts").await;
    }
    work(world, Read::new).await;
    world.advance(MINUTE);
    if stage == "compose" {
        return break_off(world, Compose::new, point, "UPDATE OF message_id ON alerts").await;
    }
    work(world, Compose::new).await;
    break_off(world, Deliver::new, point, "UPDATE OF state ON messages").await;
}

async fn undisturbed() -> End {
    let world = world().await;
    world.pass(3 * HOUR).await;
    let end = end(&world);
    assert_eq!((end.mails.len(), end.stories.len(), world.mail().len()), (2, 3, 2), "{end:#?}");
    end
}

/// Dies in a stage at every point, and once is not restarted: then the lease brings the work back.
async fn matrix(stage: &str) {
    let expected = undisturbed().await;
    for (point, restarts) in POINTS.into_iter().flat_map(|point| [(point, true), (point, false)]) {
        let mut world = world().await;
        die_in(&world, stage, point).await;
        if restarts {
            // No lease runs out in this time.
            world.restart().await;
            world.pass(50 * SECOND).await;
        } else {
            world.pass(3 * HOUR).await;
        }
        assert_eq!(end(&world), expected, "{stage} {point:?}, restarted: {restarts}");
        let sent_twice = stage == "deliver" && !matches!(point, Point::AfterClaim);
        assert_eq!(
            world.mail().len(),
            if sent_twice { 4 } else { 2 },
            "{stage} {point:?}, restarted: {restarts}"
        );
    }
}

#[tokio::test]
async fn a_crash_in_poll_changes_nothing() {
    matrix("poll").await;
}

#[tokio::test]
async fn a_crash_in_read_changes_nothing() {
    matrix("read").await;
}

#[tokio::test]
async fn a_crash_in_compose_changes_nothing() {
    matrix("compose").await;
}

#[tokio::test]
async fn a_crash_in_deliver_sends_the_same_mail_again() {
    matrix("deliver").await;
}

#[tokio::test]
async fn what_is_known_to_be_sent_never_goes_again() {
    let world = world().await;
    work(&world, Poll::new).await;
    work(&world, Read::new).await;
    world.advance(MINUTE);
    work(&world, Compose::new).await;
    let deliver = Deliver::new(world.pipeline());
    let mut leases = deliver.claim(window(&world, Pick::Usual), 1).await.unwrap();
    let outcome = deliver.perform(&leases[0]).await;
    world.tamper("UPDATE messages SET claim = claim + 1");
    deliver.settle(leases.remove(0), outcome).await.unwrap();
    world.pass(3 * HOUR).await;
    assert_eq!(world.mail().len(), 2, "the fact is written whatever the claim says");
    assert_eq!(distinct(&world.mail()).len(), 2);
}

#[tokio::test]
async fn a_plan_needs_its_claim() {
    let mut world = world().await;
    work(&world, Poll::new).await;
    let read = Read::new(world.pipeline());
    let mut leases = read.claim(window(&world, Pick::Usual), 1).await.unwrap();
    let outcome = read.perform(&leases[0]).await;
    // Another config is put in force meanwhile: what was read under the old one is void.
    let config =
        "[[watch]]\nname = \"Wheat\"\nkeywords = [\"wheat\"]\n[[source]]\nurl = \"http://a.test/a.xml\"";
    world.reload(config).await;
    read.settle(leases.remove(0), outcome).await.unwrap();
    assert_eq!(world.select::<i64>("SELECT count(*) FROM alerts"), [0]);
    world.pass(HOUR).await;
    assert_eq!(
        world.select::<i64>("SELECT count(*) FROM entries WHERE due_at IS NOT NULL"),
        [0],
        "read again"
    );
}

#[tokio::test]
async fn what_was_held_when_the_process_died_runs_alone() {
    let mut world = world().await;
    work(&world, Poll::new).await;
    drop(Read::new(world.pipeline()).claim(window(&world, Pick::Usual), 1).await.unwrap());
    world.restart().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries WHERE crashes = 1"), [1]);
    for page in ["http://a.test/1", "http://b.test/2", "http://a.test/3"] {
        world.page(page, Answer::status(200).manner(Manner::Stall));
    }
    world.asked();
    let store = world.pipeline().store.clone();
    let asked = async {
        while world.web.log().is_empty() {
            tokio::task::yield_now().await;
        }
        // The driver goes round meanwhile; were it to claim more, it would do so now.
        for _ in 0..50 {
            store.next_due().await.unwrap();
        }
    };
    tokio::select! {
        () = world.run_until_idle() => panic!("the page does not come"),
        () = asked => {}
    }
    let held = "SELECT (SELECT count(*) FROM entries WHERE owner IS NOT NULL) +
                    (SELECT count(*) FROM feeds WHERE owner IS NOT NULL)";
    assert_eq!(world.select::<i64>(held), [1]);
    let due = "SELECT count(*) FROM entries WHERE due_at IS NOT NULL";
    assert_eq!(world.select::<i64>(due), [3], "though there is more to read");
}

#[tokio::test]
async fn a_page_that_kills_the_process_alone_three_times_is_left_alone_and_reported() {
    let mut world = World::settled(RAILWAY).await;
    world.page("http://a.test/robots.txt", Answer::ok("text/plain", ""));
    world.page("http://a.test/1", article("Tariffs fall", RAIL));
    world.publish(A, item("http://a.test/1", "Tariffs fall").summary("Of the railway."));
    world.poll_all().await;
    world.tamper(
        "DELETE FROM hits; DELETE FROM alerts; DELETE FROM articles; UPDATE recipients SET due_at = NULL",
    );
    world.tamper("UPDATE entries SET due_at = 0; UPDATE hosts SET page_at = 0");
    die_of(&mut world, Read::new).await;
    world.asked();
    world.pass(20 * MINUTE).await;
    assert!(!world.asked().contains(&"http://a.test/1".to_owned()));
    assert!(world.one_mail().has("Of the [railway]"), "its summary is told");
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].has("page broken") && notices[0].has("http://a.test/1"), "{}", notices[0].text);
}

#[tokio::test]
async fn a_feed_that_kills_the_process_alone_three_times_is_left_alone_and_reported() {
    let mut world = World::settled(RAILWAY).await;
    world.advance(HOUR);
    world.tamper("UPDATE feeds SET due_at = 1e15 WHERE url LIKE '%b.xml'; UPDATE hosts SET poll_at = 1e15 WHERE name = '127.0.0.2'");
    die_of(&mut world, Poll::new).await;
    world.asked();
    world.pass(20 * MINUTE).await;
    assert!(!world.asked().contains(&A.to_owned()));
    let health: Vec<String> = world.select("SELECT health FROM feeds WHERE url LIKE '%a.xml'");
    assert_eq!(health, ["failing"]);
    let notices = world.notices();
    assert_eq!(notices.len(), 1, "at once, not after a day");
    assert!(notices[0].has("killed habar") && notices[0].has(A), "{}", notices[0].text);
    world.publish(A, item("http://a.test/1", "Railway news"));
    world.pass(6 * HOUR).await;
    assert_eq!(world.mail().len(), 1, "later it is tried again: it may have changed");
    assert_eq!(world.notices().len(), 1);
}

/// Dies holding the one thing that is due: once in company, three times alone.
async fn die_of<S: Stage>(world: &mut World, make: fn(Arc<Pipeline>) -> S) {
    for pick in [Pick::Usual, Pick::Suspects, Pick::Suspects, Pick::Suspects] {
        let leases = make(world.pipeline()).claim(window(world, pick), 1).await.unwrap();
        assert_eq!(leases.len(), 1);
        drop(leases);
        world.restart().await;
    }
}

#[tokio::test]
async fn a_message_is_never_given_up_for_a_crash() {
    let mut world = world().await;
    work(&world, Poll::new).await;
    work(&world, Read::new).await;
    world.advance(MINUTE);
    for _ in 0..10 {
        let claimed =
            Compose::new(world.pipeline()).claim(window(&world, Pick::Usual), 100).await.unwrap().len();
        assert_eq!(claimed, 2);
        world.restart().await;
    }
    work(&world, Compose::new).await;
    for _ in 0..10 {
        let claimed =
            Deliver::new(world.pipeline()).claim(window(&world, Pick::Usual), 100).await.unwrap().len();
        assert_eq!(claimed, 2);
        world.restart().await;
    }
    world.pass(MINUTE).await;
    assert_eq!((world.mail().len(), world.notices().len()), (2, 0));
}

#[tokio::test]
async fn a_mail_that_was_under_way_when_the_process_died_goes_by_no_other_way() {
    let mut world = world().await;
    die_in(&world, "deliver", Point::AfterWork).await;
    assert_eq!(world.mail().len(), 2, "taken, and nobody wrote it down");
    world.restart().await;
    world.reload(&format!("{RAILWAY}\n[mail]\nvia = \"maildir:elsewhere\"\n")).await;
    world.pass(3 * HOUR).await;
    assert_eq!(world.mail().len(), 2);
    assert!(world.ledger().iter().all(|line| line.state == "waiting"));
    world.reload(RAILWAY).await;
    world.pass(3 * HOUR).await;
    assert_eq!(distinct(&world.mail()).len(), 2);
    assert!(world.ledger().iter().all(|line| line.state == "sent"));
}
