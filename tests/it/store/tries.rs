//! What failed is kept for people who ask, within bounds, and stops nothing that matters.

use super::*;
use habar::io::store::open_read_only;
use habar::io::store::outbox::DeliveryPlan;
use habar::io::store::tries::{self, Failed, Tried};
use habar::time::{DAY, MINUTE};

fn kept(rig: &Rig, tried: Tried) -> Vec<Failed> {
    tries::of(&open_read_only(rig.path()).unwrap(), tried).unwrap()
}

fn short(rig: &Rig, tried: Tried) -> Vec<(String, u32)> {
    kept(rig, tried).into_iter().map(|failed| (failed.reason, failed.count)).collect()
}

/// The page of the one entry is tried and fails for this reason, or is read.
async fn try_page(rig: &Rig, now: Timestamp, reason: Option<&str>) -> Settled {
    let lease = rig.claim_page(now).await;
    let retry_at = reason.map(|_| now + MINUTE);
    rig.settle_read(lease, ReadPlan { failed: reason.map(str::to_owned), retry_at, ..read(now) }).await
}

async fn try_mail(rig: &Rig, now: Timestamp, reply: &str) {
    let lease = one(rig.claim_messages(now).await);
    let plan = DeliveryPlan::Retry { at: now, error: reply.to_owned(), via: String::new() };
    assert_eq!(rig.store().settle_delivery(lease, plan, now).await.unwrap(), Settled::Written);
}

#[tokio::test]
async fn tries_that_fail_for_one_reason_in_a_row_are_one_line() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let reasons = [Some("503"), Some("503"), Some("timeout"), Some("503"), None];
    for (minute, reason) in (1..).zip(reasons) {
        let _ = try_page(&rig, NOW + minute * MINUTE, reason).await;
    }
    let kept = kept(&rig, Tried::Page(1));
    let first =
        Failed { reason: "503".to_owned(), count: 2, first_at: NOW + MINUTE, last_at: NOW + 2 * MINUTE };
    assert_eq!((kept.len(), &kept[0]), (3, &first));
    assert_eq!((kept[1].count, kept[2].last_at), (1, NOW + 4 * MINUTE), "what was read is no failure");
    assert!(short(&rig, Tried::Mail(1)).is_empty(), "a mail of the same number is another thing");
}

#[tokio::test]
async fn the_newest_reasons_of_a_mail_are_kept() {
    let rig = Rig::new(&[FEED]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    for number in 0..40 {
        try_mail(&rig, NOW, &format!("451 queue {number}")).await;
    }
    let kept = short(&rig, Tried::Mail(1));
    assert_eq!((kept.len(), kept[0].0.as_str(), kept[31].0.as_str()), (32, "451 queue 8", "451 queue 39"));
    let lease = one(rig.claim_messages(NOW).await);
    let dead = DeliveryPlan::Dead {
        reply: "550 ".to_owned() + &"no ".repeat(999),
        via: String::new(),
        notice: NoticeChange::None,
    };
    let _ = rig.store().settle_delivery(lease, dead, NOW).await.unwrap();
    let last = short(&rig, Tried::Mail(1)).pop().unwrap().0;
    assert!(last.starts_with("550 no") && last.chars().count() <= 300, "{last}");
}

#[tokio::test]
async fn a_page_that_was_taken_away_meanwhile_was_not_tried() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let lease = rig.claim_page(NOW).await;
    rig.enrol(&roster(&[FEED], &[]), NOW).await;
    let plan = ReadPlan { failed: Some("503".to_owned()), ..read(NOW) };
    assert_eq!(rig.settle_read(lease, plan).await, Settled::Lost);
    assert!(short(&rig, Tried::Page(1)).is_empty());
}

#[tokio::test]
async fn what_cannot_be_noted_stops_no_settle() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    rig.run("DROP TABLE tries");
    assert_eq!(try_page(&rig, NOW + MINUTE, Some("503")).await, Settled::Written);
    try_mail(&rig, NOW, "451 later").await;
    assert_eq!(rig.count("articles"), 1);
}

#[tokio::test]
async fn tries_are_forgotten_with_the_texts() {
    let rig = Rig::new(&[FEED]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    try_mail(&rig, NOW, "451 later").await;
    try_mail(&rig, NOW + DAY, "451 later").await;
    try_mail(&rig, NOW + 2 * DAY, "421 bye").await;
    rig.store().forget_before(NOW + DAY).await.unwrap();
    assert_eq!(short(&rig, Tried::Mail(1)).len(), 2, "the last of them is not that old");
    rig.store().forget_before(NOW + 2 * DAY).await.unwrap();
    assert_eq!(short(&rig, Tried::Mail(1)), [("421 bye".to_owned(), 1)]);
}

#[tokio::test]
async fn it_is_kept_when_an_article_was_read() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let read_at = || rig.ask::<Option<i64>>("SELECT read_at FROM articles");
    let _ = try_page(&rig, NOW + MINUTE, Some("503")).await;
    assert_eq!(read_at(), Some((NOW + MINUTE).millis()), "its summary");
    let lease = rig.claim_page(NOW + HOUR).await;
    let again = ReadPlan { article: None, retry_at: Some(NOW + 2 * HOUR), ..read(NOW + HOUR) };
    let _ = rig.settle_read(lease, again).await;
    assert_eq!(read_at(), Some((NOW + MINUTE).millis()), "nothing was learned");
    let lease = rig.claim_page(NOW + 2 * HOUR).await;
    let page = ReadPlan { article: Some(article(None, Some(words(7)))), ..read(NOW + 2 * HOUR) };
    let _ = rig.settle_read(lease, page).await;
    assert_eq!(read_at(), Some((NOW + 2 * HOUR).millis()));
}
