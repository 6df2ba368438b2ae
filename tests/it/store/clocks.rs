//! Clocks lie: at the start and after a jump nothing is due later than the bound of its reason.

use super::*;
use habar::io::store::lease::Clamp;
use habar::time::{DAY, MINUTE};

const CEILING: std::time::Duration = HOUR;

fn bounds() -> Clamp {
    Clamp {
        ceiling: CEILING,
        max_intervals: Vec::new(),
        host_gap: 2 * SECOND,
        releases: vec![(1, NOW + 5 * HOUR)],
    }
}

/// The clock was a year ahead when this was written.
const FAR: Timestamp = Timestamp::from_millis(NOW.millis() + 365 * 86_400_000);

#[tokio::test]
async fn a_feed_is_due_at_the_latest_at_the_bound_of_its_reason() {
    let cases = [
        (Reason::Rhythm, CEILING),
        (Reason::Cache, DAY),
        (Reason::Backoff, 7 * DAY),
        (Reason::Server, 7 * DAY),
    ];
    for (reason, bound) in cases {
        let rig = Rig::new(&[FEED]).await;
        rig.poll_is_due(FAR, reason).await;
        rig.store().clamp(NOW, bounds()).await.unwrap();
        let due = Timestamp::from_millis(rig.ask("SELECT due_at FROM feeds"));
        // The jitter adds up to a twentieth, and no more than an hour.
        assert!(due >= NOW + bound && due <= NOW + bound + (bound / 20).min(HOUR), "{reason:?}: {due}");
        assert!(rig.claim_polls(due - SECOND).await.is_empty());
        assert_eq!(rig.claim_polls(due).await.len(), 1, "{reason:?}: its host must be free by then");
    }
}

#[tokio::test]
async fn a_bound_of_its_own_holds_over_rhythm_and_cache_and_not_over_backoff_and_server() {
    let own = 20 * MINUTE;
    for (reason, bound) in
        [(Reason::Rhythm, own), (Reason::Cache, own), (Reason::Backoff, 7 * DAY), (Reason::Server, 7 * DAY)]
    {
        let rig = Rig::new(&[FEED]).await;
        let id = rig.poll_is_due(FAR, reason).await;
        rig.store().clamp(NOW, Clamp { max_intervals: vec![(id, own)], ..bounds() }).await.unwrap();
        let due = Timestamp::from_millis(rig.ask("SELECT due_at FROM feeds"));
        assert!(due >= NOW + bound && due <= NOW + bound + HOUR, "{reason:?}: {due}");
    }
}

#[tokio::test]
async fn nothing_happened_in_the_future() {
    let rig = Rig::new(&[FEED]).await;
    rig.poll_is_due(NOW + HOUR, Reason::Rhythm).await;
    let times = [
        "polled_at",
        "worked_at",
        "news_at",
        "lost_at",
        "trial_at",
        "whole_at",
        "arrivals_since",
        "health_since",
    ];
    for time in times {
        rig.run(&format!("UPDATE feeds SET {time} = {}", FAR.millis()));
    }
    rig.store().clamp(NOW, bounds()).await.unwrap();
    for time in times {
        assert_eq!(rig.ask::<i64>(&format!("SELECT {time} FROM feeds")), NOW.millis(), "{time}");
    }
}

#[tokio::test]
async fn what_is_due_within_its_bound_stays_as_it_is() {
    let rig = Rig::new(&[FEED]).await;
    rig.poll_is_due(NOW + 3 * DAY, Reason::Server).await;
    rig.store().clamp(NOW, bounds()).await.unwrap();
    assert_eq!(rig.ask::<i64>("SELECT due_at FROM feeds"), (NOW + 3 * DAY).millis());
}

#[tokio::test]
async fn a_host_is_free_again_after_its_gap() {
    let rig = Rig::new(&["https://a.example/1", "https://a.example/2"]).await;
    let lease = rig.claim_poll(NOW).await;
    let hosts = HostPlan { next_at: FAR, ..HostPlan::default() };
    let _ = rig.store().settle_poll(lease, PollPlan { hosts, ..polled(NOW) }).await.unwrap();
    rig.store().clamp(NOW, bounds()).await.unwrap();
    assert_eq!(rig.claim_polls(NOW + 2 * SECOND).await.len(), 1);
}

#[tokio::test]
async fn an_alert_is_told_at_the_latest_at_the_next_time_of_its_rule() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], FAR).await;
    rig.store().clamp(NOW, bounds()).await.unwrap();
    assert!(rig.claim_recipients(NOW + 5 * HOUR - SECOND).await.is_empty());
    assert_eq!(one(rig.claim_recipients(NOW + 5 * HOUR).await).job.alerts.len(), 1);
}

#[tokio::test]
async fn an_alert_of_no_configured_subscription_is_cancelled_within_a_week() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], FAR).await;
    rig.store().clamp(NOW, Clamp { releases: Vec::new(), ..bounds() }).await.unwrap();
    assert_eq!(one(rig.claim_recipients(NOW + 7 * DAY).await).job.alerts.len(), 1);
}

#[tokio::test]
async fn a_notice_is_told_at_the_latest_after_its_quarter_of_an_hour() {
    let rig = Rig::empty();
    let admin = Roster { administrators: vec![ANNA.to_owned()], ..roster(&[FEED], &[]) };
    rig.enrol(&admin, NOW).await;
    let raise =
        NoticeChange::Raise { kind: "k".to_owned(), subject: FEED.to_owned(), message: "503".to_owned() };
    rig.store().notice(raise, FAR).await.unwrap();
    rig.store().clamp(NOW, bounds()).await.unwrap();
    assert_eq!(one(rig.claim_recipients(NOW + 15 * MINUTE).await).job.notices.len(), 1);
}

#[tokio::test]
async fn pages_and_mails_are_tried_again_within_their_longest_backoff() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let lease = rig.claim_page(NOW).await;
    assert_eq!(rig.settle_read(lease, ReadPlan { retry_at: Some(FAR), ..read(NOW) }).await, Settled::Written);
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    rig.run(&format!("UPDATE messages SET due_at = {}", FAR.millis()));
    rig.store().clamp(NOW, bounds()).await.unwrap();
    assert_eq!(rig.claim_pages(NOW + DAY).await.len(), 1);
    assert_eq!(rig.claim_messages(NOW + 2 * HOUR).await.len(), 1);
}

#[tokio::test]
async fn overdue_polls_of_a_start_are_spread() {
    let sources: Vec<_> = (0..10).map(|n| format!("https://h{n}.example/")).collect();
    let rig = Rig::new(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(rig.store().count_overdue(NOW).await.unwrap(), 10);
    rig.store().spread_polls(NOW, 10 * SECOND).await.unwrap();
    for second in 0..10 {
        assert_eq!(rig.claim_polls(NOW + second * SECOND).await.len(), 1, "second {second}");
    }
}
