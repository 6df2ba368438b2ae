//! What a poll writes: validators with the entries, giant documents in chunks, the end of a first sight.

use super::*;
use habar::io::store::feeds::Brought;
use habar::io::store::listed;
use habar::time::MINUTE;

#[tokio::test]
async fn validators_come_with_the_entries_and_byte_for_byte() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    let etag = b"W/\"\xff\xfe ;,\"".to_vec();
    let document = NewDocument { etag: Some(etag.clone()), ..document(vec![entry(1)]) };
    let plan = PollPlan { document: Some(document), ..polled(NOW) };
    let brought = rig.store().settle_poll(lease, plan).await.unwrap();
    assert_eq!(brought, Some(Brought { new: vec![None], edited: 0 }));
    let lease = rig.claim_poll(NOW + HOUR).await;
    assert_eq!(lease.job.etag, Some(etag));
    assert_eq!(rig.count("entries WHERE due_at IS NOT NULL"), 1, "it is due for reading");
}

#[tokio::test]
async fn an_entry_is_stored_once_and_read_again_when_it_was_edited() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let lease = rig.claim_page(NOW).await;
    assert_eq!(rig.settle_read(lease, read(NOW)).await, Settled::Written);
    rig.publish(NOW + HOUR, vec![entry(1)]).await;
    assert_eq!(rig.count("entries WHERE due_at IS NOT NULL"), 0);
    rig.publish(NOW + 2 * HOUR, vec![edited(1, 1)]).await;
    assert_eq!((rig.count("entries"), rig.claim_pages(NOW + 2 * HOUR).await.len()), (1, 1));
}

#[tokio::test]
async fn whoever_reads_an_entry_that_was_edited_meanwhile_has_lost_it() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![entry(1)]).await;
    let old = rig.claim_page(NOW + HOUR).await;
    rig.publish(NOW + HOUR, vec![edited(1, 1)]).await;
    assert_eq!(rig.settle_read(old, read(NOW + HOUR)).await, Settled::Lost);
    assert_eq!(rig.claim_pages(NOW + HOUR + MINUTE).await.len(), 1);
}

#[tokio::test]
async fn a_feed_that_changes_its_texts_at_every_poll_is_read_less_often_and_to_the_last() {
    let rig = Rig::new(&[FEED]).await;
    let mut reads = Vec::new();
    for hour in 0..30 {
        let now = NOW + hour * HOUR;
        if hour < 20 {
            rig.publish(now, vec![NewEntry { host: None, ..edited(1, i64::from(hour)) }]).await;
        }
        for lease in rig.claim_pageless(now).await {
            reads.push(hour);
            assert_eq!(rig.settle_read(lease, read(now)).await, Settled::Written);
        }
    }
    assert_eq!(reads, [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 22]);
}

#[tokio::test]
async fn a_giant_document_is_stored_in_chunks_with_its_validators_in_the_last() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    let chunk = rig.store().store_chunk(&lease, vec![entry(1), entry(2)], NOW).await.unwrap();
    assert_eq!(chunk, Some(Brought { new: vec![None; 2], edited: 0 }));
    assert_eq!(rig.ask::<Option<Vec<u8>>>("SELECT etag FROM feeds"), None, "a crash now asks for all again");
    assert_eq!(rig.ask::<Option<i64>>("SELECT seen_at FROM feeds"), None, "and it is still first sight");
    let plan = PollPlan { document: Some(document(vec![entry(3)])), ..polled(NOW) };
    assert_eq!(
        rig.store().settle_poll(lease, plan).await.unwrap(),
        Some(Brought { new: vec![None], edited: 0 })
    );
    assert_eq!((rig.count("entries"), rig.count("entries WHERE first = 1")), (3, 3));
    assert_eq!(rig.count("feeds WHERE etag IS NOT NULL AND seen_at IS NOT NULL"), 1);
}

#[tokio::test]
async fn a_stale_chunk_writes_nothing() {
    let rig = Rig::new(&[FEED]).await;
    let stale = rig.claim_poll(NOW).await;
    let _again = rig.claim_poll(NOW + 5 * MINUTE).await;
    assert_eq!(rig.store().store_chunk(&stale, vec![entry(1)], NOW).await.unwrap(), None);
    assert_eq!(rig.count("entries"), 0);
}

#[tokio::test]
async fn first_sight_ends_with_the_settle_that_stores_the_validators() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    assert!(lease.job.first_sight);
    let health = Health { state: State::New, failures: 1, ..polled(NOW).health };
    let _ = rig.store().settle_poll(lease, PollPlan { health, ..polled(NOW) }).await.unwrap();
    let lease = rig.claim_poll(NOW + HOUR).await;
    assert!(lease.job.first_sight, "a failed poll has seen nothing");
    let cut_off = NewDocument { complete: false, etag: None, ..document(vec![entry(1)]) };
    let plan = PollPlan { document: Some(cut_off), ..polled(NOW + HOUR) };
    let _ = rig.store().settle_poll(lease, plan).await.unwrap();
    let lease = rig.claim_poll(NOW + 2 * HOUR).await;
    assert!(lease.job.first_sight, "half a document is no sight of it");
    let plan = PollPlan { document: Some(document(vec![entry(2), entry(1)])), ..polled(NOW + 2 * HOUR) };
    let _ = rig.store().settle_poll(lease, plan).await.unwrap();
    assert!(!rig.claim_poll(NOW + 3 * HOUR).await.job.first_sight);
}

