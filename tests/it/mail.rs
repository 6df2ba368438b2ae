//! Handing over mails: to a mail server that does everything wrong, a Maildir and a program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use habar::io::mail::{
    Deadlines, Delivery, Envelope, Login, Mailer, Password, Phase, Secret, Step, Tls, Via,
};
use habar::io::tls::client_config;

use crate::smtp_server::{Act, At, Authority, Security, SmtpServer};

const MAIL: &[u8] = b"Message-ID: <1@habar.example>\r\nSubject: hello\r\n\r\nOne line.\r\n";
const HOST: &str = "localhost";
/// Long enough for a busy machine to answer, short enough to wait for.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(20);

/// A root certificate, the server that shows it, and a client that trusts it.
struct Setting {
    _folder: tempfile::TempDir,
    tls: Arc<rustls::ClientConfig>,
    server: SmtpServer,
    mode: Tls,
}

impl Setting {
    async fn new(mode: Tls) -> Self {
        let authority = Authority::new();
        let certificate = authority.issue(HOST);
        let security = match mode {
            Tls::StartTls => Security::StartTls(certificate),
            Tls::Implicit => Security::Implicit(certificate),
            Tls::None => Security::Plain,
        };
        Self::with(mode, &authority, security).await
    }

    async fn with(mode: Tls, authority: &Authority, security: Security) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root.pem");
        authority.write_root(&root);
        let tls = client_config(Some(&root)).expect("a root");
        Self { _folder: folder, tls, server: SmtpServer::start(security).await, mode }
    }

    fn mailer(&self, login: Option<Login>, deadlines: Deadlines) -> Mailer {
        let via = Via::Smtp { host: HOST.to_owned(), port: self.server.port, tls: self.mode };
        Mailer::new(&via, login, self.tls.clone(), deadlines)
    }

    async fn send(&self) -> Delivery {
        send(&self.mailer(None, deadlines(LONG)), MAIL).await
    }

    async fn send_as(&self, secret: Secret) -> Delivery {
        let login = Login { user: "me".to_owned(), secret };
        send(&self.mailer(Some(login), deadlines(LONG)), MAIL).await
    }
}

fn deadlines(all: Duration) -> Deadlines {
    Deadlines { connect: LONG, greeting: all, command: all, data: all, block: all, dot: all, quit: SHORT }
}

fn envelope(bytes: &[u8]) -> Envelope<'_> {
    Envelope { from: "habar@habar.example", to: "reader@example.org", message_id: "<1@habar.example>", bytes }
}

async fn send(mailer: &Mailer, bytes: &[u8]) -> Delivery {
    mailer.send(&envelope(bytes), &mut |_| {}).await
}

fn password(text: &str) -> Secret {
    Secret::Password(Password::Text(text.to_owned()))
}

/// What a delivery comes to, in one word.
fn word(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Sent { .. } => "sent",
        Delivery::Dead { .. } => "dead",
        Delivery::Retry { unknown: true, .. } => "unknown",
        Delivery::Retry { transport: true, .. } => "transport",
        Delivery::Retry { .. } => "retry",
    }
}

fn text(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Sent { reply } | Delivery::Dead { reply } => reply,
        Delivery::Retry { reason, .. } => reason,
    }
}

fn assert_told(delivery: &Delivery, expected: &str, hint: &str) {
    assert_eq!(word(delivery), expected, "{delivery:?}");
    assert!(text(delivery).contains(hint), "{delivery:?} does not tell {hint:?}");
}

const PHASES: [(At, &str); 8] = [
    (At::Greeting, "transport"),
    (At::Ehlo, "transport"),
    (At::StartTls, "transport"),
    (At::Auth, "transport"),
    (At::Mail, "retry"),
    (At::Rcpt, "retry"),
    (At::Data, "retry"),
    (At::Dot, "unknown"),
];

async fn setting_with_login() -> (Setting, Login) {
    let setting = Setting::new(Tls::StartTls).await;
    setting.server.require_login("AUTH PLAIN AG1lAGh1bnRlcjI=");
    (setting, Login { user: "me".to_owned(), secret: password("hunter2") })
}

