//! Claim and settle: each row once, all or nothing, facts and plans, crashes and poison.

use std::collections::HashSet;

use super::*;
use habar::io::store::outbox::DeliveryPlan;
use habar::time::MINUTE;

const MANY: usize = 60;

fn many_sources() -> Vec<String> {
    (0..MANY).map(|n| format!("https://host{n}.example/feed")).collect()
}

#[tokio::test]
async fn claim_gives_each_row_once() {
    let sources = many_sources();
    let rig = Rig::new(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut seen = HashSet::new();
    while let [lease] = &rig.store().claim_polls(NOW, NOW, Pick::Usual, 1).await.unwrap()[..] {
        assert!(seen.insert(lease.job.id), "feed {} was given twice", lease.job.id);
    }
    assert_eq!(seen.len(), MANY);
}

#[tokio::test]
async fn concurrent_claimers_share_no_row() {
    let sources = many_sources();
    let rig = Rig::new(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let claimers: Vec<_> = (0..20)
        .map(|_| {
            let store = rig.store().clone();
            tokio::spawn(async move { store.claim_polls(NOW, NOW, Pick::Usual, 5).await.unwrap() })
        })
        .collect();
    let mut given = Vec::new();
    for claimer in claimers {
        given.extend(claimer.await.unwrap().into_iter().map(|lease| lease.job.id));
    }
    let distinct: HashSet<_> = given.iter().copied().collect();
    assert_eq!((given.len(), distinct.len()), (MANY, MANY));
}

#[tokio::test]
async fn a_claim_pushes_due_at_past_the_deadline_of_the_work_and_counts_the_attempt() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    assert_eq!((lease.attempts, lease.crashes), (1, 0));
    let due: i64 = rig.ask("SELECT due_at FROM feeds");
    // The HTTP client gives a request a minute in all.
    assert!(due > (NOW + MINUTE).millis());
    assert_eq!(rig.ask::<i64>("SELECT attempts FROM feeds"), 1);
    assert!(rig.claim_polls(Timestamp::from_millis(due - 1)).await.is_empty());
}

#[tokio::test]
async fn an_expired_lease_is_claimed_again_and_the_late_settle_writes_no_plan() {
    let rig = Rig::new(&[FEED]).await;
    let late = rig.claim_poll(NOW).await;
    let again = rig.claim_poll(NOW + 5 * MINUTE).await;
    assert_eq!((again.job.id, again.attempts), (late.job.id, 2));
    let plan = PollPlan { document: Some(document(vec![entry(1)])), ..polled(NOW) };
    assert_eq!(rig.store().settle_poll(late, plan.clone()).await.unwrap(), None);
    assert_eq!(rig.count("entries"), 0, "the late worker's entries must not be stored");
    assert_eq!(rig.ask::<Option<Vec<u8>>>("SELECT etag FROM feeds"), None);
    assert!(rig.store().settle_poll(again, plan).await.unwrap().is_some());
    assert_eq!(rig.count("entries"), 1);
}

#[tokio::test]
async fn a_late_read_and_a_late_compose_write_no_plan() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    rig.publish(NOW + HOUR, vec![entry(2)]).await;
    let late = rig.claim_page(NOW + HOUR + MINUTE).await;
    let again = rig.claim_page(NOW + HOUR + 10 * MINUTE).await;
    let plan = ReadPlan { alerts: vec![alert(1, NOW)], ..read(NOW + 2 * HOUR) };
    assert_eq!(rig.settle_read(late, plan.clone()).await, Settled::Lost);
    assert_eq!((rig.count("articles"), rig.count("alerts")), (1, 1));
    assert_eq!(rig.settle_read(again, plan).await, Settled::Written);

    let late = one(rig.claim_recipients(NOW).await);
    let again = one(rig.claim_recipients(NOW + HOUR).await);
    let plan = |n| ComposePlan { messages: vec![message(n, b"x".to_vec())], ..composed(NOW + HOUR) };
    assert_eq!(rig.store().settle_compose(late, plan(1)).await.unwrap(), Settled::Lost);
    assert_eq!(rig.count("messages"), 0);
    assert_eq!(rig.store().settle_compose(again, plan(2)).await.unwrap(), Settled::Written);
    assert_eq!(rig.count("messages"), 1);
}

