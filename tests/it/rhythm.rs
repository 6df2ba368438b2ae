//! When feeds are asked: more often where news comes, at a price that outlives the process. What the budget
//! buys over weeks is told by the replay of `domain::schedule`.

use std::time::Duration;

use habar::domain::schedule::price;
use habar::time::MINUTE;

use crate::web::Answer;
use crate::world::{World, item};

const BUSY: &str = "http://a.test/busy.xml";
const CALM: &str = "http://b.test/calm.xml";

fn config(polling: &str) -> String {
    format!(
        "[polling]\n{polling}\n[[watch]]\nname = \"Rail\"\nkeywords = [\"railway\"]\n\
         [[source]]\nurl = \"{BUSY}\"\nfull_text = false\n[[source]]\nurl = \"{CALM}\"\nfull_text = false\n"
    )
}

/// One feed has news every ten minutes, the other none; and the price is looked after as the daemon does. Says
/// how often each was asked.
async fn live(world: &mut World, hours: u32) -> [usize; 2] {
    for ten in 0..hours * 6 {
        let number = world.now().millis() + i64::from(ten);
        world.publish(BUSY, item(&format!("http://a.test/{number}"), &format!("Wheat {number}")));
        world.pass(10 * MINUTE).await;
        world.pipeline().find_price(price::INTERVAL).await.unwrap();
    }
    let asked = world.asked();
    [BUSY, CALM].map(|feed| asked.iter().filter(|asked| *asked == feed).count())
}

#[tokio::test]
async fn who_has_news_is_asked_more_often_within_floor_and_ceiling() {
    let mut world = World::settled(&config("")).await;
    live(&mut world, 6).await;
    let [busy, calm] = live(&mut world, 6).await;
    assert!(busy > calm * 2, "{busy} against {calm}");
    assert!(busy <= 6 * 4 + 1 && calm >= 5, "{busy} and {calm} in six hours");
}

#[tokio::test]
async fn what_was_learned_and_the_price_outlive_the_process() {
    let mut world = World::settled(&config("budget = 30")).await;
    live(&mut world, 6).await;
    let (learned, before) = (rates(&world), world.pipeline().request_price());
    world.restart().await;
    assert_eq!(rates(&world), learned);
    let after = world.pipeline().request_price();
    assert!((before - after).abs() < before / 1000.0, "{before} became {after}");
}

#[tokio::test]
async fn a_smaller_budget_makes_requests_dearer_from_the_reload_on() {
    let mut world = World::settled(&config("budget = 60")).await;
    live(&mut world, 6).await;
    let (before, more) = (world.pipeline().request_price(), live(&mut world, 6).await);
    world.reload(&config("budget = 30")).await;
    world.pipeline().find_price(Duration::ZERO).await.unwrap();
    assert!(world.pipeline().request_price() > before);
    let less = live(&mut world, 6).await;
    assert!(less[0] < more[0], "{less:?} after {more:?}");
}

#[tokio::test]
async fn a_feed_that_cannot_be_had_teaches_nothing_and_takes_nothing_from_the_budget() {
    let mut world = World::settled(&config("")).await;
    live(&mut world, 6).await;
    let (learned, price) = (rates(&world), world.pipeline().request_price());
    world.page(CALM, Answer::status(500));
    world.poll_all().await;
    world.pass(10 * MINUTE).await;
    assert_eq!(rates(&world)[1], learned[1]);
    world.pipeline().find_price(Duration::ZERO).await.unwrap();
    assert!(world.pipeline().request_price() > price, "the other has its own share, and not both");
}

#[tokio::test]
async fn an_unchanged_document_is_no_empty_one() {
    let mut world = World::settled(&config("")).await;
    live(&mut world, 1).await;
    world.poll_all().await;
    let shown = world.select::<i64>("SELECT shows FROM feeds ORDER BY id");
    world.poll_all().await;
    assert_eq!(shown, [6, 0]);
    assert_eq!(world.select::<i64>("SELECT shows FROM feeds ORDER BY id"), shown);
}

fn rates(world: &World) -> Vec<(Vec<u8>, f64)> {
    let rates = world.select::<Vec<u8>>("SELECT rate FROM feeds ORDER BY id");
    rates.into_iter().zip(world.select::<f64>("SELECT level FROM feeds ORDER BY id")).collect()
}