#[tokio::test]
async fn a_mail_is_sent_and_the_reply_kept() {
    for mode in [Tls::StartTls, Tls::Implicit, Tls::None] {
        let setting = Setting::new(mode).await;
        assert_eq!(setting.send().await, Delivery::Sent { reply: "250 2.0.0 queued as 42".to_owned() });
        let taken = setting.server.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].from, "habar@habar.example");
        assert_eq!(taken[0].to, ["reader@example.org"]);
        assert_eq!(taken[0].message_id, "<1@habar.example>");
        assert_eq!(taken[0].bytes, MAIL);
        assert_eq!(taken[0].tls, mode != Tls::None);
    }
}

#[tokio::test]
async fn each_phase_is_told() {
    use Phase::{Auth, Body, Connect, Data, Ehlo, Greeting, Mail, Rcpt, StartTls};
    let (setting, login) = setting_with_login().await;
    let mut steps = Vec::new();
    let mailer = setting.mailer(Some(login), deadlines(LONG));
    mailer.send(&envelope(MAIL), &mut |step: Step| steps.push(step)).await;
    let phases: Vec<Phase> = steps.iter().map(|s| s.phase).collect();
    assert_eq!(phases, [Connect, Greeting, Ehlo, StartTls, Ehlo, Auth, Mail, Rcpt, Data, Body]);
    assert_eq!(steps[1].detail, "220 scripted ESMTP");
    assert!(steps.iter().all(|s| !s.detail.contains("hunter2") && !s.detail.contains("AG1lAGh1bnRlcjI=")));
}

#[tokio::test]
async fn a_refusal_is_final_only_when_it_is_about_the_mail() {
    let (setting, login) = setting_with_login().await;
    let mailer = setting.mailer(Some(login), deadlines(LONG));
    for (at, _) in PHASES {
        let about_mail = at >= At::Mail;
        setting.server.once(at, Act::say("451-4.3.0 try\r\n451 4.3.0 later"));
        let expected = if about_mail { "retry" } else { "transport" };
        assert_told(&send(&mailer, MAIL).await, expected, "451 4.3.0 try 4.3.0 later");

        setting.server.once(at, Act::say("554 5.3.0 never"));
        let expected = if about_mail { "dead" } else { "transport" };
        assert_told(&send(&mailer, MAIL).await, expected, "554 5.3.0 never");

        setting.server.once(at, Act::say("421 closing"));
        assert_told(&send(&mailer, MAIL).await, "transport", "421 closing");
    }
    assert!(setting.server.taken().is_empty());
    assert_eq!(word(&send(&mailer, MAIL).await), "sent");
}

#[tokio::test]
async fn a_stalled_phase_ends_at_its_deadline() {
    let (setting, login) = setting_with_login().await;
    for (at, expected) in PHASES {
        let mut deadlines = deadlines(LONG);
        *match at {
            At::Greeting => &mut deadlines.greeting,
            At::Data => &mut deadlines.data,
            At::Dot => &mut deadlines.dot,
            _ => &mut deadlines.command,
        } = SHORT;
        setting.server.once(at, Act::Stall);
        let delivery = send(&setting.mailer(Some(login.clone()), deadlines), MAIL).await;
        assert_told(&delivery, expected, "no answer within 400ms");
    }
    assert!(setting.server.taken().is_empty());
}

#[tokio::test]
async fn nobody_waits_for_the_goodbye() {
    let setting = Setting::new(Tls::None).await;
    let patient = Deadlines { quit: LONG, ..deadlines(LONG) };
    setting.server.once(At::Quit, Act::Stall);
    let mailer = setting.mailer(None, patient);
    let sent = tokio::time::timeout(LONG / 2, send(&mailer, MAIL)).await;
    assert_eq!(sent.as_ref().map(word), Ok("sent"));
    setting.server.wait_to_hear("QUIT").await;

    // lettre says QUIT after a refused EHLO; the refusal is what is told.
    setting.server.once(At::Ehlo, Act::say("550 5.5.0 not you"));
    setting.server.once(At::Quit, Act::Stall);
    let mailer = setting.mailer(None, Deadlines { command: SHORT, ..patient });
    assert_told(&send(&mailer, MAIL).await, "transport", "550 5.5.0 not you");
}

