//! Hosts share fairly: one request at a time to each, its next time kept, nobody held up by another.

use std::collections::HashSet;

use super::*;
use habar::io::store::hosts::Hold;
use habar::time::MINUTE;

const SAME_HOST: [&str; 3] = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];

#[tokio::test]
async fn a_claim_takes_one_row_of_a_free_host() {
    let rig = Rig::new(&SAME_HOST).await;
    let lease = rig.claim_poll(NOW).await;
    assert!(rig.claim_polls(NOW).await.is_empty(), "the host is being asked");
    let _ = rig.store().settle_poll(lease, polled(NOW)).await.unwrap();
    assert!(rig.claim_polls(NOW + SECOND).await.is_empty(), "the host may be asked every two seconds");
    assert_eq!(rig.claim_polls(NOW + 2 * SECOND).await.len(), 1);
}

#[tokio::test]
async fn a_host_with_a_thousand_due_pages_holds_up_nobody() {
    let rig = Rig::new(&[FEED]).await;
    let mut entries: Vec<_> = (1..=1000).map(entry).collect();
    entries.push(NewEntry { host: Some("small.example".to_owned()), ..entry(1001) });
    rig.publish(NOW, entries).await;
    let hosts: Vec<_> =
        rig.claim_pages(NOW).await.into_iter().map(|lease| lease.job.host.unwrap().name).collect();
    let distinct: HashSet<_> = hosts.iter().map(String::as_str).collect();
    assert_eq!((hosts.len(), distinct), (2, HashSet::from(["pages.example", "small.example"])));
}

#[tokio::test]
async fn polls_go_before_pages_unless_a_page_has_waited_a_minute() {
    for (wait, page_first) in [(30 * SECOND, false), (59 * SECOND, false), (61 * SECOND, true)] {
        let rig = Rig::new(&["https://pages.example/feed"]).await;
        rig.publish(NOW, vec![entry(1)]).await;
        let due = NOW + 2 * SECOND + wait;
        rig.run(&format!("UPDATE entries SET due_at = {}", (NOW + 2 * SECOND).millis()));
        rig.run(&format!("UPDATE feeds SET due_at = {0}; UPDATE hosts SET poll_at = {0}", due.millis()));
        let (polls, pages) = if page_first {
            (rig.claim_polls(due).await.len(), rig.claim_pages(due).await.len())
        } else {
            let pages = rig.claim_pages(due).await.len();
            (rig.claim_polls(due).await.len(), pages)
        };
        assert_eq!((polls, pages), if page_first { (0, 1) } else { (1, 0) }, "waited {wait:?}");
    }
}

#[tokio::test]
async fn the_next_time_of_a_host_outlives_the_process() {
    let mut rig = Rig::new(&SAME_HOST).await;
    let lease = rig.claim_poll(NOW).await;
    let hosts = HostPlan { next_at: NOW + MINUTE, ..HostPlan::default() };
    let _ = rig.store().settle_poll(lease, PollPlan { hosts, ..polled(NOW) }).await.unwrap();
    rig.crash(NOW + SECOND);
    assert!(rig.claim_polls(NOW + MINUTE - SECOND).await.is_empty());
    assert_eq!(rig.claim_polls(NOW + MINUTE).await.len(), 1);
}

#[tokio::test]
async fn a_host_that_a_redirect_reached_is_not_asked_before_its_gap_is_over() {
    let rig = Rig::new(&["https://a.example/", "https://b.example/"]).await;
    let lease = one(rig.store().claim_polls(NOW, NOW, Pick::Usual, 1).await.unwrap());
    let reached = if lease.job.url.contains("a.example") { "b.example" } else { "a.example" };
    let hosts = HostPlan { next_at: NOW + MINUTE, reached: vec![reached.to_owned()], ..HostPlan::default() };
    let _ = rig.store().settle_poll(lease, PollPlan { hosts, ..polled(NOW) }).await.unwrap();
    assert!(rig.claim_polls(NOW + MINUTE - SECOND).await.is_empty());
    assert_eq!(rig.claim_poll(NOW + MINUTE).await.job.host.name, reached);
}

/// One of three feeds of a host is told to come again in five hours.
async fn held(rig: &Rig) {
    let lease = rig.claim_poll(NOW).await;
    let hold = Hold { host: "news.example".to_owned(), until: NOW + 5 * HOUR, feed: (lease.job.id, NOW) };
    let hosts = HostPlan { next_at: NOW, held: Some(hold), ..HostPlan::default() };
    let _ = rig.store().settle_poll(lease, PollPlan { hosts, ..polled(NOW) }).await.unwrap();
}

const THREE: [&str; 3] = [FEED, "https://news.example/2", "https://news.example/3"];