#[tokio::test]
async fn settle_is_all_or_nothing() {
    let rig = Rig::new(&[FEED]).await;
    rig.run(
        "CREATE TRIGGER half_way BEFORE INSERT ON entries WHEN NEW.ident = 2
         BEGIN SELECT RAISE(ABORT, 'half-way'); END",
    );
    let lease = rig.claim_poll(NOW).await;
    let before: String = rig.ask(FEED_ROW);
    let plan = PollPlan { document: Some(document(vec![entry(3), entry(2), entry(1)])), ..polled(NOW) };
    assert!(rig.store().settle_poll(lease, plan).await.is_err());
    assert_eq!(rig.ask::<String>(FEED_ROW), before);
    assert_eq!(rig.count("entries"), 0);
    rig.run("DROP TRIGGER half_way");
    rig.publish(NOW + HOUR, vec![entry(3), entry(2), entry(1)]).await;
    assert_eq!(rig.count("entries"), 3, "what could not be settled comes back by its lease");
}

const FEED_ROW: &str =
    "SELECT json_array(due_at, claim, owner, attempts, health, polled_at, hex(etag)) FROM feeds";

#[tokio::test]
async fn a_settle_that_fails_takes_no_other_of_its_transaction_with_it() {
    let rig = Rig::new(&["https://a.example/", "https://b.example/", "https://c.example/"]).await;
    rig.run(
        "CREATE TRIGGER refuse_b BEFORE UPDATE OF polled_at ON feeds WHEN NEW.url LIKE '%b.example%'
         BEGIN SELECT RAISE(ABORT, 'b'); END",
    );
    let leases = rig.claim_polls(NOW).await;
    assert_eq!(leases.len(), 3);
    // While another process writes, all three settles gather in the queue.
    let other = rig.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let settles: Vec<_> = leases
        .into_iter()
        .map(|lease| {
            let (store, url) = (rig.store().clone(), lease.job.url.clone());
            tokio::spawn(async move { (url, store.settle_poll(lease, polled(NOW)).await.is_ok()) })
        })
        .collect();
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    for settle in settles {
        let (url, written) = settle.await.unwrap();
        assert_eq!(written, !url.contains("b.example"), "{url}");
    }
    assert_eq!(rig.count("feeds WHERE polled_at IS NOT NULL AND owner IS NULL"), 2);
}

#[tokio::test]
async fn facts_are_written_whatever_the_claim_says_and_plans_are_not() {
    let sent = || DeliveryPlan::Sent { reply: "250 taken".to_owned() };
    let retry = || DeliveryPlan::Retry { at: NOW + HOUR, error: "451 later".to_owned(), via: String::new() };
    let dead =
        || DeliveryPlan::Dead { reply: "550 no".to_owned(), via: String::new(), notice: NoticeChange::None };
    for (plan, written, state) in
        [(sent(), true, "sent"), (retry(), false, "waiting"), (dead(), false, "waiting")]
    {
        let rig = Rig::new(&[FEED]).await;
        rig.outbox(NOW, vec![b"mail".to_vec()]).await;
        let stale = one(rig.claim_messages(NOW).await);
        let _again = one(rig.claim_messages(NOW + 2 * HOUR).await);
        let before: i64 = rig.ask("SELECT due_at FROM messages");
        let settled = rig.store().settle_delivery(stale, plan, NOW + 2 * HOUR).await.unwrap();
        assert_eq!(settled == Settled::Written, written, "{state}");
        assert_eq!(rig.ask::<String>("SELECT state FROM messages"), state);
        let due: Option<i64> = rig.ask("SELECT due_at FROM messages");
        assert_eq!(due, (!written).then_some(before), "{state}");
    }
}

#[tokio::test]
async fn a_mail_known_to_be_sent_never_goes_again() {
    let later = [
        DeliveryPlan::Retry { at: NOW, error: "421 bye".to_owned(), via: String::new() },
        DeliveryPlan::Dead { reply: "550 no".to_owned(), via: String::new(), notice: NoticeChange::None },
    ];
    for plan in later {
        let rig = Rig::new(&[FEED]).await;
        rig.outbox(NOW, vec![b"mail".to_vec()]).await;
        let first = one(rig.claim_messages(NOW).await);
        let second = one(rig.claim_messages(NOW + 2 * HOUR).await);
        let sent = DeliveryPlan::Sent { reply: "250 taken".to_owned() };
        let now = NOW + 2 * HOUR;
        assert_eq!(rig.store().settle_delivery(first, sent, now).await.unwrap(), Settled::Written);
        assert_eq!(rig.store().settle_delivery(second, plan, now).await.unwrap(), Settled::Lost);
        assert_eq!(rig.ask::<String>("SELECT state || rtrim(reply) FROM messages"), "sent250 taken");
        assert!(rig.claim_messages(NOW + 100 * HOUR).await.is_empty());
    }
}