#[tokio::test]
async fn the_client_says_a_full_name_or_its_address() {
    let setting = Setting::new(Tls::None).await;
    setting.send().await;
    let hello = setting.server.heard().remove(0).line;
    let name = hello.strip_prefix("EHLO ").expect("EHLO first");
    assert!(name == "[127.0.0.1]" || name.contains('.'), "{name}");
}

#[tokio::test]
async fn a_server_that_stops_reading_is_given_up() {
    let setting = Setting::new(Tls::None).await;
    setting.server.once(At::Body, Act::Stall);
    let mailer = setting.mailer(None, Deadlines { block: SHORT, ..deadlines(LONG) });
    let giant = b"x\r\n".repeat(8 << 20);
    assert_told(&send(&mailer, &giant).await, "retry", "no answer within 400ms");
}

#[tokio::test]
async fn a_dropped_connection_is_tried_again() {
    let (setting, login) = setting_with_login().await;
    let mailer = setting.mailer(Some(login), deadlines(LONG));
    for (at, expected) in PHASES {
        setting.server.once(at, Act::Drop);
        assert_told(&send(&mailer, MAIL).await, expected, "localhost:");
    }
    setting.server.once(At::Body, Act::Drop);
    assert_ne!(word(&send(&mailer, MAIL).await), "sent");
    assert!(setting.server.taken().is_empty());
}

#[tokio::test]
async fn nonsense_is_no_reply() {
    let (setting, login) = setting_with_login().await;
    let mailer = setting.mailer(Some(login), deadlines(LONG));
    let endless = [b"250 ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let nonsense = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0, 159, 146, 150, 13, 10],
        endless,
        b"250-and so on\r\n".repeat(70_000),
        b"250-one\r\n354 two\r\n".to_vec(),
        b"999 no such code\r\n".to_vec(),
    ];
    for (at, expected) in PHASES {
        for bytes in &nonsense {
            setting.server.once(at, Act::Bytes(bytes.clone()));
            let delivery = send(&mailer, MAIL).await;
            assert_eq!(word(&delivery), expected, "{at:?}: {delivery:?}");
            assert!(text(&delivery).chars().count() <= 500);
        }
    }
    assert!(setting.server.taken().is_empty());
}

#[tokio::test]
async fn odd_but_honest_replies_are_understood() {
    let setting = Setting::new(Tls::StartTls).await;
    for (at, reply) in [
        (At::Greeting, "220-mx\r\n220-\r\n220 ready"),
        (At::Ehlo, "250-mx\r\n250-   \r\n250-starttls\r\n250 8bitmime"),
        (At::Ehlo, "250-\r\n250 STARTTLS"),
        (At::Mail, "250"),
        (At::Dot, "250-2.0.0 taken\r\n250 \u{fffd}\u{1b}[1m as 7"),
    ] {
        setting.server.once(at, Act::say(reply));
        assert_eq!(word(&setting.send().await), "sent", "{reply:?}");
    }
    setting.server.once(At::Rcpt, Act::say("571 5.1.1 nobody here"));
    assert_told(&setting.send().await, "dead", "571 5.1.1 nobody here");
}

