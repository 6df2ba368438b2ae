//! Another process holds the lock of the database: what was done waits and is recorded, the rest is delayed.

use habar::io::mail::Delivery;
use habar::io::store::FILE_NAME;
use habar::io::store::lease::Pick;
use habar::pipeline::deliver::Deliver;
use habar::pipeline::{Stage, Window};
use habar::time::{DAY, MINUTE};
use rusqlite::Connection;

use crate::world::{RAILWAY, World, item};

#[tokio::test]
async fn what_was_sent_while_another_process_held_the_lock_is_recorded() {
    let mut world = World::settled(RAILWAY).await;
    world.publish("http://a.test/a.xml", item("http://a.test/1", "The railway opens"));
    let refusal = Delivery::Retry { reason: "451 later".to_owned(), unknown: false, transport: true };
    world.mailer.answer_next([refusal]);
    world.poll_all().await;
    world.pass(90 * MINUTE / 60).await;
    let stage = Deliver::new(world.pipeline());
    let window = Window { now: world.now() + MINUTE, polls_by: world.now(), pick: Pick::Usual };
    let mut held = stage.claim(window, 1).await.unwrap();
    let lease = held.remove(0);

    let other = Connection::open(world.state().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let outcome = stage.perform(&lease).await;
    let settling = tokio::spawn(async move { stage.settle(lease, outcome).await });
    // Who only asks is told to ask again, so that the watchdog sees a writer that answers.
    let refused = world.pipeline().store.data_version().await.unwrap_err();
    assert!(refused.is_passing() && !refused.is_fatal(), "{refused}");
    assert!(!settling.is_finished(), "what was done waits");
    other.execute_batch("COMMIT").unwrap();
    settling.await.unwrap().unwrap();
    assert_eq!(world.select::<String>("SELECT state FROM messages"), ["sent"]);
    world.pass(DAY).await;
    assert_eq!(world.mail().len(), 1);
}