#[tokio::test]
async fn a_host_that_asks_for_time_is_left_alone_over_crashes_and_nobody_waits_for_it() {
    let mut rig = Rig::new(&THREE).await;
    held(&rig).await;
    rig.crash(NOW + HOUR);
    let later = NOW + HOUR;
    assert_eq!(rig.claim_polls(later).await.len(), 0);
    assert_eq!(rig.store().next_request(later, later).await.unwrap(), None);
    let with_a_new_one = roster(&[THREE[0], THREE[1], THREE[2], "https://news.example/4"], &[]);
    rig.enrol(&with_a_new_one, later).await;
    assert_eq!(rig.claim_polls(later).await.len(), 0, "also of one that is new there");
    assert_eq!(rig.store().next_request(later, later).await.unwrap(), None);
    let due = "feeds WHERE due_at = (SELECT held_until FROM hosts WHERE name = 'news.example') AND due_reason = 'server'";
    assert_eq!(rig.count(due), 4, "and it is seen why");
    assert_eq!(rig.claim_polls(NOW + 5 * HOUR).await.len(), 1);
}

#[tokio::test]
async fn what_one_feed_is_told_is_no_matter_of_those_that_are_served() {
    for other in ["relayed = 1", "failures = 0, polled_at = 1790000000001"] {
        let rig = Rig::new(&THREE).await;
        rig.run(&format!("UPDATE feeds SET {other} WHERE id = 3"));
        held(&rig).await;
        assert_eq!(rig.claim_polls(NOW + HOUR).await.len(), 1, "{other}");
    }
}

#[tokio::test]
async fn a_late_settle_does_not_free_a_host_that_another_is_asking() {
    let rig = Rig::new(&SAME_HOST).await;
    let late = rig.claim_poll(NOW).await;
    let again = rig.claim_poll(NOW + 5 * MINUTE).await;
    let now = NOW + 5 * MINUTE + SECOND;
    let _ = rig.store().settle_poll(late, polled(now)).await.unwrap();
    assert!(rig.claim_polls(now + 10 * SECOND).await.is_empty(), "two would ask the host at once");
    let _ = rig.store().settle_poll(again, polled(now)).await.unwrap();
    assert_eq!(rig.claim_polls(now + 10 * SECOND).await.len(), 1);
}

#[tokio::test]
async fn a_host_whose_work_was_taken_away_is_held_until_its_request_has_ended() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let lost = rig.claim_page(NOW).await;
    rig.enrol(&roster(&[FEED], &[("OTS", &[ANNA]), ("Other", &[BORIS])]), NOW + SECOND).await;
    assert!(rig.claim_pages(NOW + 10 * SECOND).await.is_empty(), "its request is still under way");
    assert_eq!(rig.settle_read(lost, read(NOW + 11 * SECOND)).await, Settled::Lost);
    assert!(
        rig.claim_pages(NOW + 12 * SECOND).await.is_empty(),
        "the gap counts from the end of the request"
    );
    assert_eq!(rig.claim_pages(NOW + 13 * SECOND).await.len(), 1);
}

#[tokio::test]
async fn a_host_without_due_work_is_never_called_due() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    // The entry's page moves to another host, and that is read.
    let link = Some("https://new.example/1".to_owned());
    let moved = NewEntry { content: 9, link, host: Some("new.example".to_owned()), ..entry(1) };
    rig.run("UPDATE feeds SET due_at = 0; UPDATE hosts SET poll_at = 0 WHERE poll_at IS NOT NULL");
    rig.publish(NOW + MINUTE, vec![moved]).await;
    let lease = rig.claim_page(NOW + MINUTE).await;
    assert_eq!(lease.job.host.as_ref().unwrap().name, "new.example");
    assert_eq!(rig.settle_read(lease, read(NOW + MINUTE)).await, Settled::Written);
    let due = rig.store().next_due().await.unwrap();
    assert_eq!(due.read, None, "nothing is left to read");
}

/// Whatever claimers and settlers do, in time or late, no host is asked by two at once.
#[tokio::test]
async fn at_no_time_do_two_leases_hold_one_host() {
    for seed in 1..=20 {
        let mut random = Random(seed);
        let rig = Rig::new(&["https://a.example/1", "https://a.example/2", "https://b.example/1"]).await;
        let mut now = NOW;
        let mut held: Vec<(Timestamp, Lease<DueFeed>)> = Vec::new();
        for _ in 0..60 {
            now = now + SECOND * random.below(90);
            if random.below(2) == 0 {
                for lease in rig.claim_polls(now).await {
                    let asked = |(until, other): &&(Timestamp, Lease<DueFeed>)| {
                        other.job.host.name == lease.job.host.name && *until > now
                    };
                    assert!(held.iter().find(asked).is_none(), "seed {seed}: {}", lease.job.host.name);
                    held.push((now + 3 * MINUTE, lease));
                }
            } else if !held.is_empty() {
                let at = random.below(u32::try_from(held.len()).unwrap()) as usize;
                let (_, lease) = held.swap_remove(at);
                let _ = rig
                    .store()
                    .settle_poll(lease, PollPlan { rhythm: every(SECOND), ..polled(now) })
                    .await
                    .unwrap();
            }
        }
    }
}

/// Numbers that look random and are the same in every run.
pub struct Random(pub u64);

impl Random {
    /// A number under `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap()
    }
}
