//! No secret leaves the place where its owner put it: at TRACE, with every kind of secret in use, none of them
//! stands in the log, in what a command prints, in the process's environment and command line, or in the store.

use std::path::Path;

use crate::program::{Daemon, EAGER, Home, Item, config, rss};
use crate::smtp_server::{Act, At, Authority, Security, SmtpServer};
use crate::web::{Answer, Web};

const PASSWORD: &str = "s3cr3t-oxbow-lake";
const TOKEN: &str = "ya29.riverbed-token";
const KEY: &str = "query-key-of-the-outlet";

/// What must not be found, with all it may be dressed in.
fn dresses(secret: &str) -> Vec<String> {
    let login = |proof: String| base64(proof.as_bytes());
    vec![
        secret.to_owned(),
        base64(secret.as_bytes()),
        login(format!("\0habar\0{secret}")),
        login(format!("user=habar\x01auth=Bearer {secret}\x01\x01")),
        login(format!("habar:{secret}")),
    ]
}

/// One way to use a secret: what the config says of it, and the file that holds it.
struct Use {
    secret: &'static str,
    login: &'static str,
    file: &'static str,
    proof: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_the_mail_server_stay_where_they_are() {
    let uses = [
        Use {
            secret: PASSWORD,
            login: "password_file = \"secret\"",
            file: "s3cr3t-oxbow-lake\n",
            proof: format!("AUTH PLAIN {}", base64(format!("\0habar\0{PASSWORD}").as_bytes())),
        },
        Use {
            secret: TOKEN,
            login: "token_file = \"secret\"",
            file: "ya29.riverbed-token\n",
            proof: format!(
                "AUTH XOAUTH2 {}",
                base64(format!("user=habar\x01auth=Bearer {TOKEN}\x01\x01").as_bytes())
            ),
        },
    ];
    for Use { secret, login, file, proof } in uses {
        let authority = Authority::new();
        let smtp = SmtpServer::start(Security::Implicit(authority.issue("localhost"))).await;
        smtp.offer(&["AUTH PLAIN XOAUTH2"]);
        smtp.require_login(&proof);
        let web = news().await;
        let home = Home::new("");
        authority.write_root(&home.path().join("root.pem"));
        std::fs::write(home.path().join("secret"), file).unwrap();
        let via = format!("smtps://localhost:{}", smtp.port);
        let more = format!("user = \"habar\"\n{login}\n[http]\nca_file = \"root.pem\"\n");
        home.save(&config(&via, &[web.url("/feed.xml")], "[\"river\"]", EAGER).replace("[http]\n", &more));

        let seen = life(&home, &smtp).await;
        nowhere(secret, &seen);
        nowhere(secret, &stored(&home.state()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_query_carries_is_asked_with_and_never_logged() {
    let web = Web::start().await;
    web.page(&format!("/feed.xml?token={KEY}"), Answer::feed(the_river()));
    web.page(&format!("/moved.xml?key={KEY}"), Answer::moved(302, format!("/away.xml?api_key={KEY}")));
    let smtp = SmtpServer::start(Security::Plain).await;
    let sources = ["/feed.xml?token=", "/moved.xml?key=", "/missing.xml?pw="]
        .map(|path| web.url(&format!("{path}{KEY}")));
    let home = Home::new(&config(
        &format!("smtp://127.0.0.1:{}?tls=none", smtp.port),
        &sources,
        "[\"river\"]",
        EAGER,
    ));
    let mut seen = life(&home, &smtp).await;
    // Whoever may read the config is shown it.
    seen.retain(|(place, _)| place != "check");
    for path in ["/feed.xml?token=", "/away.xml?api_key="] {
        assert!(
            web.log().iter().any(|asked| asked.path == format!("{path}{KEY}")),
            "{path} was asked for as it is"
        );
    }
    nowhere(KEY, &seen);
}

fn the_river() -> String {
    let item = |number: u32| Item {
        guid: number.to_string(),
        title: format!("The river rose {number} times"),
        summary: String::new(),
        link: None,
    };
    rss(&[item(1), item(2)])
}

async fn news() -> Web {
    let web = Web::start().await;
    web.page("/feed.xml", Answer::feed(the_river()));
    web
}

/// The daemon sends a mail, is refused one, and stops; a person looks at everything. All that could be seen.
async fn life(home: &Home, smtp: &SmtpServer) -> Vec<(String, Vec<u8>)> {
    let mut command = home.habar(&["run"]);
    command.env("RUST_LOG", "trace");
    let daemon = Daemon::spawn(command);
    smtp.wait_for(1).await;
    let mut seen: Vec<(String, Vec<u8>)> = ["environ", "cmdline"]
        .map(|file| (file.to_owned(), std::fs::read(format!("/proc/{}/{file}", daemon.id())).unwrap()))
        .to_vec();
    daemon.signal("HUP");
    daemon.wait_to_hear("config read again").await;
    seen.push(("log".to_owned(), daemon.stop().await.into_bytes()));
    smtp.always(At::Auth, Act::say("535 5.7.8 not you"));
    smtp.always(At::Rcpt, Act::say("550 5.7.1 not you"));
    for arguments in [&["test-mail"][..], &["check"], &["status"], &["outbox"], &["outbox", "show", "1"]] {
        let mut command = home.habar(arguments);
        command.env("RUST_LOG", "trace");
        let ended = crate::program::end(command).await;
        seen.push((arguments.join(" "), (ended.stdout + &ended.stderr).into_bytes()));
    }
    seen
}

fn stored(state: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(state).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap_or_default())).collect()
}

fn nowhere(secret: &str, seen: &[(String, Vec<u8>)]) {
    for (place, bytes) in seen {
        for dress in dresses(secret) {
            let found = bytes.windows(dress.len()).position(|part| part == dress.as_bytes());
            let around =
                found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at + dress.len()]));
            assert_eq!(around, None, "{dress} stands in {place}");
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |three: u32, place: u32| char::from(LETTERS[(three >> (18 - 6 * place) & 63) as usize]);
    let group = |part: &[u8]| {
        let three = (0..3).fold(0, |sum, at| sum << 8 | u32::from(part.get(at).copied().unwrap_or(0)));
        (0..4)
            .map(|place| if place as usize <= part.len() { letter(three, place) } else { '=' })
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

#[test]
fn a_proof_is_written_as_it_goes_over_the_wire() {
    assert_eq!(base64(b"\0habar\0s3cr3t-oxbow-lake"), "AGhhYmFyAHMzY3IzdC1veGJvdy1sYWtl");
    assert_eq!(base64(b"ab"), "YWI=");
    assert_eq!(base64(b"a"), "YQ==");
}
