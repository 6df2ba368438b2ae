//! Ways to hand over a mail: an SMTP server, a `sendmail` program, a Maildir, or a test's memory.
//!
//! Whatever the other side does is data: a [`Delivery`] says whether the mail is sent, to be tried again or
//! refused for good. Only a server that took the final dot with a 2xx has been sent anything.

mod login;
mod maildir;
mod memory;
mod sendmail;
mod smtp;
mod via;

use std::fmt;
use std::sync::Arc;

pub use login::{Login, Password, Secret};
pub use maildir::Maildir;
pub use memory::{Kept, Memory};
pub use sendmail::Sendmail;
pub use smtp::{Deadlines, Smtp};
pub use via::{BadVia, Tls, Via};

/// A configured way to hand over mails.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// A program that takes mails on its standard input.
    Sendmail(Sendmail),
    /// A folder that mail clients read.
    Maildir(Maildir),
    /// A list in memory, for tests.
    Memory(Memory),
}

impl Mailer {
    /// The way `via` names. `login` and `tls` serve SMTP only.
    pub fn new(
        via: &Via,
        login: Option<Login>,
        tls: Arc<rustls::ClientConfig>,
        deadlines: Deadlines,
    ) -> Self {
        match via {
            Via::Smtp { host, port, tls: mode } => {
                Self::Smtp(Smtp::new(host.clone(), *port, *mode, login, tls, deadlines))
            }
            Via::Sendmail { path } => Self::Sendmail(Sendmail::new(path.clone(), deadlines.dot)),
            Via::Maildir { dir } => Self::Maildir(Maildir::new(dir.clone())),
        }
    }

    /// Hands over one mail; `steps` is told each phase as it is passed.
    ///
    /// Dropping the future gives the mail up: it leaves nothing behind that a later call could take for its
    /// own, but whether the mail was taken is then not known.
    pub async fn send(&self, mail: &Envelope<'_>, steps: &mut (dyn FnMut(Step) + Send)) -> Delivery {
        match self {
            Self::Smtp(smtp) => smtp.send(mail, steps).await,
            Self::Sendmail(sendmail) => sendmail.send(mail, steps).await,
            Self::Maildir(maildir) => maildir.send(mail, steps).await,
            Self::Memory(memory) => memory.send(mail),
        }
    }

    /// Goes as far as one can without a mail: connects and logs in, finds the program, opens the folder.
    /// The error is for administrators.
    pub async fn probe(&self, steps: &mut (dyn FnMut(Step) + Send)) -> Result<(), String> {
        match self {
            Self::Smtp(smtp) => smtp.probe(steps).await,
            Self::Sendmail(sendmail) => sendmail.probe().await,
            Self::Maildir(maildir) => maildir.probe().await,
            Self::Memory(_) => Ok(()),
        }
    }
}

/// A composed mail and who it goes from and to.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The sender's bare address.
    pub from: &'a str,
    /// The recipient's bare address.
    pub to: &'a str,
    /// The mail's Message-ID, with its angle brackets.
    pub message_id: &'a str,
    /// The mail itself.
    pub bytes: &'a [u8],
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken.
    Sent {
        /// What the other side said to it, in one line.
        reply: String,
    },
    /// It was not taken, or nobody knows; try again later.
    Retry {
        /// What happened, for administrators.
        reason: String,
        /// The mail was handed over whole, and no answer came: it may have been taken.
        unknown: bool,
        /// The trouble is with the server or the login and would meet every mail.
        transport: bool,
    },
    /// It is refused for good.
    Dead {
        /// Why, in one line.
        reply: String,
    },
}

/// A phase that was passed, as `habar test-mail` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub phase: Phase,
    /// What the other side said, or what was done.
    pub detail: String,
}

/// The phases of handing over a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Resolving the host and connecting.
    Connect,
    /// TLS before the first word.
    Tls,
    /// The server's first words.
    Greeting,
    /// Who we are, what the server can.
    Ehlo,
    /// TLS in the middle of the connection.
    StartTls,
    /// The login.
    Auth,
    /// The sender.
    Mail,
    /// The recipient.
    Rcpt,
    /// The permission to send the mail.
    Data,
    /// The mail itself, up to the answer to its final dot.
    Body,
    /// Writing a file into a Maildir.
    Write,
    /// Running a program.
    Run,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "final dot",
            Self::Write => "write",
            Self::Run => "run",
        })
    }
}

/// One line of at most 500 characters without control characters: what a ledger or a log may keep of a text
/// that somebody else wrote.
fn one_line(text: &str) -> String {
    const KEPT: usize = 500;
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(KEPT - 1) {
        Some((cut, _)) if line[cut..].chars().nth(1).is_some() => format!("{}…", &line[..cut]),
        _ => line,
    }
}

/// `mail` with `\n` as its only line ending, as files and programs on Unix expect it.
fn unix_lines(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len());
    for (i, &byte) in mail.iter().enumerate() {
        if byte != b'\r' || mail.get(i + 1) != Some(&b'\n') {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_line_is_one_clean_line() {
        let cases = [
            ("250 ok", "250 ok"),
            ("  a\r\n b\t\tc ", "a b c"),
            ("red \u{1b}[31m text\u{0}", "red [31m text"),
            ("", ""),
        ];
        for (text, line) in cases {
            assert_eq!(one_line(text), line);
        }
        assert_eq!(one_line(&"ü".repeat(500)), "ü".repeat(500));
        assert_eq!(one_line(&"ü".repeat(501)), format!("{}…", "ü".repeat(499)));
    }

    #[test]
    fn unix_lines_keep_what_is_no_line_ending() {
        let cases: [(&[u8], &[u8]); 4] =
            [(b"a\r\nb\r\n", b"a\nb\n"), (b"a\nb", b"a\nb"), (b"a\rb\r", b"a\rb\r"), (b"\r\r\n", b"\r\n")];
        for (mail, lines) in cases {
            assert_eq!(unix_lines(mail), lines);
        }
    }
}
