//! Deliver: what the mail server says, and what the ledger keeps of it.

use std::time::Duration;

use habar::io::mail::Delivery;
use habar::io::store::requests::{MailRequest, Request, ask};
use habar::time::{DAY, HOUR, MINUTE, SECOND};

use crate::world::{World, item};

const A: &str = "http://a.test/a.xml";

const CONFIG: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]
    [[source]]
    url = "http://a.test/a.xml"
    name = "Alpha"
    full_text = false
    [polling]
    budget = 1
    ceiling = "30d"
"#;

fn busy() -> Delivery {
    Delivery::Retry { reason: "451 come back later".to_owned(), unknown: false, transport: false }
}

fn reply_lost() -> Delivery {
    Delivery::Retry { reason: "the reply never came".to_owned(), unknown: true, transport: true }
}

fn refused() -> Delivery {
    Delivery::Dead { reply: "550 no such user".to_owned() }
}

/// A world in which a mail has just been composed and got this answer.
async fn answered(answers: impl IntoIterator<Item = Delivery>) -> World {
    let mut world = World::settled(CONFIG).await;
    world.mailer.answer_next(answers);
    world.publish(A, item("http://a.test/1", "Railway tariffs"));
    world.poll_all().await;
    world.pass(45 * SECOND).await;
    assert_eq!(world.mailer.attempts(), 1);
    world
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_after_1_2_4_minutes_and_so_on_up_to_an_hour() {
    let world = answered(std::iter::repeat_n(busy(), 9)).await;
    for (attempt, minutes) in (2..).zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        world.pass(Duration::from_secs(minutes * 60 - 1)).await;
        assert_eq!(world.mailer.attempts(), attempt - 1);
        world.pass(SECOND).await;
        assert_eq!(world.mailer.attempts(), attempt, "after {minutes} minutes");
    }
    world.pass(DAY).await;
    assert_eq!(world.one_mail().subject, "[Rail] Railway tariffs · Alpha");
    assert_eq!((world.ledger()[0].state.as_str(), world.ledger()[0].attempts), ("sent", 10));
}

#[tokio::test]
async fn a_restart_keeps_the_schedule_of_what_was_refused() {
    let mut world = answered([busy(), busy()]).await;
    world.restart().await;
    world.pass(59 * SECOND).await;
    assert_eq!(world.mailer.attempts(), 1);
    world.pass(10 * MINUTE).await;
    assert_eq!((world.mailer.attempts(), world.mail().len()), (3, 1));
}

#[tokio::test]
async fn after_five_days_a_mail_is_given_up_and_the_administrator_told() {
    let world = answered(std::iter::repeat_n(busy(), 126)).await;
    world.pass(4 * DAY + 23 * HOUR).await;
    let line = &world.ledger()[0];
    assert_eq!((line.state.as_str(), line.reply.as_str()), ("waiting", "451 come back later"));
    world.pass(2 * HOUR).await;
    let line = &world.ledger()[0];
    assert_eq!((line.state.as_str(), line.reply.as_str()), ("dead", "not sent for 5d: 451 come back later"));
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].has("mail not delivered") && notices[0].has("451 come back later"),
        "{}",
        notices[0].text
    );
}

#[tokio::test]
async fn a_mail_that_is_asked_to_go_again_has_five_more_days() {
    let world = answered(std::iter::repeat_n(busy(), 126)).await;
    world.pass(6 * DAY).await;
    assert_eq!(world.ledger()[0].state, "dead");
    world.mailer.answer_next(std::iter::repeat_n(busy(), 80));
    let again = Request::Mail(world.ledger()[0].id, MailRequest::Retry);
    assert!(ask(&world.state(), &again, world.now()).unwrap());
    world.pipeline().store.heed_requests().await.unwrap();
    world.pass(3 * DAY).await;
    assert_eq!((world.ledger()[0].state.as_str(), world.mail().len()), ("waiting", 0));
    world.pass(DAY).await;
    assert_eq!((world.ledger()[0].state.as_str(), world.mail().len()), ("sent", 1));
}

#[tokio::test]
async fn what_is_refused_for_good_is_dead_and_told_once() {
    let world = answered([refused()]).await;
    world.pass(10 * DAY).await;
    assert_eq!(world.mail().len(), 0);
    let notices = world.notices();
    assert_eq!(notices.len(), 1);
    for words in ["desk@test.example", "550 no such user", "Railway tariffs"] {
        assert!(notices[0].has(words), "{words}: {}", notices[0].text);
    }
    let states: Vec<_> = world.ledger().into_iter().map(|line| line.state).collect();
    assert_eq!(states, ["dead", "sent"]);
}

#[tokio::test]
async fn a_dead_notice_makes_no_notice() {
    let world = answered([refused(), refused()]).await;
    world.pass(10 * DAY).await;
    assert_eq!(world.mailer.attempts(), 2);
    let states: Vec<_> = world.ledger().into_iter().map(|line| line.state).collect();
    assert_eq!(states, ["dead", "dead"]);
}

#[tokio::test]
async fn a_mail_of_unknown_fate_goes_again_as_it_was() {
    let world = answered([reply_lost()]).await;
    world.pass(HOUR).await;
    let mail = world.mail();
    assert_eq!(mail.len(), 2);
    assert_eq!(mail[0], mail[1], "the same bytes, the same Message-ID");
    assert_eq!(world.ledger().len(), 1);
}

#[tokio::test]
async fn a_mail_of_unknown_fate_goes_by_no_other_way() {
    let elsewhere = format!("{CONFIG}\n[mail]\nvia = \"maildir:elsewhere\"\n");
    let mut world = answered([reply_lost()]).await;
    world.reload(&elsewhere).await;
    world.publish(A, item("http://a.test/2", "Railway closed"));
    world.poll_all().await;
    world.pass(DAY).await;
    assert_eq!(world.mail().len(), 2, "what is new goes the new way");
    let line = &world.ledger()[0];
    assert!(
        line.state == "waiting" && line.reply.starts_with("may have been sent by maildir:"),
        "{}",
        line.reply
    );
    world.reload(CONFIG).await;
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 3);
    assert_eq!(world.mail()[0], world.mail()[2]);
    assert_eq!(world.ledger()[0].state, "sent");
}

#[tokio::test]
async fn a_mail_that_was_only_refused_goes_by_any_way() {
    let mut world = answered([busy()]).await;
    world.reload(&format!("{CONFIG}\n[mail]\nvia = \"maildir:elsewhere\"\n")).await;
    world.pass(HOUR).await;
    assert_eq!(world.mail().len(), 1);
}
