//! What the watchdog of systemd hears: nothing while the writer hangs, and all is well while work or another
//! process merely takes its time. What is performed for too long is `driver::tests`' matter.

use std::time::Duration;

use rusqlite::Connection;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::program::{Daemon, EAGER, Home, config};
use crate::web::Manner;

use super::{Answer, outlet_with};

/// The watchdog's interval; the daemon pings four times within it.
const WATCHDOG: Duration = Duration::from_secs(1);

struct Watched {
    daemon: Daemon,
    socket: UnixDatagram,
}

async fn start(home: &Home) -> Watched {
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    let mut command = home.habar(&["run"]);
    command.env("NOTIFY_SOCKET", home.path().join("notify"));
    command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    let daemon = Daemon::spawn(command);
    daemon.wait_to_hear("habar runs").await;
    Watched { daemon, socket }
}

impl Watched {
    /// Whether a ping comes within `patience`.
    async fn pings(&self, patience: Duration) -> bool {
        let ping = async {
            let mut buffer = [0; 4096];
            loop {
                let length = self.socket.recv(&mut buffer).await.unwrap();
                if String::from_utf8_lossy(&buffer[..length]).contains("WATCHDOG=1") {
                    return;
                }
            }
        };
        timeout(patience, ping).await.is_ok()
    }

    /// Waits until no ping comes any more.
    async fn falls_silent(&self) -> bool {
        for _ in 0..20 {
            if !self.pings(3 * WATCHDOG).await {
                return true;
            }
        }
        false
    }
}

#[tokio::test]
async fn a_writer_that_hangs_stops_the_pings() {
    let mut outlet = outlet_with(&[]).await;
    let home = Home::new(&config("maildir:mail", &[outlet.url("/feed.xml")], "[\"river\"]", EAGER));
    let watched = start(&home).await;
    assert!(watched.pings(Duration::from_secs(30)).await);
    // Whoever opens a pipe that nobody reads waits for ever.
    let ballast = home.state().join("ballast");
    std::fs::remove_file(&ballast).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&ballast).status().unwrap().success());
    outlet.publish("The river fell");
    assert!(watched.falls_silent().await);
    watched.daemon.kill().await;
}

#[tokio::test]
async fn a_lock_of_another_process_and_an_answer_that_takes_its_time_do_not() {
    let outlet = outlet_with(&["The river rose"]).await;
    let slow = Answer::feed("<rss/>").manner(Manner::Drip(Duration::from_millis(500)));
    outlet.web.page("/slow.xml", slow);
    let sources = [outlet.url("/feed.xml"), outlet.url("/slow.xml")];
    let home = Home::new(&config("maildir:mail", &sources, "[\"river\"]", EAGER));
    let watched = start(&home).await;
    let other = Connection::open(home.database()).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut said = [0; 4096];
    while watched.socket.try_recv(&mut said).is_ok() {}
    // The writer waits for the lock five seconds each time that it is asked.
    for _ in 0..2 {
        assert!(watched.pings(Duration::from_secs(15)).await, "{}", watched.daemon.log());
    }
    other.execute_batch("COMMIT").unwrap();
    watched.daemon.wait_to_hear("mail sent").await;
    watched.daemon.stop().await;
}
