//! Stories and alerts: first come, first kept; each told once; nothing lost when an article moves.

use super::*;

/// Anna watches two things and Boris one.
async fn rig(sources: &[&str]) -> Rig {
    let rig = Rig::empty();
    rig.enrol(&roster(sources, &[("OTS", &[ANNA, BORIS]), ("Rail", &[ANNA])]), NOW).await;
    rig
}

/// The entry is read, with hits of the first watch and alerts for these subscriptions.
async fn settle(rig: &Rig, now: Timestamp, article: NewArticle, subscriptions: &[i64]) {
    let lease = one(rig.claim_pageless(now).await);
    let plan = ReadPlan {
        article: Some(article),
        hits: vec![WatchHits { watch: 1, found: "[]".to_owned() }],
        alerts: subscriptions.iter().map(|id| alert(*id, now + HOUR)).collect(),
        ..read(now)
    };
    assert_eq!(rig.settle_read(lease, plan).await, Settled::Written);
}

fn pageless(number: i64) -> NewEntry {
    NewEntry { host: None, title: "One title".to_owned(), ..entry(number) }
}

fn page(text: String) -> NewArticle {
    article(None, Some(text))
}

async fn tell_all(rig: &Rig, now: Timestamp) {
    for lease in rig.claim_recipients(now).await {
        let alerts: Vec<i64> = lease.job.alerts.iter().map(|alert| alert.id).collect();
        let to = usize::try_from(lease.job.id).unwrap();
        let told = NewMessage { alerts, ..message(to, b"mail".to_vec()) };
        let plan = ComposePlan { messages: vec![told], ..composed(now) };
        assert_eq!(rig.store().settle_compose(lease, plan).await.unwrap(), Settled::Written);
    }
}

#[tokio::test]
async fn one_text_opens_one_story_and_alerts_each_subscription_once() {
    let rig = rig(&[FEED]).await;
    for hour in 0..3 {
        let now = NOW + hour * HOUR;
        rig.publish(now, vec![pageless(i64::from(hour) + 1)]).await;
        settle(&rig, now, page(words(7)), &[1, 2]).await;
    }
    assert_eq!((rig.count("articles"), rig.count("stories"), rig.count("alerts")), (3, 1, 2));
    assert_eq!(rig.count("story_keys WHERE entry_id = 1"), 1, "who came first keeps the key");
}

#[tokio::test]
async fn two_workers_never_open_two_stories_for_one_text() {
    let rig = rig(&[FEED]).await;
    let entries = (1..=20).map(|n| NewEntry { host: Some(format!("h{n}.example")), ..pageless(n) }).collect();
    rig.publish(NOW, entries).await;
    let leases = rig.claim_pages(NOW).await;
    assert_eq!(leases.len(), 20);
    let workers: Vec<_> = leases
        .into_iter()
        .map(|lease| {
            let store = rig.store().clone();
            let plan = ReadPlan { article: Some(page(words(7))), ..read(NOW) };
            tokio::spawn(async move { store.settle_reads(vec![(lease, plan)]).await.unwrap() })
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.await.unwrap(), [Settled::Written]);
    }
    assert_eq!((rig.count("articles"), rig.count("stories")), (20, 1));
}

#[tokio::test]
async fn stories_never_merge() {
    let rig = rig(&[FEED]).await;
    for (hour, text) in [(0, 7), (1, 8)] {
        rig.publish(NOW + hour * HOUR, vec![pageless(i64::from(hour) + 1)]).await;
        settle(&rig, NOW + hour * HOUR, page(words(text)), &[1]).await;
    }
    // A third article has the text of the one and the address of the other.
    let now = NOW + 2 * HOUR;
    rig.publish(now, vec![pageless(3)]).await;
    settle(&rig, now, article(Some("https://pages.example/2"), Some(words(7))), &[1]).await;
    let places: String =
        rig.ask("SELECT group_concat(story_id, ' ') FROM (SELECT * FROM articles ORDER BY entry_id)");
    assert_eq!(places, "1 2 1");
}

/// A page that comes late belongs to a story that is there already, and its alerts go with it.
#[tokio::test]
async fn the_alerts_of_a_late_page_go_with_it() {
    let cases = [
        // (told before the page came, the story there has an alert, its state then, what is left)
        (false, false, "2:open"),
        (false, true, "1:open"),
        (true, false, "2:told 1:told"),
        (true, true, "2:told 1:told"),
    ];
    for (told, there, expected) in cases {
        let rig = rig(&[FEED]).await;
        let (now, later) = (NOW + HOUR, NOW + 4 * HOUR);
        rig.publish(NOW, vec![pageless(1)]).await;
        settle(&rig, NOW, page(words(7)), &[]).await;
        rig.publish(now, vec![pageless(2)]).await;
        settle(&rig, now, article(None, None), &[1]).await;
        if told {
            tell_all(&rig, now + HOUR).await;
        }
        if there {
            rig.publish(now + HOUR, vec![pageless(3)]).await;
            settle(&rig, now + HOUR, page(words(7)), &[1]).await;
        }
        rig.run("UPDATE entries SET due_at = 0 WHERE id = 2");
        settle(&rig, later, page(words(7)), &[1]).await;
        let left: String = rig.ask(
            "SELECT group_concat(story_id || ':' || state, ' ') FROM (SELECT * FROM alerts ORDER BY story_id DESC)",
        );
        // Story 2 is the summary's, story 1 the text's.
        let expected = if expected == "2:open" { "1:open" } else { expected };
        assert_eq!(left, expected, "told {told}, there {there}");
        assert_due_for_every_alert(&rig, NOW);
    }
}

