//! Other processes write too: what they ask for, what a reload changes, and who wins.

use super::*;
use habar::io::store::requests::{Request, ask};
use habar::io::store::{open_read_only, overview};
use habar::time::MINUTE;

fn poll() -> Request {
    Request::Poll(FEED.to_owned())
}

fn pause(paused: bool) -> Request {
    Request::PauseSource(FEED.to_owned(), paused)
}

fn due(rig: &Rig) -> Option<i64> {
    rig.ask("SELECT due_at FROM feeds")
}

#[tokio::test]
async fn the_daemon_notices_that_another_process_has_written() {
    let rig = Rig::new(&[FEED]).await;
    let before = rig.store().data_version().await.unwrap();
    rig.enrol(&roster(&[FEED], &[]), NOW).await;
    assert_eq!(rig.store().data_version().await.unwrap(), before, "its own writes are no news");
    assert!(ask(rig.path(), &poll(), NOW).unwrap());
    assert_ne!(rig.store().data_version().await.unwrap(), before);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_asked_for() {
    let rig = Rig::new(&[FEED]).await;
    assert!(!ask(rig.path(), &Request::Poll("https://other.example/".to_owned()), NOW).unwrap());
    assert!(!ask(rig.path(), &Request::PauseWatch("Other".to_owned(), true), NOW).unwrap());
    assert!(ask(rig.path(), &Request::PauseWatch("OTS".to_owned(), true), NOW).unwrap());
    assert_eq!(rig.store().paused_watches().await.unwrap(), [1]);
}

#[tokio::test]
async fn a_poll_that_is_asked_for_is_due_at_once() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, Vec::new()).await;
    let now = NOW + 5 * MINUTE;
    ask(rig.path(), &poll(), now).unwrap();
    rig.store().heed_requests().await.unwrap();
    let lease = rig.claim_poll(now).await;
    let _ = rig.store().settle_poll(lease, polled(now)).await.unwrap();
    assert_eq!(due(&rig), Some((now + HOUR).millis()), "it was asked for once");
}

#[tokio::test]
async fn a_settle_takes_the_earlier_of_its_plan_and_the_request() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    ask(rig.path(), &poll(), NOW + SECOND).unwrap();
    rig.store().heed_requests().await.unwrap();
    let _ = rig.store().settle_poll(lease, polled(NOW + 2 * SECOND)).await.unwrap();
    assert_eq!(due(&rig), Some((NOW + SECOND).millis()), "what was asked for meanwhile comes after");
}

#[tokio::test]
async fn a_servers_retry_after_wins_over_a_request() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    let outcome = Outcome::RetryAfter(NOW + 2 * HOUR);
    let _ = rig.store().settle_poll(lease, PollPlan { outcome, ..polled(NOW) }).await.unwrap();
    ask(rig.path(), &poll(), NOW + MINUTE).unwrap();
    rig.store().heed_requests().await.unwrap();
    rig.store().make_all_due(NOW + MINUTE).await.unwrap();
    assert_eq!(due(&rig), Some((NOW + 2 * HOUR).millis()));
    // The poll at that time is the one that was asked for: it is followed by no other.
    let lease = rig.claim_poll(NOW + 2 * HOUR).await;
    let _ = rig.store().settle_poll(lease, polled(NOW + 2 * HOUR)).await.unwrap();
    assert_eq!(due(&rig), Some((NOW + 3 * HOUR).millis()));
}

#[tokio::test]
async fn a_paused_source_is_not_polled_and_goes_on_when_it_may() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    ask(rig.path(), &pause(true), NOW + SECOND).unwrap();
    rig.store().heed_requests().await.unwrap();
    let _ = rig.store().settle_poll(lease, polled(NOW + SECOND)).await.unwrap();
    assert!(rig.claim_polls(NOW + 9 * HOUR).await.is_empty());
    rig.enrol(&roster(&[FEED], &[]), NOW + MINUTE).await;
    assert!(rig.claim_polls(NOW + 9 * HOUR).await.is_empty(), "a reload does not end a pause");
    let reader = open_read_only(rig.path()).unwrap();
    let figures = overview::figures(&reader, NOW + 9 * HOUR).unwrap();
    assert_eq!(figures.next_poll, None, "it is not what is polled next");
    assert_eq!(overview::feeds(&reader, NOW + 9 * HOUR).unwrap()[0].due_at, None);
    ask(rig.path(), &pause(false), NOW + 9 * HOUR).unwrap();
    rig.store().heed_requests().await.unwrap();
    assert_eq!(rig.claim_polls(NOW + 9 * HOUR).await.len(), 1);
}