#[tokio::test]
async fn a_mail_taken_without_a_reply_is_unknown() {
    let setting = Setting::new(Tls::StartTls).await;
    setting.server.once(At::Dot, Act::TakeAndDrop);
    assert_eq!(word(&setting.send().await), "unknown");
    setting.server.once(At::Dot, Act::TakeAndStall);
    let mailer = setting.mailer(None, Deadlines { dot: SHORT, ..deadlines(LONG) });
    assert_eq!(word(&send(&mailer, MAIL).await), "unknown");
    assert_eq!(setting.server.taken().iter().filter(|t| t.replied).count(), 0);
    assert_eq!(setting.server.taken().len(), 2);
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_mail_is_heard() {
    let setting = Setting::new(Tls::None).await;
    let giant = b"x\r\n".repeat(4 << 20);
    setting.server.once(At::Body, Act::Bytes(b"552 5.3.4 too large\r\n".to_vec()));
    let delivery = send(&setting.mailer(None, deadlines(LONG)), &giant).await;
    assert_told(&delivery, "dead", "552 5.3.4 too large");
    assert!(setting.server.taken().is_empty());
}

#[tokio::test]
async fn a_reply_that_came_early_is_not_the_answer_to_the_dot() {
    let setting = Setting::new(Tls::None).await;
    setting.server.once(At::Data, Act::say("354 go\r\n250 2.0.0 queued"));
    setting.server.once(At::Dot, Act::say("451 4.3.0 not taken"));
    assert_told(&setting.send().await, "retry", "spoke before it was asked");
    setting.server.behave();
    setting.server.once(At::Mail, Act::say("250 ok\r\n250 ok"));
    assert_told(&setting.send().await, "retry", "spoke before it was asked");
    assert!(setting.server.taken().is_empty());
}

#[tokio::test]
async fn replies_put_in_before_tls_are_refused() {
    let setting = Setting::new(Tls::StartTls).await;
    setting.server.once(At::StartTls, Act::say("220 go\r\n250-mx\r\n250 AUTH PLAIN"));
    assert_told(&setting.send().await, "transport", "in plain text after it agreed to TLS");
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let authority = Authority::new();
    let setting = Setting::with(Tls::StartTls, &authority, Security::Plain).await;
    setting.server.require_login("AUTH PLAIN AG1lAGh1bnRlcjI=");
    assert_told(&setting.send_as(password("hunter2")).await, "transport", "does not offer STARTTLS");
    setting.server.behave();
    let heard = setting.server.heard();
    assert!(heard.iter().all(|h| h.line.starts_with("EHLO") || h.line == "QUIT"), "{heard:?}");
}

#[tokio::test]
async fn certificates_are_checked() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for mode in [Tls::StartTls, Tls::Implicit] {
        for (certificate, hint) in [
            (ours.issue_expired(HOST), "expired"),
            (ours.issue("mail.example.org"), "not valid for"),
            (theirs.issue(HOST), "UnknownIssuer"),
        ] {
            let security = match mode {
                Tls::StartTls => Security::StartTls(certificate),
                _ => Security::Implicit(certificate),
            };
            let setting = Setting::with(mode, &ours, security).await;
            assert_told(&setting.send_as(password("hunter2")).await, "transport", hint);
            assert!(setting.server.heard().iter().all(|h| !h.line.starts_with("AUTH")));
        }
    }
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_is_given_up() {
    // The server waits for a plain client's EHLO, and the client for its handshake.
    let mut setting = Setting::new(Tls::None).await;
    setting.mode = Tls::Implicit;
    setting.server.always(At::Greeting, Act::Stall);
    let mailer = setting.mailer(None, Deadlines { connect: SHORT, ..deadlines(LONG) });
    assert_told(&send(&mailer, MAIL).await, "transport", "no answer within 400ms");
}

#[tokio::test]
async fn logins_are_made_under_tls_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let cases: [(&[&str], &str, Secret); 5] = [
        (&["AUTH PLAIN LOGIN"], "AUTH PLAIN AG1lAGh1bnRlcjI=", password("hunter2")),
        (
            &["AUTH PLAIN"],
            "AUTH PLAIN AG1lAGh1bnRlcjI=",
            Secret::Password(Password::File(file("p", "hunter2\n"))),
        ),
        (&["AUTH LOGIN"], "bWU= aHVudGVyMg==", password("hunter2")),
        (&["auth=login"], "bWU= aHVudGVyMg==", password("hunter2")),
        (
            &["AUTH XOAUTH2"],
            "AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2tlbgEB",
            Secret::Token(file("t", "token\n")),
        ),
    ];
    for (offers, proof, secret) in cases {
        let setting = Setting::new(Tls::StartTls).await;
        setting.server.offer(offers);
        setting.server.require_login(proof);
        assert_eq!(word(&setting.send_as(secret).await), "sent", "{offers:?}");
        let heard = setting.server.heard();
        assert!(heard.iter().filter(|h| h.line.starts_with("AUTH")).all(|h| h.tls), "{heard:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_no_fault_of_the_mail() {
    let setting = Setting::new(Tls::StartTls).await;
    setting.server.require_login("something else");
    assert_told(&setting.send_as(password("hunter2")).await, "transport", "535 5.7.8 wrong");
    setting.server.wait_to_hear("QUIT").await;

    let echo = "500 what is AUTH PLAIN AG1lAGh1bnRlcjI= and hunter2?";
    setting.server.once(At::Auth, Act::say(echo));
    let delivery = setting.send_as(password("hunter2")).await;
    assert_told(&delivery, "transport", "500 what is AUTH PLAIN … and …?");

    let missing = Secret::Token(PathBuf::from("/nonexistent/token"));
    assert_told(&setting.send_as(missing).await, "transport", "token_file /nonexistent/token");

    setting.server.offer(&["AUTH CRAM-MD5"]);
    assert_told(&setting.send_as(password("hunter2")).await, "transport", "CRAM-MD5");
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "bad").expect("a file");
    setting.server.offer(&["AUTH XOAUTH2"]);
    assert_told(&setting.send_as(Secret::Token(token)).await, "transport", "535 5.7.8 wrong");
}

#[tokio::test]
async fn a_changed_token_is_used_at_the_next_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    let setting = Setting::new(Tls::StartTls).await;
    setting.server.require_login("AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2tlbgEB");
    std::fs::write(&token, "old").expect("a file");
    assert_eq!(word(&setting.send_as(Secret::Token(token.clone())).await), "transport");
    std::fs::write(&token, "token").expect("a file");
    assert_eq!(word(&setting.send_as(Secret::Token(token)).await), "sent");
}

