//! Few files may be open: less is done at once, and no source is blamed for it.

use std::time::Duration;

use crate::program::{Daemon, EAGER, Home, Item, config, rss};
use crate::smtp_server::{Security, SmtpServer};
use crate::web::{Answer, Manner, Web};

use super::{mail_about, via, words};

#[tokio::test]
async fn with_32_files_fewer_sources_are_asked_at_once_and_none_is_blamed() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let mut outlets = Vec::new();
    for host in 2..14 {
        let web = Web::at(&format!("127.0.0.{host}")).await;
        let title = format!("The river at mark {host}");
        let entry = Item { guid: title.clone(), title, summary: words(host, 40), link: None };
        // Each holds its connection for a while.
        web.page("/feed.xml", Answer::feed(rss(&[entry])).manner(Manner::Drip(Duration::from_millis(1))));
        outlets.push(web);
    }
    let sources: Vec<_> = outlets.iter().map(|web| web.url("/feed.xml")).collect();
    let home = Home::new(&config(&via(&smtp), &sources, "[\"river\"]", EAGER));
    let command = home.habar_by(&["sh", "-c", "ulimit -n 32; exec \"$0\" \"$@\""], &["run"]);
    let daemon = Daemon::spawn(command);
    for host in 2..14 {
        mail_about(&smtp, &format!("at mark {host}")).await;
    }
    let log = daemon.stop().await;
    assert!(log.contains("few files may be open at once"), "{log}");
    assert!(!log.contains("Too many open files"), "{log}");
    let mails = smtp.taken();
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), mails.len(), "nothing went twice");
}