#[tokio::test]
async fn what_was_old_at_first_sight_is_stored_and_never_read() {
    let rig = Rig::new(&[FEED]).await;
    rig.publish(NOW, vec![NewEntry { quiet: true, ..entry(1) }]).await;
    rig.publish(NOW + HOUR, vec![NewEntry { quiet: false, ..edited(1, 1) }]).await;
    assert_eq!((rig.count("entries"), rig.claim_pages(NOW + HOUR).await.len()), (1, 0));
}

/// The alerts of a first sight go in few mails: they wait until every source has been polled and every
/// page that was seen with them been tried.
#[tokio::test]
async fn held_alerts_go_when_all_that_was_seen_with_them_has_been_tried() {
    let rig = Rig::new(&["https://a.example/", "https://b.example/"]).await;
    let mut feeds = rig.claim_polls(NOW).await;
    let (last, first) = (feeds.remove(1), feeds.remove(0));
    let plan = PollPlan { document: Some(document(vec![entry(1), entry(2)])), ..polled(NOW) };
    let _ = rig.store().settle_poll(first, plan).await.unwrap();
    let held = NewAlert { held: true, ..alert(1, NOW + 15 * MINUTE) };
    let lease = rig.claim_page(NOW).await;
    assert_eq!(rig.settle_read(lease, ReadPlan { alerts: vec![held], ..read(NOW) }).await, Settled::Written);
    let now = NOW + 3 * SECOND;
    // The other page fails, and will be tried again: that is a try.
    let failed = ReadPlan { retry_at: Some(now + HOUR), error: Some("503".to_owned()), ..read(now) };
    let page = rig.claim_page(now).await;
    assert_eq!(rig.settle_read(page, failed).await, Settled::Written);
    assert!(rig.claim_recipients(now).await.is_empty(), "a source has not been polled yet");
    let _ = rig.store().settle_poll(last, polled(now)).await.unwrap();
    assert_eq!(one(rig.claim_recipients(now).await).job.alerts.len(), 1);
}

#[tokio::test]
async fn held_alerts_wait_at_most_until_their_release() {
    let rig = Rig::new(&["https://a.example/", "https://b.example/"]).await;
    let first = one(rig.store().claim_polls(NOW, NOW, Pick::Usual, 1).await.unwrap());
    let plan = PollPlan { document: Some(document(vec![entry(1)])), ..polled(NOW) };
    let _ = rig.store().settle_poll(first, plan).await.unwrap();
    let held = NewAlert { held: true, ..alert(1, NOW + 15 * MINUTE) };
    let lease = rig.claim_page(NOW).await;
    assert_eq!(rig.settle_read(lease, ReadPlan { alerts: vec![held], ..read(NOW) }).await, Settled::Written);
    assert!(rig.claim_recipients(NOW + 15 * MINUTE - SECOND).await.is_empty());
    assert_eq!(one(rig.claim_recipients(NOW + 15 * MINUTE).await).job.alerts.len(), 1);
}

#[tokio::test]
async fn the_old_addresses_of_a_sitemap_are_remembered_and_never_stored() {
    let rig = Rig::new(&[FEED]).await;
    let lease = rig.claim_poll(NOW).await;
    rig.store().remember(&lease, vec![entry(1).ident, entry(2).ident]).await.unwrap();
    let listed = NewDocument {
        archive: vec![entry(2).ident, entry(3).ident],
        note: Some("{\"a\": 1}".to_owned()),
        ..document(vec![entry(4)])
    };
    let id = lease.job.id;
    rig.store().settle_poll(lease, PollPlan { document: Some(listed), ..polled(NOW) }).await.unwrap();
    assert_eq!((rig.count("seen"), rig.count("entries")), (3, 1));
    rig.publish(NOW + HOUR, vec![entry(1), NewEntry { content: 2, ..entry(3) }, entry(5)]).await;
    assert_eq!(rig.count("entries"), 2, "whatever is told of them");
    let listed = [1, 4, 6].map(|number| entry(number).ident);
    let stored = rig.store().read(move |c| listed::stored(c, id, &listed)).await.unwrap();
    let expected = [(listed[0], None), (listed[1], Some(entry(4).content))];
    assert_eq!(stored, expected.into(), "only what is listed is looked up");
    let note = rig.store().read(move |c| listed::note(c, id)).await.unwrap();
    assert_eq!(note.as_deref(), Some("{\"a\": 1}"), "a poll without one leaves it");
}

#[tokio::test]
async fn a_note_and_what_is_remembered_need_the_claim() {
    let rig = Rig::new(&[FEED]).await;
    let old = rig.claim_poll(NOW).await;
    let id = old.job.id;
    let _new = rig.claim_poll(NOW + HOUR).await;
    rig.store().remember(&old, vec![1]).await.unwrap();
    let listed = NewDocument { archive: vec![2], note: Some("late".to_owned()), ..document(vec![]) };
    rig.store().settle_poll(old, PollPlan { document: Some(listed), ..polled(NOW) }).await.unwrap();
    assert_eq!(rig.count("seen"), 0);
    assert_eq!(rig.store().read(move |c| listed::note(c, id)).await.unwrap(), None);
}