#[tokio::test]
async fn a_start_frees_what_the_dead_held_and_counts_a_crash() {
    let mut rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    rig.publish(NOW + HOUR, vec![entry(2)]).await;
    rig.outbox(NOW, vec![b"mail".to_vec()]).await;
    rig.run("UPDATE recipients SET due_at = 0; UPDATE feeds SET due_at = 0; UPDATE hosts SET poll_at = 0");
    let now = NOW + 2 * HOUR;
    let _held = (
        rig.claim_poll(now).await,
        rig.claim_page(now).await,
        one(rig.claim_recipients(now).await),
        one(rig.claim_messages(now).await),
    );
    rig.crash(now + SECOND);
    for table in ["feeds", "entries", "recipients", "messages"] {
        let row: String =
            rig.ask(&format!("SELECT json_array(owner, crashes, due_at) FROM {table} WHERE crashes > 0"));
        assert_eq!(row, format!("[null,1,{}]", (now + SECOND).millis()), "{table}");
    }
    assert_eq!(rig.count("hosts WHERE owner IS NOT NULL"), 0, "hosts are freed too");
    // A mail is never kept back for it, and a person is told.
    assert_eq!(rig.claim_messages(now + SECOND).await.len(), 1);
    assert_eq!(rig.claim_recipients(now + SECOND).await.len(), 1);
}

#[tokio::test]
async fn what_was_held_at_a_crash_runs_alone() {
    let mut rig = Rig::new(&["https://a.example/", "https://b.example/"]).await;
    let held = one(rig.store().claim_polls(NOW, NOW, Pick::Usual, 1).await.unwrap());
    assert!(!rig.store().has_suspects(NOW).await.unwrap());
    rig.crash(NOW);
    assert!(rig.store().has_suspects(NOW).await.unwrap());
    let usual = rig.claim_poll(NOW).await;
    assert_ne!(usual.job.id, held.job.id);
    let suspect = one(rig.store().claim_polls(NOW, NOW, Pick::Suspects, 9).await.unwrap());
    assert_eq!((suspect.job.id, suspect.crashes), (held.job.id, 1));
    let _ = rig.store().settle_poll(suspect, polled(NOW)).await.unwrap();
    assert_eq!(rig.ask::<i64>("SELECT max(crashes) FROM feeds"), 0, "a settle ends the suspicion");
    assert!(!rig.store().has_suspects(NOW + 2 * HOUR).await.unwrap());
}

#[tokio::test]
async fn what_kills_the_process_alone_three_times_is_deadly() {
    let mut rig = Rig::new(&[FEED]).await;
    let first = rig.claim_poll(NOW).await;
    assert!(!first.is_deadly());
    for crash in 1..=3 {
        rig.crash(NOW);
        let lease = one(rig.store().claim_polls(NOW, NOW, Pick::Suspects, 1).await.unwrap());
        assert!(!lease.is_deadly(), "after {crash} crashes it may be tried alone");
    }
    rig.crash(NOW);
    let lease = one(rig.store().claim_polls(NOW, NOW, Pick::Suspects, 1).await.unwrap());
    assert!(lease.is_deadly());
    let _ = rig.store().settle_poll(lease, polled(NOW)).await.unwrap();
    assert!(!rig.claim_poll(NOW + 2 * HOUR).await.is_deadly());
}

#[tokio::test]
async fn a_page_that_kills_the_process_is_deadly_too() {
    let mut rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1), NewEntry { host: None, ..entry(2) }]).await;
    let _page = rig.claim_page(NOW).await;
    for _ in 1..=4 {
        rig.crash(NOW + HOUR / 2);
        let suspects = rig.store().claim_pages(NOW + HOUR / 2, NOW, Pick::Suspects, 9).await.unwrap();
        assert_eq!(suspects.len(), 1);
        assert_eq!(suspects[0].is_deadly(), suspects[0].crashes == 4);
    }
    assert_eq!(rig.claim_pageless(NOW + HOUR / 2).await.len(), 1, "others are read meanwhile");
}