#[tokio::test]
async fn what_was_told_takes_the_place_of_an_alert_that_waits() {
    let rig = rig(&[FEED]).await;
    rig.publish(NOW, vec![pageless(1)]).await;
    settle(&rig, NOW, article(None, None), &[1]).await;
    tell_all(&rig, NOW + HOUR).await;
    rig.publish(NOW + HOUR, vec![pageless(2)]).await;
    settle(&rig, NOW + HOUR, page(words(7)), &[1]).await;
    rig.run("UPDATE entries SET due_at = 0 WHERE id = 1");
    settle(&rig, NOW + HOUR, page(words(7)), &[1]).await;
    assert_eq!(rig.count("alerts WHERE state = 'open'"), 0, "it would be told twice");
}

#[tokio::test]
async fn an_alert_that_leaves_a_story_leaves_one_for_the_articles_that_stay() {
    let rig = rig(&[FEED]).await;
    for hour in 0..2 {
        rig.publish(NOW + hour * HOUR, vec![pageless(i64::from(hour) + 1)]).await;
        settle(&rig, NOW + hour * HOUR, page(words(7)), &[1, 2]).await;
    }
    let now = NOW + 2 * HOUR;
    rig.publish(now, vec![NewEntry { host: None, ..edited(1, 1) }]).await;
    settle(&rig, now, page(words(8)), &[1, 2]).await;
    let alerts: String = rig.ask(
        "SELECT group_concat(entry_id || ' in ' || story_id, ', ') FROM (
             SELECT * FROM alerts WHERE subscription_id = 1 ORDER BY story_id)",
    );
    assert_eq!(alerts, "2 in 1, 1 in 2");
    assert_eq!(rig.count("alerts WHERE subscription_id = 2"), 2);
    let releases: i64 = rig.ask("SELECT count(DISTINCT release_at) FROM alerts WHERE state = 'open'");
    assert_eq!(releases, 1, "what stays is told when it would have been");
    assert_due_for_every_alert(&rig, NOW);
}

#[tokio::test]
async fn an_edit_of_a_summary_that_says_something_else_is_a_story_of_its_own() {
    for (edit, stories) in [(words(1) + "and more", 1), (words(5), 2)] {
        let rig = rig(&[FEED]).await;
        rig.publish(NOW, vec![pageless(1)]).await;
        settle(&rig, NOW, article(None, None), &[1]).await;
        rig.publish(NOW + HOUR, vec![NewEntry { content: 9, summary: edit, ..pageless(1) }]).await;
        settle(&rig, NOW + HOUR, article(None, None), &[1]).await;
        assert_eq!(rig.count("stories"), stories);
    }
}

#[tokio::test]
async fn an_alert_is_told_with_the_words_it_was_made_for() {
    let rig = rig(&[FEED]).await;
    rig.publish(NOW, vec![pageless(1)]).await;
    settle(&rig, NOW, article(None, None), &[1]).await;
    // Edited after the read; the new words have not been looked at yet.
    rig.publish(NOW + HOUR, vec![NewEntry { content: 9, summary: words(5), ..pageless(1) }]).await;
    let lease = one(rig.claim_recipients(NOW + HOUR).await);
    assert_eq!(lease.job.alerts[0].article.text, words(1));
}

#[tokio::test]
async fn an_edit_of_what_was_forgotten_is_no_news() {
    for full in [true, false] {
        let rig = rig(&[FEED]).await;
        let read = || if full { page(words(7)) } else { article(None, None) };
        rig.publish(NOW, vec![pageless(1)]).await;
        settle(&rig, NOW, read(), &[1]).await;
        let later = NOW + 9000 * HOUR;
        rig.publish(NOW + HOUR, vec![pageless(2)]).await;
        rig.run("UPDATE alerts SET state = 'told', told_at = made_at; UPDATE entries SET due_at = NULL");
        assert!(rig.store().forget_before(later).await.unwrap() > 0);
        let link = Some("https://pages.example/moved".to_owned());
        rig.publish(later, vec![NewEntry { content: 9, link, ..pageless(1) }]).await;
        settle(&rig, later, read(), &[1]).await;
        assert_eq!((rig.count("stories"), rig.count("alerts")), (1, 1), "full {full}");
    }
}

/// An open alert always has a release, and its recipient a time that is not after it, or has come.
pub fn assert_due_for_every_alert(rig: &Rig, now: Timestamp) {
    let forgotten = rig.count(&format!(
        "alerts a JOIN subscriptions s ON s.id = a.subscription_id JOIN recipients r ON r.id = s.recipient_id
         WHERE a.state = 'open' AND (r.due_at IS NULL OR (r.due_at > max(a.release_at, {}) AND r.owner IS NULL))",
        now.millis()
    ));
    assert_eq!(forgotten, 0, "an open alert waits for nobody");
}
