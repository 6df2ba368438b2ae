//! What a person decides about a mail: it goes again, or no more; and what happened is written all the same.

use super::*;
use habar::io::store::notices::{MAIL_NOT_DELIVERED, current, mail_subject};
use habar::io::store::open_read_only;
use habar::io::store::outbox::{self, DeliveryPlan};
use habar::io::store::requests::{MailRequest, Request, ask};
use habar::time::{DAY, MINUTE};

const LATER: Timestamp = Timestamp::from_millis(NOW.millis() + 6 * 24 * 3_600_000);

fn sent() -> DeliveryPlan {
    DeliveryPlan::Sent { reply: "250 taken".to_owned() }
}

fn refused() -> DeliveryPlan {
    DeliveryPlan::Retry { at: NOW + HOUR, error: "451 later".to_owned(), via: String::new() }
}

fn unknown() -> DeliveryPlan {
    DeliveryPlan::Retry { at: NOW + HOUR, error: "no reply".to_owned(), via: "maildir:mail".to_owned() }
}

fn given_up() -> DeliveryPlan {
    let notice = NoticeChange::Raise {
        kind: MAIL_NOT_DELIVERED.to_owned(),
        subject: mail_subject("<0@example.org>", ANNA),
        message: "550 no".to_owned(),
    };
    DeliveryPlan::Dead { reply: "550 no".to_owned(), via: String::new(), notice }
}

/// A message to Anna that has got this answer.
async fn answered(plan: DeliveryPlan) -> Rig {
    let rig = Rig::new(&[FEED]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    let lease = one(rig.claim_messages(NOW).await);
    settle(&rig, lease, plan).await;
    rig
}

async fn settle(rig: &Rig, lease: Lease<DueMessage>, plan: DeliveryPlan) {
    assert_eq!(rig.store().settle_delivery(lease, plan, NOW).await.unwrap(), Settled::Written);
}

/// Somebody asks, and the daemon heeds it; false when there was nothing to ask for.
async fn asked(rig: &Rig, what: MailRequest, now: Timestamp) -> bool {
    let taken = ask(rig.path(), &Request::Mail(1, what), now).unwrap();
    rig.store().heed_requests().await.unwrap();
    taken
}

fn line(rig: &Rig) -> outbox::Entry {
    outbox::line(&open_read_only(rig.path()).unwrap(), 1).unwrap().unwrap().line
}

fn trouble(rig: &Rig) -> usize {
    current(&open_read_only(rig.path()).unwrap()).unwrap().len()
}

#[tokio::test]
async fn a_mail_that_was_given_up_is_tried_at_once_and_with_fresh_patience() {
    let rig = answered(given_up()).await;
    assert!(rig.claim_messages(LATER).await.is_empty());
    assert!(asked(&rig, MailRequest::Retry, LATER).await);
    let lease = one(rig.claim_messages(LATER).await);
    assert_eq!((lease.attempts, lease.job.since, &lease.job.body[..]), (1, LATER, &b"mail"[..]));
    assert_eq!(trouble(&rig), 1, "it is not sent yet");
    settle(&rig, lease, sent()).await;
    let line = line(&rig);
    assert_eq!((line.state.as_str(), line.asked, trouble(&rig)), ("sent", None, 0));
}

#[tokio::test]
async fn a_clock_that_is_set_takes_no_patience_away() {
    let rig = answered(given_up()).await;
    assert!(asked(&rig, MailRequest::Retry, LATER).await);
    let year = 365 * 24 * 3_600_000;
    rig.store().shift(year, 0).await.unwrap();
    let now = Timestamp::from_millis(LATER.millis() + year);
    assert_eq!(one(rig.claim_messages(now).await).job.since, now, "five days are counted from the request");
}

#[tokio::test]
async fn a_mail_that_waits_goes_at_once() {
    let rig = answered(refused()).await;
    assert!(rig.claim_messages(NOW + MINUTE).await.is_empty());
    assert!(asked(&rig, MailRequest::Retry, NOW + MINUTE).await);
    assert_eq!(one(rig.claim_messages(NOW + MINUTE).await).attempts, 1);
}

#[tokio::test]
async fn a_retry_waits_for_the_delivery_that_is_under_way() {
    for plan in [refused(), given_up()] {
        let rig = Rig::new(&[FEED]).await;
        rig.outbox(NOW, vec![b"mail".to_vec()]).await;
        let lease = one(rig.claim_messages(NOW).await);
        assert!(asked(&rig, MailRequest::Retry, NOW + SECOND).await);
        assert!(rig.claim_messages(NOW + MINUTE).await.is_empty(), "two at once are two copies");
        settle(&rig, lease, plan).await;
        assert_eq!(one(rig.claim_messages(NOW + MINUTE).await).attempts, 1, "what was asked comes after it");
    }
}

#[tokio::test]
async fn what_is_sent_or_cancelled_goes_no_more() {
    let rig = answered(sent()).await;
    for what in [MailRequest::Retry, MailRequest::RetryAnyWay, MailRequest::Drop] {
        assert!(!asked(&rig, what, LATER).await, "{what:?}");
        assert_eq!((line(&rig).state, rig.claim_messages(LATER).await.len()), ("sent".to_owned(), 0));
    }
    let rig = answered(refused()).await;
    assert!(asked(&rig, MailRequest::Drop, LATER).await);
    assert!(!asked(&rig, MailRequest::Retry, LATER).await);
    assert_eq!((line(&rig).state, rig.claim_messages(LATER).await.len()), ("cancelled".to_owned(), 0));
}

#[tokio::test]
async fn a_mail_that_is_sent_before_the_request_is_heeded_is_sent() {
    for what in [MailRequest::Retry, MailRequest::Drop] {
        let rig = Rig::new(&[FEED]).await;
        rig.outbox(NOW, vec![b"mail".to_vec()]).await;
        let lease = one(rig.claim_messages(NOW).await);
        assert!(ask(rig.path(), &Request::Mail(1, what), NOW).unwrap());
        settle(&rig, lease, sent()).await;
        rig.store().heed_requests().await.unwrap();
        let line = line(&rig);
        assert_eq!((line.state.as_str(), line.asked, line.due_at), ("sent", None, None), "{what:?}");
    }
}

#[tokio::test]
async fn a_drop_is_a_line_in_the_ledger_and_its_alerts_stay_told() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    let lease = one(rig.claim_recipients(NOW).await);
    let alerts = lease.job.alerts.iter().map(|alert| alert.id).collect();
    let told = NewMessage { alerts, ..message(0, b"mail".to_vec()) };
    let plan = ComposePlan { messages: vec![told], ..composed(NOW) };
    assert_eq!(rig.store().settle_compose(lease, plan).await.unwrap(), Settled::Written);
    let lease = one(rig.claim_messages(NOW).await);
    settle(&rig, lease, given_up()).await;
    assert!(asked(&rig, MailRequest::Drop, LATER).await);
    let line = line(&rig);
    assert_eq!((line.state.as_str(), line.settled_at), ("cancelled", Some(LATER)));
    assert_eq!(line.reply, "dropped by hand; before: 550 no");
    assert_eq!((rig.count("alerts WHERE state = 'told'"), trouble(&rig)), (1, 0));
    assert!(rig.claim_recipients(LATER).await.is_empty(), "nobody is told instead");
}

