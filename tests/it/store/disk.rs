//! A full disk: what is known to be sent is recorded, nothing is sent without room to record it, and
//! what does not fit is lost to nobody.

use super::*;
use crate::small_disk::{fill, mount, run};
use habar::io::store::Error;
use habar::io::store::outbox::DeliveryPlan;

#[test]
fn sent_survives_a_full_disk() {
    run("store::disk::inside_a_small_disk");
}

#[tokio::test]
#[ignore = "runs inside the mount of sent_survives_a_full_disk"]
async fn inside_a_small_disk() {
    let Some(mount) = mount() else { return };
    let state = mount.join("state");
    std::fs::create_dir(&state).unwrap();
    let rig = Rig { open: Some(Store::open(&state, NOW).unwrap()), dir: TempDir::new().unwrap() };
    let store = rig.store();
    rig.enrol(&roster(&[FEED], &[("OTS", &[ANNA])]), NOW).await;
    fill_outbox(store, &state, 60).await;
    let poll = rig.claim_poll(NOW).await;

    let filler = fill(&mount);
    let entries = || (0..8_000).map(entry).collect();
    let news = PollPlan { document: Some(document(entries())), ..polled(NOW) };
    let brought = store.settle_poll(poll, news.clone()).await.unwrap();
    assert_eq!(brought.unwrap().new.len(), 0, "the poll is settled without its document");
    let refused = store.claim_polls(NOW + HOUR, NOW + HOUR, Pick::Usual, 100).await;
    assert!(matches!(refused, Err(Error::Full)), "what could not be stored is not asked for: {refused:?}");

    let unsent = one(store.claim_messages(NOW, "maildir:mail".to_owned(), 1).await.unwrap());
    let later = DeliveryPlan::Retry { at: NOW, error: "451 later".repeat(60), via: String::new() };
    assert_eq!(store.settle_delivery(unsent, later, NOW).await.unwrap(), Settled::Written, "noted or not");
    assert!(state.join("ballast").exists(), "what is merely history takes no room that is kept");
    let sent = send_until_refused(store).await;
    let connection = open(&state);
    let count = |what: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    };
    assert!(sent > 0, "a full disk must not stop what has room in the log");
    assert_eq!(count("messages WHERE state = 'sent'"), sent);
    assert_eq!(count("messages WHERE owner IS NOT NULL"), 0, "nothing was taken that could not be settled");
    assert_eq!(count("entries"), 0);
    assert_eq!(count("feeds WHERE etag IS NOT NULL OR body_hash IS NOT NULL"), 0, "no 304 may hide the news");

    std::fs::remove_file(filler).unwrap();
    let later = NOW + HOUR;
    let again = rig.claim_poll(later).await;
    let brought = store.settle_poll(again, news).await.unwrap();
    assert_eq!(brought.unwrap().new.len(), 8_000, "what was refused comes back");
    assert_eq!(send_until_refused(store).await, 60 - sent, "and so does the rest of the mail");
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_poll_without_news_is_settled_where_there_is_no_page_more() {
    let sources: Vec<String> = (0..60).map(|n| format!("https://outlet{n}.example/feed.xml")).collect();
    let rig = Rig::new(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let polls = rig.claim_polls(NOW).await;
    assert_eq!(polls.len(), 60);
    rig.store().limit_pages(0).await.unwrap();
    for poll in polls {
        // What is learned of a feed makes its row longer, and has no room now.
        let brought = rig.store().settle_poll(poll, polled(NOW)).await.unwrap();
        assert!(brought.is_some());
    }
    assert_eq!(rig.ask::<i64>("SELECT count(*) FROM feeds WHERE owner IS NULL"), 60);
    assert_eq!(rig.ask::<i64>("SELECT min(due_at) FROM feeds"), (NOW + HOUR).millis());
    assert!(
        rig.ask::<i64>("SELECT count(*) FROM feeds WHERE polled_at IS NULL") > 0,
        "there was no room for all"
    );
}

fn open(state: &Path) -> Connection {
    let connection = Connection::open(state.join(FILE_NAME)).unwrap();
    connection.busy_timeout(5 * SECOND).unwrap();
    connection
}

/// Mails of the length of a digest.
async fn fill_outbox(store: &Store, state: &Path, count: usize) {
    open(state).execute("UPDATE recipients SET due_at = 0", []).unwrap();
    let lease = one(store.claim_recipients(NOW, 1).await.unwrap());
    let messages = (0..count).map(|n| message(n, vec![b'm'; 30_000])).collect();
    let plan = ComposePlan { messages, ..composed(NOW) };
    assert_eq!(store.settle_compose(lease, plan).await.unwrap(), Settled::Written);
}

/// Sends four at a time, as the daemon does; every mail that was taken is a mail that goes out.
async fn send_until_refused(store: &Store) -> i64 {
    let mut sent = 0;
    loop {
        match store.claim_messages(NOW, "maildir:mail".to_owned(), 4).await {
            Ok(leases) if leases.is_empty() => return sent,
            Ok(leases) => {
                for lease in leases {
                    let plan = DeliveryPlan::Sent { reply: format!("250 2.0.0 {}", "queued ".repeat(20)) };
                    assert_eq!(store.settle_delivery(lease, plan, NOW).await.unwrap(), Settled::Written);
                    sent += 1;
                }
            }
            Err(Error::Full) => return sent,
            Err(other) => panic!("{other}"),
        }
    }
}
