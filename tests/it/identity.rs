//! Identity: whatever a publisher does to entries that were seen, none of them is new; and what is new always is.

use habar::time::{DAY, HOUR};

use crate::poll::SUMMARIES;
use crate::web::Answer;
use crate::week::chance::Chance;
use crate::world::{START, World, item, rss};

const FEED: &str = "http://a.test/a.xml";

/// What never changes of an item.
#[derive(Clone)]
struct Written {
    number: usize,
    title: String,
    summary: String,
}

/// How a document dresses its items.
#[derive(Clone, Copy, Debug)]
enum Guids {
    /// Each its own, for ever.
    Own,
    /// New ones in every document.
    Fresh,
    /// Its place in the document: it belonged to another item in the last one.
    Position,
    /// The address.
    Permalink,
    /// None.
    Missing,
}

fn document(chance: &mut Chance, items: &[&Written], now: habar::time::Timestamp) -> String {
    let guids = *chance.pick(&[Guids::Own, Guids::Fresh, Guids::Position, Guids::Permalink, Guids::Missing]);
    let scheme = chance.pick(&["http://", "https://", "https://www."]).to_owned();
    let dated = chance.below(3);
    let mut items = items.to_vec();
    if chance.one_in(2) {
        chance.shuffle(&mut items);
    }
    let dressed = items.iter().enumerate().map(|(position, written)| {
        let tracking = match chance.below(3) {
            0 => String::new(),
            1 => "?utm_source=rss&amp;utm_campaign=".to_owned() + &chance.words(1),
            _ => format!("?fbclid={}#top", chance.below(1000)),
        };
        let link = format!("{scheme}news.example/{}/{tracking}", written.number);
        let guid = match guids {
            Guids::Own => format!("g{}", written.number),
            Guids::Fresh => chance.words(3),
            Guids::Position => position.to_string(),
            Guids::Permalink => link.clone(),
            Guids::Missing => String::new(),
        };
        let item = item(&link, &written.title).guid(&guid).summary(&written.summary);
        match dated {
            0 => item.undated(),
            1 => item.dated(START - DAY + u32::try_from(written.number).unwrap() * HOUR),
            _ => item.dated(now),
        }
    });
    rss(&dressed.collect::<Vec<_>>())
}

#[tokio::test]
async fn no_life_of_a_feed_makes_an_old_entry_new_or_hides_a_new_one() {
    for seed in 0..3 {
        let mut chance = Chance::new(seed);
        let world = World::new(SUMMARIES).await;
        let mut written: Vec<Written> = Vec::new();
        let mut shown = std::collections::BTreeSet::new();
        for step in 0..30 {
            for _ in 0..chance.below(3) {
                let number = written.len() + 1;
                let (title, summary) = (chance.words(6), chance.words(20));
                written.push(Written { number, title, summary });
            }
            let window = 1 + chance.below(8);
            let items: Vec<&Written> = written.iter().rev().take(window).collect();
            shown.extend(items.iter().map(|written| written.number));
            let document = document(&mut chance, &items, world.now());
            world.page(FEED, Answer::feed(document.clone()));
            world.poll_all().await;
            world.advance(HOUR);
            let stored: Vec<String> = world.select("SELECT title FROM entries ORDER BY id");
            assert_eq!(stored.len(), shown.len(), "seed {seed}, step {step}: {stored:#?}\n{document}");
        }
        let edits: Vec<i64> = world.select("SELECT sum(edits) FROM entries");
        assert_eq!(edits, [0], "seed {seed}: words that did not change were read again");
    }
}

#[tokio::test]
async fn an_id_that_is_given_to_another_entry_hides_it_not() {
    let mut world = World::new(SUMMARIES).await;
    let told = |link: &str, title: &str| item(&format!("https://news.example/{link}"), title).guid("latest");
    world.publish(FEED, told("1", "Railway opens").summary("A railway."));
    world.poll_all().await;
    for (link, title, entries) in [
        ("2", "Ministers meet in Gabala", 2),
        ("3", "Wheat is in", 3),
        ("3", "Wheat is in", 3),
        ("1", "Railway opens", 3),
    ] {
        world.publish(FEED, told(link, title));
        world.poll_all().await;
        let stored: Vec<String> = world.select("SELECT title FROM entries ORDER BY id");
        assert_eq!(stored.len(), entries, "{title} at {link}: {stored:?}");
    }
}

#[tokio::test]
async fn a_review_of_every_morning_is_new_every_morning() {
    let mut world = World::new(SUMMARIES).await;
    for day in 0..3 {
        let words = Chance::new(day).words(30);
        let review =
            item("https://news.example/review", "Morning review").guid(&format!("{day}")).summary(&words);
        world.publish(FEED, review);
        world.poll_all().await;
        world.advance(DAY);
    }
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [3]);
}

#[tokio::test]
async fn a_store_of_before_knows_its_entries_when_their_ids_change() {
    let mut world = World::new(SUMMARIES).await;
    for number in 1..=3 {
        world.publish(
            FEED,
            item(&format!("http://news.example/{number}"), &format!("Title {number}")).undated(),
        );
    }
    world.poll_all().await;
    world.tamper("UPDATE entries SET place = NULL");
    // One poll under the ids that are known is enough.
    world.publish(FEED, item("http://news.example/4", "Title 4").undated());
    world.poll_all().await;
    let items = (1..=4)
        .map(|number| item(&format!("https://news.example/{number}"), &format!("Title {number}")).undated());
    world.page(FEED, Answer::feed(rss(&items.collect::<Vec<_>>())));
    world.poll_all().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [4]);
}

#[tokio::test]
async fn what_was_forgotten_is_known_in_another_dress() {
    let mut world = World::new(SUMMARIES).await;
    let old = |scheme: &str, number: u32| {
        let link = format!("{scheme}://news.example/{number}");
        item(&link, &format!("Title {number}")).dated(START - number * HOUR)
    };
    for number in 1..=3 {
        world.publish(FEED, old("http", number));
    }
    world.poll_all().await;
    world.advance(400 * DAY);
    while world.pipeline().store.forget_before(world.now()).await.unwrap() > 0 {}
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [1], "the newest stays");
    let items: Vec<_> = (1..=3).map(|number| old("https", number)).collect();
    world.page(FEED, Answer::feed(rss(&items)));
    world.poll_all().await;
    assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [1]);
}