#[tokio::test]
async fn a_pause_is_in_force_for_what_was_claimed_before_it() {
    for (paused, alerts) in [(true, 0), (false, 1)] {
        let rig = Rig::new(&[FEED]).await;
        rig.publish(NOW, vec![entry(1)]).await;
        let lease = rig.claim_page(NOW + MINUTE).await;
        ask(rig.path(), &Request::PauseWatch("OTS".to_owned(), paused), NOW).unwrap();
        let plan = ReadPlan { alerts: vec![alert(1, NOW + MINUTE)], ..read(NOW + MINUTE) };
        assert_eq!(rig.settle_read(lease, plan).await, Settled::Written);
        assert_eq!(rig.ask::<i64>("SELECT count(*) FROM alerts"), alerts, "paused {paused}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_paused_source() {
    const OTHER: &str = "https://news.example/other";
    let rig = Rig::new(&[FEED, OTHER]).await;
    let first = rig.claim_poll(NOW).await;
    let (held, rhythm) = (first.job.url.clone(), every(8 * HOUR));
    let _ = rig.store().settle_poll(first, PollPlan { rhythm, ..polled(NOW) }).await.unwrap();
    let due = if held == FEED { OTHER } else { FEED };
    ask(rig.path(), &Request::PauseSource(due.to_owned(), true), NOW).unwrap();
    rig.store().heed_requests().await.unwrap();
    let next = rig.store().next_request(NOW + MINUTE, NOW + MINUTE).await.unwrap();
    assert_eq!(next, None, "nothing that is due may be polled");
    rig.run("UPDATE feeds SET crashes = 1 WHERE paused = 1");
    assert!(!rig.store().has_suspects(NOW + 9 * HOUR).await.unwrap(), "it would never run");
}

#[tokio::test]
async fn a_pause_does_not_end_what_the_server_asked_for() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    let outcome = Outcome::RetryAfter(NOW + 2 * HOUR);
    let _ = rig.store().settle_poll(lease, PollPlan { outcome, ..polled(NOW) }).await.unwrap();
    for paused in [true, false] {
        ask(rig.path(), &pause(paused), NOW + MINUTE).unwrap();
        rig.store().heed_requests().await.unwrap();
        assert!(rig.claim_polls(NOW + HOUR).await.is_empty(), "paused {paused}");
    }
    assert_eq!(rig.claim_polls(NOW + 2 * HOUR).await.len(), 1);
}

#[tokio::test]
async fn a_source_that_is_removed_stops_and_goes_on_when_it_is_back() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let lease = rig.claim_poll(NOW + HOUR).await;
    rig.enrol(&roster(&[], &[]), NOW + HOUR).await;
    let plan = PollPlan { document: Some(document(vec![entry(2)])), ..polled(NOW + HOUR) };
    assert_eq!(rig.store().settle_poll(lease, plan).await.unwrap(), None, "it was taken away");
    assert!(rig.claim_polls(NOW + 99 * HOUR).await.is_empty());
    rig.enrol(&roster(&[FEED], &[]), NOW + 99 * HOUR).await;
    let back = rig.claim_poll(NOW + 99 * HOUR).await;
    assert_eq!((back.job.first_sight, back.job.etag), (false, Some(b"\"1\"".to_vec())));
}

#[tokio::test]
async fn a_removed_source_is_not_polled_after_a_crash_either() {
    let mut rig = Rig::new(&[FEED]).await;
    let _held = rig.claim_poll(NOW).await;
    rig.crash(NOW + SECOND);
    rig.enrol(&roster(&[], &[]), NOW + SECOND).await;
    assert!(!rig.store().has_suspects(NOW + HOUR).await.unwrap());
    assert_eq!(rig.store().next_due().await.unwrap().poll, None);
}

#[tokio::test]
async fn a_reload_takes_away_what_is_read_under_the_old_watches() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![NewEntry { host: None, ..entry(1) }]).await;
    let old = one(rig.claim_pageless(NOW).await);
    rig.enrol(&roster(&[FEED], &[("Other", &[BORIS])]), NOW).await;
    let plan = ReadPlan { alerts: vec![alert(1, NOW)], ..read(NOW) };
    assert_eq!(rig.settle_read(old, plan).await, Settled::Lost);
    let again = one(rig.claim_pageless(NOW).await);
    assert_eq!((again.attempts, rig.count("alerts")), (1, 0), "it was no try of the page");
}

#[tokio::test]
async fn a_source_that_is_asked_otherwise_has_no_validators_of_the_old_request() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    rig.store().ask_otherwise(vec![FEED.to_owned()], NOW).await.unwrap();
    assert_eq!(
        rig.ask::<i64>("SELECT ifnull(etag, last_modified) IS NULL AND body_hash IS NULL FROM feeds"),
        1
    );
    assert!(due(&rig) > Some(NOW.millis()), "one that works is due when it was");
}
