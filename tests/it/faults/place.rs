//! A state directory that cannot be used, and a store that is taken away from under the daemon.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::program::{EAGER, Home, config, end};
use crate::smtp_server::{Act, At, Security, SmtpServer};
use crate::web::Web;

use super::{outlet_with, via};

type Spoil = fn(&Home);

#[tokio::test]
async fn a_start_that_cannot_use_its_state_says_where_and_what() {
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let cases: [(&str, Spoil, i32, &str); 5] = [
        ("a file", |home| std::fs::write(home.state(), "").unwrap(), 73, "/state"),
        (
            "a folder for a database",
            |home| std::fs::create_dir_all(home.database()).unwrap(),
            73,
            "habar.db: is a directory",
        ),
        ("not ours", |home| std::fs::create_dir(home.state()).unwrap(), 77, "/state/lock"),
        ("in a folder that is not ours", |_| {}, 77, "/state"),
        (
            "a database that is not ours",
            |home| {
                std::fs::create_dir(home.state()).unwrap();
                std::fs::write(home.state().join("lock"), "").unwrap();
                std::fs::write(home.database(), "").unwrap();
                std::fs::set_permissions(home.state(), std::fs::Permissions::from_mode(0o777)).unwrap();
                std::fs::set_permissions(home.state().join("lock"), std::fs::Permissions::from_mode(0o666))
                    .unwrap();
                std::fs::set_permissions(home.database(), std::fs::Permissions::from_mode(0o444)).unwrap();
            },
            77,
            "habar.db",
        ),
    ];
    for (case, spoil, code, said) in cases {
        let home = Home::new(&config("maildir:mail", &[], "[\"river\"]", EAGER));
        set(home.path(), 0o755);
        spoil(&home);
        // Root may write anywhere, and so becomes nobody.
        let nobody: &[&str] = match code {
            77 => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
            _ => &[],
        };
        if !nobody.is_empty() && !may_become(nobody) {
            eprintln!("SKIPPED {case}: only root can become nobody");
            continue;
        }
        for command in ["run", "once"] {
            let refused = end(home.habar_by(nobody, &[command])).await;
            assert_eq!(refused.code, Some(code), "{case}: {}", refused.stderr);
            assert!(refused.stderr.contains(said), "{case}: {}", refused.stderr);
        }
    }
}

fn may_become(nobody: &[&str]) -> bool {
    let program = env!("CARGO_BIN_EXE_habar");
    let tried =
        std::process::Command::new(nobody[0]).args(&nobody[1..]).args([program, "--version"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

#[tokio::test]
async fn a_store_that_is_taken_away_while_habar_runs_ends_it() {
    let cases: [(&str, Spoil); 4] = [
        ("deleted", |home| std::fs::remove_file(home.database()).unwrap()),
        ("replaced", |home| {
            let copy = home.path().join("copy");
            std::fs::copy(home.database(), &copy).unwrap();
            std::fs::rename(copy, home.database()).unwrap();
        }),
        ("its log deleted", |home| std::fs::remove_file(home.state().join("habar.db-wal")).unwrap()),
        ("its folder deleted", |home| std::fs::remove_dir_all(home.state()).unwrap()),
    ];
    let web = Web::start().await;
    for (case, spoil) in cases {
        let home = Home::new(&config("maildir:mail", &[web.url("/none.xml")], "[\"river\"]", ""));
        let daemon = home.daemon().await;
        spoil(&home);
        let (status, log) = daemon.ended().await;
        assert_eq!(status.code(), Some(74), "{case}: {log}");
        assert!(log.contains("was deleted or replaced while habar ran"), "{case}: {log}");
        assert!(log.contains(&*home.state().to_string_lossy()), "{case}: {log}");
    }
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_recorded_any_more() {
    let smtp = SmtpServer::start(Security::Plain).await;
    let outlet = outlet_with(&["The river rose"]).await;
    let home = Home::new(&config(&via(&smtp), &[outlet.url("/feed.xml")], "[\"river\"]", EAGER));
    // The first try is refused before the mail is handed over; then its store goes.
    smtp.once(At::Rcpt, Act::say("451 4.3.0 later"));
    let daemon = home.daemon().await;
    daemon.wait_to_hear("mail not sent yet").await;
    std::fs::remove_file(home.database()).unwrap();
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(smtp.taken().is_empty(), "{log}");
}
