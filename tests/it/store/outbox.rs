//! The outbox: what is open is composed, cancelled or told; the administrator; the ledger; what is forgotten.

use super::hosts::Random;
use super::stories::assert_due_for_every_alert;
use super::*;
use habar::io::store::outbox::{self, DeliveryPlan};
use habar::io::store::{notices, open_read_only};
use habar::time::{DAY, MINUTE};

async fn settle(rig: &Rig, lease: Lease<DueRecipient>, plan: ComposePlan) {
    assert_eq!(rig.store().settle_compose(lease, plan).await.unwrap(), Settled::Written);
}

fn alerts(lease: &Lease<DueRecipient>) -> Vec<i64> {
    lease.job.alerts.iter().map(|alert| alert.id).collect()
}

#[tokio::test]
async fn a_recipient_is_due_at_the_earliest_release_and_again_for_what_is_left() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW + 20 * HOUR).await;
    rig.told(NOW + HOUR, entry(2), &[1], NOW + 10 * HOUR).await;
    rig.told(NOW + 2 * HOUR, entry(3), &[1], NOW + 30 * HOUR).await;
    assert!(rig.claim_recipients(NOW + 10 * HOUR - SECOND).await.is_empty());
    let lease = one(rig.claim_recipients(NOW + 10 * HOUR).await);
    assert_eq!(lease.job.alerts.len(), 1, "the others' release has not come");
    let told = NewMessage { alerts: alerts(&lease), ..message(1, b"mail".to_vec()) };
    settle(&rig, lease, ComposePlan { messages: vec![told], ..composed(NOW + 10 * HOUR) }).await;
    assert_eq!(rig.ask::<i64>("SELECT due_at FROM recipients"), (NOW + 20 * HOUR).millis());
    assert_due_for_every_alert(&rig, NOW);
}

#[tokio::test]
async fn a_message_is_stored_with_its_bytes_and_its_alerts_stamped_in_one_settle() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    rig.run("CREATE TRIGGER half_way BEFORE UPDATE ON alerts BEGIN SELECT RAISE(ABORT, 'half-way'); END");
    let lease = one(rig.claim_recipients(NOW).await);
    let told = NewMessage { alerts: alerts(&lease), ..message(1, b"mail".to_vec()) };
    let plan = ComposePlan { messages: vec![told], ..composed(NOW) };
    assert!(rig.store().settle_compose(lease, plan.clone()).await.is_err());
    assert_eq!((rig.count("messages"), rig.count("alerts WHERE state = 'open'")), (0, 1));
    rig.run("DROP TRIGGER half_way");
    let lease = one(rig.claim_recipients(NOW + HOUR).await);
    settle(&rig, lease, plan).await;
    let due = one(rig.claim_messages(NOW + HOUR).await);
    assert_eq!((&due.job.body[..], &due.job.message_id[..]), (&b"mail"[..], "<1@example.org>"));
    assert_eq!(rig.count("alerts WHERE state = 'told' AND message_id = 1 AND told_at IS NOT NULL"), 1);
    assert_eq!(rig.ask::<Option<i64>>("SELECT due_at FROM recipients"), None);
}

#[tokio::test]
async fn an_alert_whose_watch_or_recipient_is_gone_becomes_a_cancelled_line() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW + HOUR).await;
    rig.enrol(&roster(&[FEED], &[]), NOW).await;
    let lease = one(rig.claim_recipients(NOW + HOUR).await);
    let alert = &lease.job.alerts[0];
    assert!(!alert.active);
    let cancelled = vec![(alert.id, alert.subscription, "the watch is gone".to_owned())];
    settle(&rig, lease, ComposePlan { cancelled, ..composed(NOW + HOUR) }).await;
    assert!(rig.claim_messages(NOW + HOUR).await.is_empty());
    let ledger = outbox::list(&open_read_only(rig.path()).unwrap(), 10).unwrap();
    assert_eq!(
        (ledger.len(), &ledger[0].state[..], &ledger[0].reply[..]),
        (1, "cancelled", "the watch is gone")
    );
    assert_eq!(rig.ask::<Option<i64>>("SELECT due_at FROM recipients"), None);
}

#[tokio::test]
async fn a_watch_that_is_back_before_the_release_has_lost_nothing() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW + HOUR).await;
    rig.enrol(&roster(&[FEED], &[]), NOW).await;
    rig.enrol(&roster(&[FEED], &[("OTS", &[ANNA])]), NOW).await;
    assert!(one(rig.claim_recipients(NOW + HOUR).await).job.alerts[0].active);
}