#[tokio::test]
async fn without_tls_only_this_machine_is_spoken_to() {
    let tls = client_config(None).expect("roots");
    // A name that was written for this machine and resolves elsewhere is refused before anything is sent.
    let via = Via::Smtp { host: "192.0.2.1".to_owned(), port: 25, tls: Tls::None };
    let mailer = Mailer::new(&via, None, tls, deadlines(LONG));
    assert_told(&send(&mailer, MAIL).await, "transport", "for this machine only");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let setting = Setting::new(Tls::StartTls).await;
    let port = setting.server.port;
    let mailer = setting.mailer(None, deadlines(LONG));
    drop(setting.server);
    tokio::task::yield_now().await;
    let delivery = send(&mailer, MAIL).await;
    assert_told(&delivery, "transport", &format!("localhost:{port}, connect:"));
    assert!(mailer.probe(&mut |_| {}).await.is_err());
}

#[tokio::test]
async fn a_mail_arrives_byte_for_byte() {
    let setting = Setting::new(Tls::StartTls).await;
    let mailer = setting.mailer(None, deadlines(LONG));
    let long = [b"Subject: long\r\n\r\n".to_vec(), vec![b'x'; 998], b"\r\n".to_vec()].concat();
    let mails: [&[u8]; 7] = [
        b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\na.\r\n\r\n.\r\n",
        b".first\r\n",
        b"Subject: end\r\n\r\nlast\r\n\r\n\r\n",
        "Subject: eight\r\n\r\nüñ\r\n".as_bytes(),
        &long,
        b"\r\n",
        b"QUIT\r\nRSET\r\n",
    ];
    for mail in mails {
        assert_eq!(word(&send(&mailer, mail).await), "sent");
    }
    let taken: Vec<_> = setting.server.wait_for(mails.len()).await.into_iter().map(|t| t.bytes).collect();
    assert_eq!(taken, mails.map(<[u8]>::to_vec));
}

