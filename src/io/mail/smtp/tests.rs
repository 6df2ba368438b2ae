//! What each reply and each broken connection means for the mail.

use super::*;
use crate::io::mail::Delivery::{Dead, Retry, Sent};

fn smtp() -> Smtp {
    let tls = crate::io::tls::client_config(None).expect("the machine's roots");
    Smtp::new("mx.example".to_owned(), 587, Tls::StartTls, None, tls, Deadlines::default())
}

fn reply(text: &str) -> Reply {
    Reply::split_off(&mut format!("{text}\r\n").into_bytes()).expect("a reply").expect("a whole one")
}

/// `dead`, `unknown`, `transport`, `retry`, or both of the middle ones.
fn word(delivery: &Delivery) -> &'static str {
    match delivery {
        Sent { .. } => "sent",
        Dead { .. } => "dead",
        Retry { unknown: true, transport: true, .. } => "unknown transport",
        Retry { unknown: true, .. } => "unknown",
        Retry { transport: true, .. } => "transport",
        Retry { .. } => "retry",
    }
}

#[test]
fn a_reply_is_about_the_mail_or_about_the_server() {
    use Phase::{Auth, Body, Data, Ehlo, Greeting, Mail, Rcpt, StartTls};
    let cases = [
        (Greeting, "421 busy", "transport"),
        (Greeting, "554 go away", "transport"),
        (Ehlo, "550 no", "transport"),
        (StartTls, "454 not now", "transport"),
        (StartTls, "501 no", "transport"),
        (Auth, "535 5.7.8 wrong password", "transport"),
        (Auth, "454 4.7.0 later", "transport"),
        (Mail, "451 later", "retry"),
        (Mail, "421 closing", "transport"),
        (Mail, "550 5.1.8 bad sender", "dead"),
        (Mail, "530 5.7.0 login first", "transport"),
        (Mail, "535 no", "transport"),
        (Mail, "550 5.7.1 not your address", "transport"),
        (Rcpt, "450 greylisted", "retry"),
        (Rcpt, "550 5.1.1 no such user", "dead"),
        (Rcpt, "550 5.7.1 not for you", "dead"),
        (Rcpt, "530 login first", "transport"),
        (Rcpt, "571 odd but final", "dead"),
        (Data, "451 later", "retry"),
        (Data, "554 no", "dead"),
        (Data, "503 login first", "transport"),
        (Data, "250 what", "retry"),
        (Body, "452 full", "retry"),
        (Body, "552 too large", "dead"),
        (Body, "421 closing", "transport"),
        (Body, "354 what", "unknown"),
    ];
    for (phase, text, expected) in cases {
        let failure = Failure { unknown: phase == Body, ..Failure::of_reply(phase, reply(text)) };
        assert_eq!(word(&smtp().verdict(failure)), expected, "{phase}: {text}");
    }
}

#[test]
fn a_fault_is_never_final() {
    for (phase, dot, expected) in [
        (Phase::Connect, false, "transport"),
        (Phase::Auth, false, "transport"),
        (Phase::Rcpt, false, "retry"),
        (Phase::Body, false, "retry"),
        (Phase::Body, true, "unknown"),
    ] {
        let failure = Failure { unknown: dot, ..Failure::of_fault(phase, "gone") };
        assert_eq!(word(&smtp().verdict(failure)), expected, "{phase}");
    }
}

#[test]
fn a_reason_names_server_and_phase() {
    let failure = Failure::of_fault(Phase::Rcpt, late(Deadlines::default().command));
    let Retry { reason, .. } = smtp().verdict(failure) else { panic!("no retry") };
    assert_eq!(reason, "mx.example:587, RCPT TO: no answer within 5m");
}

#[test]
fn addresses_are_checked_before_anything_is_said() {
    let cases = [
        ("me@example.org", Ok("me@example.org")),
        ("me@почта.example", Ok("me@xn--80a1acny.example")),
        ("почта@example.org", Ok("почта@example.org")),
        ("me@[127.0.0.1]", Ok("me@[127.0.0.1]")),
        ("me", Err(())),
        ("", Err(())),
        ("@example.org", Err(())),
        ("me@", Err(())),
        ("me@example.org>\r\nRCPT TO:<you@example.org", Err(())),
        ("a b@example.org", Err(())),
        ("me@exa mple.org", Err(())),
    ];
    for (text, expected) in cases {
        assert_eq!(address(text).as_ref().map(AsRef::as_ref).map_err(drop), expected, "{text}");
    }
}

#[test]
fn only_a_full_name_is_told() {
    for name in ["mx.example.org", "a-b.c.de", "x.com.tr"] {
        assert!(is_full_name(name), "{name}");
    }
    for name in [
        "laptop",
        "localhost",
        "localhost.localdomain",
        "my.local",
        "a b.org",
        "a..b",
        "-a.org",
        "10.0.0.1",
        "",
        ".",
    ] {
        assert!(!is_full_name(name), "{name}");
    }
}

#[test]
fn lines_end_as_smtp_wants_them() {
    let cases: [(&[u8], &[u8]); 8] = [
        (b"a\r\nb\r\n", b"a\r\nb"),
        (b"a\nb\n", b"a\r\nb"),
        (b"a\n.\r\nQUIT", b"a\r\n.\r\nQUIT"),
        (b"a\rb", b"a\r\nb"),
        (b"a\r\r\nb", b"a\r\n\r\nb"),
        (b"a\r\n\r\n", b"a\r\n"),
        (b"\r\n", b""),
        (b"", b""),
    ];
    for (mail, lines) in cases {
        assert_eq!(smtp_lines(mail), lines, "{mail:?}");
    }
}