#[tokio::test]
async fn a_reply_is_kept_as_the_ledger() {
    let rig = Rig::new(&[FEED]).await;
    rig.outbox(NOW, vec![b"one".to_vec(), b"two".to_vec()]).await;
    let mut leases = rig.claim_messages(NOW).await;
    let (second, first) = (leases.remove(1), leases.remove(0));
    let later =
        DeliveryPlan::Retry { at: NOW + MINUTE, error: "451 later".to_owned(), via: "smtp://a".to_owned() };
    let _ = rig.store().settle_delivery(first, later, NOW).await.unwrap();
    let dead =
        DeliveryPlan::Dead { reply: "550 no".to_owned(), via: String::new(), notice: NoticeChange::None };
    let _ = rig.store().settle_delivery(second, dead, NOW).await.unwrap();
    let again = one(rig.claim_messages(NOW + MINUTE).await);
    assert_eq!((again.attempts, &again.job.via[..]), (2, "smtp://a"));
    let sent = DeliveryPlan::Sent { reply: "250 taken".to_owned() };
    let _ = rig.store().settle_delivery(again, sent, NOW + MINUTE).await.unwrap();
    let connection = open_read_only(rig.path()).unwrap();
    let lines: Vec<_> = outbox::list(&connection, 10)
        .unwrap()
        .into_iter()
        .map(|line| (line.state, line.reply, line.attempts))
        .collect();
    assert_eq!(
        lines,
        [("dead".to_owned(), "550 no".to_owned(), 1), ("sent".to_owned(), "250 taken".to_owned(), 2)]
    );
    let (line, body) = outbox::show(&connection, 1).unwrap().unwrap();
    let line = line.line;
    assert_eq!((line.settled_at, &body[..]), (Some(NOW + MINUTE), &b"one"[..]));
}

#[tokio::test]
async fn trouble_is_told_once_to_each_administrator_and_again_when_it_comes_again() {
    let rig = Rig::empty();
    let both = Roster { administrators: vec![ANNA.to_owned(), BORIS.to_owned()], ..roster(&[FEED], &[]) };
    rig.enrol(&both, NOW).await;
    let raise = || NoticeChange::Raise {
        kind: "source failing".to_owned(),
        subject: FEED.to_owned(),
        message: "503".to_owned(),
    };
    let over = || NoticeChange::Over { subject: FEED.to_owned() };
    let mut number = 0;
    for (step, change, told) in
        [(0, raise(), 2), (1, raise(), 0), (2, over(), 0), (3, raise(), 2), (4, raise(), 0)]
    {
        let now = NOW + step * DAY;
        rig.store().notice(change, now).await.unwrap();
        let leases = rig.claim_recipients(now + HOUR).await;
        let told_now: usize = leases.iter().map(|lease| lease.job.notices.len()).sum();
        assert_eq!(told_now, told, "day {step}");
        for lease in leases {
            number += 1;
            let messages = lease.job.notices.iter().map(|(id, subscription, _)| NewMessage {
                subscription: *subscription,
                notices: vec![*id],
                ..message(number, b"notice".to_vec())
            });
            let plan = ComposePlan { messages: messages.collect(), ..composed(now + HOUR) };
            settle(&rig, lease, plan).await;
        }
    }
    let current = notices::current(&open_read_only(rig.path()).unwrap()).unwrap();
    assert_eq!((current.len(), current[0].since), (1, NOW + 3 * DAY));
    assert!(rig.claim_messages(NOW + 9 * DAY).await.iter().all(|lease| lease.job.is_notice));
}

#[tokio::test]
async fn what_happened_once_is_over_a_week_after_it_was_told() {
    let rig = Rig::empty();
    let anna = Roster { administrators: vec![ANNA.to_owned()], ..roster(&[FEED], &[]) };
    rig.enrol(&anna, NOW).await;
    for kind in [notices::PAGE_BROKEN, notices::MAIL_NOT_DELIVERED, "source failing"] {
        let (kind, subject) = (kind.to_owned(), FEED.to_owned());
        rig.store()
            .notice(NoticeChange::Raise { kind, subject, message: "503".to_owned() }, NOW)
            .await
            .unwrap();
    }
    rig.store().end_notices(NOW + 8 * DAY).await.unwrap();
    assert_eq!(rig.count("notices WHERE state = 'over'"), 0, "nobody was told");
    rig.run("UPDATE notices SET state = 'told'");
    rig.store().end_notices(NOW + 6 * DAY).await.unwrap();
    assert_eq!(rig.count("notices WHERE state = 'over'"), 0);
    rig.store().end_notices(NOW + 8 * DAY).await.unwrap();
    assert_eq!(rig.ask::<String>("SELECT kind FROM notices WHERE state <> 'over'"), "source failing");
}