#[tokio::test]
async fn a_bare_line_feed_cannot_end_a_mail() {
    let setting = Setting::new(Tls::None).await;
    let mailer = setting.mailer(None, deadlines(LONG));
    send(&mailer, b"Subject: a\n\n\n.\nMAIL FROM:<evil@example.org>\n").await;
    let taken = setting.server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].bytes, b"Subject: a\r\n\r\n\r\n.\r\nMAIL FROM:<evil@example.org>\r\n");
}

#[tokio::test]
async fn addresses_go_as_the_server_can_take_them() {
    let setting = Setting::new(Tls::StartTls).await;
    let mailer = setting.mailer(None, deadlines(LONG));
    let to = async |to: &str| mailer.send(&Envelope { to, ..envelope(MAIL) }, &mut |_| {}).await;
    assert_eq!(word(&to("читатель@почта.example").await), "sent");
    setting.server.offer(&["8BITMIME"]);
    assert_eq!(word(&to("reader@почта.example").await), "sent");
    assert_told(&to("читатель@example.org").await, "dead", "SMTPUTF8");
    assert_told(&to("nobody").await, "dead", "nobody is no mail address");
    assert_told(&to("a@b.c>\r\nRCPT TO:<d@e.f").await, "dead", "no mail address");
    let recipients: Vec<_> = setting.server.taken().into_iter().flat_map(|t| t.to).collect();
    assert_eq!(recipients, ["читатель@xn--80a1acny.example", "reader@xn--80a1acny.example"]);
}

/// Whatever a send that was cut off left in flight, no later send takes it for its own answer.
#[tokio::test]
async fn a_cancelled_send_never_makes_another_one_sent() {
    let setting = Setting::new(Tls::StartTls).await;
    let mailer = setting.mailer(None, deadlines(LONG));
    let mut cut_off = 0;
    for n in 0..200_u32 {
        let id = format!("<{n}@habar.example>");
        let bytes = format!("Message-ID: {id}\r\n\r\n{n}\r\n");
        if n % 2 == 0 {
            setting.server.once(At::Dot, Act::say("451 4.3.0 not now"));
        }
        let mail = Envelope { message_id: &id, ..envelope(bytes.as_bytes()) };
        // Spread over the whole conversation, without a pattern that the phases could share.
        let patience = Duration::from_micros(u64::from(n * 7919 % 20_000));
        let result = tokio::time::timeout(patience, mailer.send(&mail, &mut |_| {})).await;
        let taken = setting.server.taken().iter().any(|t| t.message_id == id);
        match result {
            Ok(Delivery::Sent { .. }) => assert!(taken, "{id} was never taken"),
            Ok(delivery) => assert_told(&delivery, "retry", "451"),
            Err(_) => cut_off += 1,
        }
        setting.server.behave();
    }
    assert!(cut_off > 0, "nothing was cut off");
}

fn maildir(dir: &Path) -> Mailer {
    let tls = client_config(None).expect("roots");
    Mailer::new(&Via::Maildir { dir: dir.to_owned() }, None, tls, Deadlines::default())
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path()).collect()
}

