//! Told to stop, and told to read its config again, again and again while there is much to do.

use std::time::Duration;

use crate::killing::{End, Life, live};
use crate::program::{EAGER, Home, config};
use crate::smtp_server::{Security, SmtpServer};

use super::{mail_about, outlet_with, rounds, via};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_stops_with_nothing_lost_and_nothing_twice() {
    let lives = (0..rounds(20) as u64).map(|life| Life {
        lasts: Duration::from_millis(xxhash_rust::xxh3::xxh3_64(&life.to_le_bytes()) % 300),
        drops: false,
    });
    let tally = live(lives, End::Term).await;
    assert!(tally.lost.is_empty() && tally.told_twice.is_empty() && tally.unsound.is_empty(), "{tally:?}");
    assert_eq!((tally.copies, tally.with_mail_under_way), (0, 0), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_without_end_change_what_they_change_and_lose_nothing() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut outlet = outlet_with(&[]).await;
    let source = [outlet.url("/feed.xml")];
    let with = |keywords: &str| config(&via(&smtp), &source, keywords, EAGER);
    let home = Home::new(&with("[\"river\"]"));
    let daemon = home.daemon().await;
    let rounds = rounds(40);
    for round in 0..rounds {
        outlet.publish(&format!("The river, round {round:04}"));
        let (broken, text) = match round {
            _ if round % 10 == 9 => (true, with("[\"river\"]") + "keywrods = []\n"),
            _ if round % 2 == 0 => (false, with("[\"river\", \"bridge\"]")),
            _ => (false, with("[\"river\"]")),
        };
        let said = |log: &str| {
            (log.matches("read again (SIGHUP): it has errors").count(), log.matches("why=SIGHUP").count())
        };
        let before = said(&daemon.log());
        home.save(&text);
        daemon.signal("HUP");
        let told = |log: &str| if broken { said(log).0 > before.0 } else { said(log).1 > before.1 };
        daemon.wait_until("the reload", told).await;
    }
    for round in 0..rounds {
        mail_about(&smtp, &format!("round {round:04}")).await;
    }
    let log = daemon.stop().await;
    let mails = smtp.taken();
    for round in 0..rounds {
        let title = format!("round {round:04}");
        let tell = mails.iter().filter(|mail| String::from_utf8_lossy(&mail.bytes).contains(&title)).count();
        assert_eq!(tell, 1, "{title}\n{log}");
    }
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), mails.len(), "nothing went twice");
}