#[tokio::test]
async fn an_administrator_who_comes_later_hears_of_what_is_not_over() {
    let rig = Rig::empty();
    let anna = Roster { administrators: vec![ANNA.to_owned()], ..roster(&[FEED], &[]) };
    rig.enrol(&anna, NOW).await;
    let raise =
        NoticeChange::Raise { kind: "k".to_owned(), subject: FEED.to_owned(), message: "503".to_owned() };
    rig.store().notice(raise, NOW).await.unwrap();
    let both = Roster { administrators: vec![ANNA.to_owned(), BORIS.to_owned()], ..anna };
    rig.enrol(&both, NOW + MINUTE).await;
    let told: Vec<_> = rig.claim_recipients(NOW + HOUR).await.into_iter().map(|l| l.job.address).collect();
    assert_eq!(told, [ANNA, BORIS]);
}

#[tokio::test]
async fn texts_and_mails_are_forgotten_and_what_was_seen_and_told_never_is() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    rig.publish(NOW + HOUR, vec![NewEntry { host: None, ..entry(2) }]).await;
    rig.outbox(NOW, vec![b"sent".to_vec(), b"waiting".to_vec()]).await;
    let sent = DeliveryPlan::Sent { reply: "250 taken".to_owned() };
    let mail = rig.claim_messages(NOW).await.remove(0);
    let _ = rig.store().settle_delivery(mail, sent, NOW).await.unwrap();
    let later = NOW + 400 * DAY;
    while rig.store().forget_before(later).await.unwrap() > 0 {}
    assert_ne!(
        rig.ask::<String>("SELECT summary FROM entries WHERE id = 1"),
        "",
        "its alert is not told yet"
    );
    rig.run(ALL_TOLD);
    while rig.store().forget_before(later).await.unwrap() > 0 {}
    for table in ["entries", "articles", "alerts", "story_keys"] {
        assert!(rig.count(table) > 0, "{table}");
    }
    let connection = open_read_only(rig.path()).unwrap();
    let bodies: Vec<_> = (1..=2).map(|id| outbox::show(&connection, id).unwrap().unwrap().1).collect();
    assert_eq!(bodies, [b"".to_vec(), b"waiting".to_vec()], "what waits keeps its bytes");
    assert_eq!(rig.ask::<String>("SELECT summary FROM entries WHERE id = 1"), "");
    assert_ne!(rig.ask::<String>("SELECT summary FROM entries WHERE id = 2"), "", "it is not read yet");
    rig.publish(later, vec![entry(1)]).await;
    assert_eq!(rig.count("entries"), 2, "it is known for ever");
}

const ALL_TOLD: &str = "UPDATE alerts SET state = 'told', told_at = made_at, message_id = 1";

#[tokio::test]
async fn of_what_alerted_nobody_is_kept_that_it_was_seen() {
    let rig = Rig::new(&[FEED]).await;
    let plain = |number| NewEntry { host: None, ..entry(number) };
    rig.publish(NOW, vec![NewEntry { quiet: true, ..plain(4) }, plain(3), plain(2), plain(1)]).await;
    for lease in rig.claim_pageless(NOW).await {
        let hits = vec![WatchHits { watch: 1, found: "[]".to_owned() }];
        assert_eq!(rig.settle_read(lease, ReadPlan { hits, ..read(NOW) }).await, Settled::Written);
    }
    rig.publish(NOW + 390 * DAY, vec![NewEntry { host: None, ..edited(3, 1) }, plain(5)]).await;
    let later = NOW + 400 * DAY;
    while rig.store().forget_before(later - 30 * DAY).await.unwrap() > 0 {}
    let stray = "story_keys k WHERE NOT EXISTS (SELECT 1 FROM entries WHERE id = k.entry_id)";
    assert_eq!(rig.count(stray), 0, "nothing leads to what is gone");
    let left = |table: &str| rig.count(table);
    assert_eq!(["seen", "entries", "articles", "hits", "stories"].map(left), [3, 2, 1, 1, 1]);

    let edited = vec![
        NewEntry { quiet: true, host: None, ..edited(4, 1) },
        NewEntry { host: None, ..edited(2, 1) },
        plain(1),
    ];
    rig.publish(later, edited).await;
    assert_eq!(
        ["seen", "entries"].map(left),
        [2, 3],
        "only an edit is news, and none of what was old at first"
    );
    assert_eq!(rig.ask::<i64>("SELECT due_at FROM entries WHERE ident = 2"), later.millis());
    for lease in rig.claim_pageless(later).await {
        assert_eq!(rig.settle_read(lease, read(later)).await, Settled::Written);
    }
}