#[tokio::test]
async fn a_drop_takes_a_mail_from_its_holder_and_a_250_is_written_all_the_same() {
    for (plan, state) in [(refused(), "cancelled"), (given_up(), "cancelled"), (sent(), "sent")] {
        let rig = Rig::new(&[FEED]).await;
        rig.outbox(NOW, vec![b"mail".to_vec()]).await;
        let lease = one(rig.claim_messages(NOW).await);
        assert!(asked(&rig, MailRequest::Drop, NOW + SECOND).await);
        assert_eq!(line(&rig).state, "cancelled");
        let settled = rig.store().settle_delivery(lease, plan, NOW + MINUTE).await.unwrap();
        assert_eq!(settled == Settled::Written, state == "sent");
        assert_eq!((line(&rig).state.as_str(), line(&rig).due_at, trouble(&rig)), (state, None, 0));
    }
}

#[tokio::test]
async fn a_mail_is_freed_of_the_way_that_may_have_taken_it_only_when_that_is_asked() {
    let rig = answered(unknown()).await;
    assert!(asked(&rig, MailRequest::Retry, NOW + MINUTE).await);
    assert_eq!(line(&rig).via.as_deref(), Some("maildir:mail"));
    assert!(asked(&rig, MailRequest::RetryAnyWay, NOW + MINUTE).await);
    assert_eq!(line(&rig).via, None);
}

#[tokio::test]
async fn a_request_is_heeded_at_the_next_start_after_a_crash() {
    let mut rig = Rig::new(&[FEED]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    let _held = rig.claim_messages(NOW).await;
    assert!(ask(rig.path(), &Request::Mail(1, MailRequest::Drop), NOW + SECOND).unwrap());
    rig.crash(NOW + DAY);
    let heeded = rig.store().heed_requests().await.unwrap();
    assert_eq!(one(heeded).to_string(), format!("drop <0@example.org> to {ANNA}"));
    assert!(rig.claim_messages(NOW + DAY).await.is_empty());
}
