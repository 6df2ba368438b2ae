//! The process dies between an answer and what it would have stored of it: the server must not be told that we
//! have what we have not.

use habar::io::store::lease::Pick;
use habar::pipeline::poll::Poll;
use habar::pipeline::{Stage, Window};
use habar::time::HOUR;

use crate::web::Answer;
use crate::world::{RAILWAY, World, item, rss};

const A: &str = "http://a.test/a.xml";

#[tokio::test]
async fn an_answer_that_died_with_the_process_is_asked_for_again() {
    let mut world = World::settled(RAILWAY).await;
    let news = rss(&[item("http://a.test/1", "The railway opens")]);
    world.page(A, Answer::feed(news).header("ETag", "\"2\""));
    world.advance(HOUR);
    let stage = Poll::new(world.pipeline());
    let window = Window { now: world.now(), polls_by: world.now(), pick: Pick::Usual };
    let leases = stage.claim(window, 2).await.unwrap();
    assert_eq!(leases.len(), 2);
    for lease in &leases {
        stage.perform(lease).await;
    }
    drop((stage, leases));
    world.restart().await;
    world.web.take_log();
    world.run_until_idle().await;
    let asked = world.web.take_log();
    let again = asked.iter().find(|asked| asked.path == "/a.xml").unwrap();
    assert_eq!(again.header("if-none-match"), None, "whoever sends it is told that nothing is new");
    world.pass(HOUR).await;
    assert!(world.one_mail().subject.contains("The railway opens"));
}