#[tokio::test]
async fn a_story_that_is_gone_is_no_candidate_and_leaves_its_keys_to_the_next() {
    let rig = Rig::new(&[FEED]).await;
    let told = async |at: Timestamp, entries: Vec<NewEntry>| {
        rig.publish(at, entries.into_iter().map(|entry| NewEntry { host: None, ..entry }).collect()).await;
        for lease in rig.claim_pageless(at).await {
            assert_eq!(rig.settle_read(lease, read(at)).await, Settled::Written);
        }
    };
    told(NOW, vec![entry(2), entry(1)]).await;
    let later = NOW + 400 * DAY;
    assert_eq!(rig.store().forget_before(later).await.unwrap(), 1, "all but the newest");
    for (ident, at) in [(7, later), (8, later + HOUR)] {
        let link = Some(format!("https://pages.example/copy/{ident}"));
        told(at, vec![NewEntry { ident, link, ..entry(1) }]).await;
    }
    assert_eq!(rig.count("stories"), 2, "the old words open one story, and its copy finds it");
    assert_eq!(rig.count("articles"), 3);
}

/// Whatever is settled in whatever order, whoever has an open alert is due for it.
#[tokio::test]
async fn an_open_alert_always_has_a_recipient_who_is_due_for_it() {
    for seed in 1..=12 {
        let mut life = Life { rig: Rig::empty(), random: Random(seed), now: NOW, number: 0 };
        life.enrol().await;
        for _ in 0..60 {
            life.step().await;
            assert_due_for_every_alert(&life.rig, life.now);
        }
        assert!(life.rig.count("alerts") > 0, "seed {seed} has tried nothing");
    }
}

/// Random steps of every kind that touches alerts.
struct Life {
    rig: Rig,
    random: Random,
    now: Timestamp,
    number: i64,
}

impl Life {
    async fn enrol(&mut self) {
        let all: [(&str, &[&str]); 2] = [("OTS", &[ANNA, BORIS]), ("Rail", &[ANNA])];
        let some = usize::try_from(self.random.below(2)).unwrap();
        self.rig.enrol(&roster(&[FEED], &all[..=some]), self.now).await;
    }

    async fn step(&mut self) {
        self.now = self.now + MINUTE * self.random.below(60);
        match self.random.below(10) {
            0..=3 => self.publish().await,
            4 | 5 => self.read_edit().await,
            6..=8 => self.compose().await,
            _ if self.random.below(2) == 0 => self.enrol().await,
            _ => self.rig.crash(self.now),
        }
    }

    async fn publish(&mut self) {
        self.number += 1;
        self.rig.run("UPDATE feeds SET due_at = 0; UPDATE hosts SET poll_at = 0, next_at = 0, owner = NULL");
        self.rig.publish(self.now, vec![NewEntry { host: None, ..entry(self.number) }]).await;
        self.read().await;
    }

    async fn read_edit(&mut self) {
        self.rig.run(&format!(
            "UPDATE entries SET due_at = 0 WHERE id = 1 + {} % max(1, (SELECT max(id) FROM entries))",
            self.random.below(100)
        ));
        self.read().await;
    }

    async fn read(&mut self) {
        let suspects = self.rig.store().claim_pageless(self.now, Pick::Suspects).await.unwrap();
        for lease in self.rig.claim_pageless(self.now).await.into_iter().chain(suspects) {
            let alerts = self.alerts();
            let variant = i64::from(self.random.below(5));
            let text = (self.random.below(2) == 0).then(|| words(variant));
            let plan = ReadPlan {
                alerts,
                article: Some(article(None, text)),
                hits: vec![WatchHits { watch: 1, found: "[]".to_owned() }],
                ..read(self.now)
            };
            let _ = self.rig.settle_read(lease, plan).await;
        }
    }

    /// Alerts for some of the subscriptions there are.
    fn alerts(&mut self) -> Vec<NewAlert> {
        let mut alerts = Vec::new();
        for id in 1..=3 {
            let known = self.rig.count(&format!("subscriptions WHERE id = {id}")) > 0;
            if known && self.random.below(2) == 0 {
                alerts.push(NewAlert {
                    held: self.random.below(4) == 0,
                    gathers: self.random.below(2) == 0,
                    ..alert(id, self.now + MINUTE * self.random.below(600))
                });
            }
        }
        alerts
    }

    async fn compose(&mut self) {
        for lease in self.rig.claim_recipients(self.now).await {
            self.number += 1;
            let (gone, told): (Vec<_>, Vec<_>) = lease.job.alerts.iter().partition(|alert| !alert.active);
            let some = told.iter().map(|alert| alert.id).filter(|_| self.random.below(3) > 0).collect();
            let message =
                NewMessage { alerts: some, ..message(usize::try_from(self.number).unwrap(), Vec::new()) };
            let plan = ComposePlan {
                messages: vec![message],
                cancelled: gone.iter().map(|a| (a.id, a.subscription, "gone".to_owned())).collect(),
                put_off: (self.random.below(3) == 0).then_some(self.now + HOUR),
                ..composed(self.now)
            };
            if self.random.below(4) > 0 {
                let _ = self.rig.store().settle_compose(lease, plan).await.unwrap();
            }
        }
    }
}