#[tokio::test]
async fn a_maildir_holds_one_file_a_mail() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("deep/mail");
    let mailer = maildir(&dir);
    let delivery = send(&mailer, MAIL).await;
    let new = files(&dir.join("new"));
    assert_eq!(delivery, Delivery::Sent { reply: format!("written to {}", new[0].display()) });
    assert_eq!(
        std::fs::read(&new[0]).expect("a mail"),
        b"Message-ID: <1@habar.example>\nSubject: hello\n\nOne line.\n"
    );
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&dir.join("cur")), mode(&new[0])), (0o700, 0o600));

    assert_eq!(word(&send(&mailer, MAIL).await), "sent");
    assert_eq!(files(&dir.join("new")).len(), 1, "the same mail again");

    // A mail client has read it, and flagged it.
    let name = new[0].file_name().expect("a name").to_string_lossy().into_owned();
    std::fs::rename(&new[0], dir.join("cur").join(format!("{name}:2,FS"))).expect("moved");
    assert_told(&send(&mailer, MAIL).await, "sent", ":2,FS");
    assert!(files(&dir.join("new")).is_empty());

    let other = Envelope { message_id: "<2@habar.example>", ..envelope(MAIL) };
    assert_eq!(word(&mailer.send(&other, &mut |_| {}).await), "sent");
    assert_eq!(files(&dir.join("new")).len(), 1);
}

#[tokio::test]
async fn a_maildir_that_its_group_may_write_to_is_shared_with_the_group() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    for (folders, mails) in [(0o770, 0o660), (0o775, 0o660), (0o755, 0o600), (0o700, 0o600)] {
        let folder = tempfile::tempdir().expect("a folder");
        for sub in ["new", "cur", "tmp"] {
            let sub = folder.path().join(sub);
            std::fs::create_dir(&sub).expect("made");
            std::fs::set_permissions(&sub, std::fs::Permissions::from_mode(folders)).expect("set");
        }
        assert_eq!(word(&send(&maildir(folder.path()), MAIL).await), "sent");
        let mail = files(&folder.path().join("new")).remove(0);
        assert_eq!(mode(&mail), mails, "in folders of mode {folders:o}");
    }
}

#[tokio::test]
async fn what_root_writes_into_the_maildir_of_somebody_else_is_theirs() {
    use std::os::unix::fs::{MetadataExt, chown, symlink};
    const SOMEBODY: u32 = 61_234;
    let folder = tempfile::tempdir().expect("a folder");
    if chown(folder.path(), Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        eprintln!("SKIPPED: only root gives files away");
        return;
    }
    let dir = folder.path().join("deep/mail");
    assert_eq!(word(&send(&maildir(&dir), MAIL).await), "sent");
    let mail = files(&dir.join("new")).remove(0);
    for path in [&dir, &dir.join("new"), &dir.join("cur"), &dir.join("tmp"), &mail] {
        let owner = std::fs::metadata(path).expect("there");
        assert_eq!((owner.uid(), owner.gid()), (SOMEBODY, SOMEBODY), "{}", path.display());
    }
    // They may lay a link where root will write, and gain nothing by it.
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "mine").expect("written");
    std::fs::remove_file(&mail).expect("removed");
    symlink(&precious, dir.join("tmp").join(mail.file_name().expect("a name"))).expect("laid");
    assert_eq!(word(&send(&maildir(&dir), MAIL).await), "sent");
    assert_eq!(std::fs::read(&precious).expect("there"), b"mine");
    assert_eq!(std::fs::metadata(&precious).expect("there").uid(), 0);
}

#[tokio::test]
async fn what_a_crash_left_in_a_maildir_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = maildir(folder.path());
    send(&mailer, MAIL).await;
    let finished = files(&folder.path().join("new")).remove(0);
    let unfinished = folder.path().join("tmp").join(finished.file_name().expect("a name"));
    // The power went while the file was written: longer than the mail, so that a remainder would show.
    std::fs::remove_file(&finished).expect("removed");
    std::fs::write(&unfinished, [b'?'; 1000]).expect("written");
    assert_eq!(word(&send(&mailer, MAIL).await), "sent");
    assert!(std::fs::read(&finished).expect("a mail").ends_with(b"One line.\n"));
    assert!(files(&folder.path().join("tmp")).is_empty());
}

#[tokio::test]
async fn a_mail_that_is_written_twice_at_once_is_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = maildir(folder.path());
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let mailer = mailer.clone();
        sends.spawn(async move { send(&mailer, MAIL).await });
    }
    for delivery in sends.join_all().await {
        assert_eq!(word(&delivery), "sent", "{delivery:?}");
    }
    assert_eq!(files(&folder.path().join("new")).len(), 1);
}

