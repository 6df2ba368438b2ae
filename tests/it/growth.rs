//! What was stored long ago costs nothing today: no statement of the daemon, and none of the commands that
//! look into the store, takes more steps because there is more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use habar::io::store::{notices, open_read_only, outbox, overview};
use habar::time::Clock;
use rusqlite::StatementStatus;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::grown::{Size, grow};
use crate::program::{Daemon, EAGER, Home, Item, config, rss};
use crate::smtp_server::{Security, SmtpServer};
use crate::web::{Answer, Web};

/// The most steps that one run of each statement took.
type Costs = BTreeMap<String, i64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_costs_more_for_what_was_stored_long_ago() {
    let (few, many) = tokio::join!(costs(40), costs(330));
    assert!(many.len() > 50, "so few statements were seen: {many:#?}");
    let grown: Vec<_> = many
        .iter()
        .filter_map(|(sql, steps)| Some((sql, few.get(sql)?, steps)))
        .filter(|(_, few, many)| **many > 2 * **few + 400)
        .map(|(sql, few, many)| format!("{few} → {many} steps: {sql}"))
        .collect();
    assert!(grown.is_empty(), "eight times as much is stored, and these take longer:\n{}", grown.join("\n"));
}

/// A store of so many days lives through news, a mail, a reload, two starts and stops, and a look from outside.
async fn costs(days: u32) -> Costs {
    let web = Web::start().await;
    let smtp = SmtpServer::start(Security::Plain).await;
    let sources = ["/a.xml", "/b.xml", "/full.xml"].map(|path| web.url(path));
    for source in &sources {
        web.page(source.path(), Answer::feed(news(source.path())));
    }
    web.page(
        "/full/1",
        Answer::ok("text/html", format!("<article><p>{}</p></article>", "A river is news. ".repeat(30))),
    );
    let via = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    let home = Home::new(&config(&via, &sources, "[\"river\"]", EAGER));
    let articles = 12 * i64::from(days);
    let size = Size { articles, messages: articles / 2, text: 200, mail: 300, days };
    grow(&home.state(), &sources.map(|url| url.to_string()), size, Clock::System.now()).unwrap();

    let once = logged(&home, &["once", "--all"]);
    smtp.wait_for(1).await;
    let mut log = once.ended().await.1;
    assert!(log.contains("FROM bodies"), "what is old was looked for: {log}");
    let daemon = logged(&home, &["run"]);
    daemon.wait_to_hear("habar runs").await;
    daemon.signal("HUP");
    daemon.wait_to_hear("config read again").await;
    log += &daemon.stop().await;
    let mut costs = read(&log);
    look(&home.state(), &mut costs);
    costs
}

fn logged(home: &Home, arguments: &[&str]) -> Daemon {
    let mut command = home.habar(arguments);
    command.env("RUST_LOG", "info,habar::io::store::costs=trace");
    Daemon::spawn(command)
}

fn news(path: &str) -> String {
    let item = |number: i32| Item {
        guid: format!("{path}{number}"),
        title: format!("The river {number} in {path}"),
        summary: format!("About the river of {path} {number} there is much to say. ").repeat(4),
        link: path.contains("full").then(|| "/full/1".to_owned()),
    };
    rss(&(0..4).map(item).collect::<Vec<_>>())
}

fn read(log: &str) -> Costs {
    let mut costs = Costs::new();
    for line in log.lines() {
        let Some((_, told)) = line.split_once("statement sql=\"") else { continue };
        let (sql, rest) = told.split_once("\" steps=").unwrap();
        note(&mut costs, sql, rest.split(' ').next().unwrap().parse().unwrap());
    }
    costs
}

fn note(costs: &mut Costs, sql: &str, steps: i64) {
    let most = costs.entry(sql.to_owned()).or_default();
    *most = steps.max(*most);
}

/// The commands that read.
fn look(state: &Path, costs: &mut Costs) {
    let mut store = open_read_only(state).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let listen = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            tell.lock()
                .unwrap()
                .push((statement.sql().into_owned(), statement.get_status(StatementStatus::VmStep)));
        }
    };
    store.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(listen)).unwrap();
    let now = Clock::System.now();
    overview::figures(&store, now).unwrap();
    overview::feeds(&store, now).unwrap();
    outbox::list(&store, 50).unwrap();
    outbox::show(&store, 1).unwrap();
    notices::current(&store).unwrap();
    for (sql, steps) in told.lock().unwrap().iter() {
        note(costs, sql, i64::from(*steps));
    }
}