#[tokio::test]
async fn a_maildir_that_cannot_be_written_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").expect("written");
    let mailer = maildir(&file.join("mail"));
    assert_told(&send(&mailer, MAIL).await, "transport", "maildir /");
    assert!(mailer.probe(&mut |_| {}).await.is_err());

    // A Maildir that is there is no proof that it can be written to.
    let mailer = maildir(folder.path());
    assert_eq!(mailer.probe(&mut |_| {}).await, Ok(()));
    assert!(files(&folder.path().join("tmp")).is_empty(), "the trial leaves nothing behind");
    std::fs::remove_dir(folder.path().join("tmp")).expect("removed");
    std::fs::write(folder.path().join("tmp"), "in the way").expect("written");
    assert!(mailer.probe(&mut |_| {}).await.is_err());
}

/// A program with this script in place of sendmail.
fn sendmail(folder: &Path, script: &str, deadline: Duration) -> Mailer {
    let path = folder.join("sendmail");
    // Written by another process: a file that this one has open for writing cannot be run, and a test that
    // forks meanwhile takes the open file along.
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let written = std::process::Command::new("sh").arg("-c").arg(write).arg(&path).arg(script).status();
    assert!(written.expect("a shell").success());
    let deadlines = Deadlines { dot: deadline, ..Deadlines::default() };
    Mailer::new(&Via::Sendmail { path }, None, client_config(None).expect("roots"), deadlines)
}

#[tokio::test]
async fn sendmail_is_given_the_mail_and_the_envelope() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let mailer = sendmail(folder.path(), &format!("echo \"$@\" > {out}/args; cat > {out}/mail"), LONG);
    assert_told(&send(&mailer, MAIL).await, "sent", "taken by");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    assert_eq!(read("args"), "-i -f habar@habar.example -- reader@example.org\n");
    assert_eq!(read("mail"), "Message-ID: <1@habar.example>\nSubject: hello\n\nOne line.\n");
}

#[tokio::test]
async fn an_exit_status_says_whose_fault_it_is() {
    let cases = [
        ("cat >/dev/null; echo 'no such user' >&2; exit 67", "dead", "(no such user): no such user"),
        ("cat >/dev/null; exit 65", "dead", "bad mail"),
        ("cat >/dev/null; exit 75", "retry", "temporary failure"),
        ("cat >/dev/null; exit 69", "retry", "unavailable"),
        ("cat >/dev/null; exit 78", "transport", "configuration error"),
        ("exit 64", "transport", "usage"),
        ("cat >/dev/null; kill -9 $$", "unknown", "signal 9"),
        ("cat >/dev/null; yes complaint | head -c 1000000 >&2; exit 75", "retry", "complaint"),
    ];
    for (script, expected, hint) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let delivery = send(&sendmail(folder.path(), script, LONG), MAIL).await;
        assert_told(&delivery, expected, hint);
        assert!(text(&delivery).chars().count() <= 500);
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = sendmail(folder.path(), "cat >/dev/null; exec sleep 1000", SHORT);
    assert_told(&send(&mailer, MAIL).await, "unknown", "killed");
    let giant = b"x\r\n".repeat(1 << 20);
    let mailer = sendmail(folder.path(), "exec sleep 1000", SHORT);
    assert_told(&send(&mailer, &giant).await, "retry", "killed");
    let mailer = sendmail(folder.path(), "exit 0", LONG);
    assert_told(&send(&mailer, &giant).await, "unknown", "without reading it");
}

#[tokio::test]
async fn a_program_must_be_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = sendmail(folder.path(), "exit 0", LONG);
    let path = folder.path().join("sendmail");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("no program");
    assert_told(&send(&mailer, MAIL).await, "transport", "not executable");
    std::fs::remove_file(&path).expect("removed");
    assert_told(&send(&mailer, MAIL).await, "transport", "No such file");
    assert!(mailer.probe(&mut |_| {}).await.is_err());
}
