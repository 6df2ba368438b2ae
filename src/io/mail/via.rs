//! Where mail goes: the value of `via` in the config.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A way to hand over mails, as the config names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// `smtp://HOST[:PORT]`, `smtps://HOST[:PORT]` or `smtp://LOOPBACK[:PORT]?tls=none`.
    Smtp {
        /// A name or an address, without brackets.
        host: String,
        /// 587 for `smtp://` and 465 for `smtps://`, unless it is given.
        port: u16,
        /// How the connection is protected.
        tls: Tls,
    },
    /// `sendmail:` or `sendmail:/PATH`.
    Sendmail {
        /// The program; `/usr/sbin/sendmail` unless it is given.
        path: PathBuf,
    },
    /// `maildir:DIR`.
    Maildir {
        /// The folder; the caller decides what a relative one is relative to.
        dir: PathBuf,
    },
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain at first, TLS before anything that matters; a server that does not offer it gets no mail.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None, for servers on this machine only.
    None,
}

/// Why a text names no way to hand over mails, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadVia(String);

const SENDMAIL: &str = "/usr/sbin/sendmail";
const WAYS: &str = "write smtp://HOST, smtps://HOST, sendmail: or maildir:DIR";

impl FromStr for Via {
    type Err = BadVia;

    fn from_str(text: &str) -> Result<Self, BadVia> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(BadVia(match text {
                "" => format!("via is empty: {WAYS}"),
                "sendmail" => "write sendmail: with a colon".to_owned(),
                _ => format!("\"{text}\" names no way to send mail: {WAYS}"),
            }));
        };
        if text.contains(|c: char| c.is_control()) {
            return Err(BadVia("via contains a control character".to_owned()));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "smtp" => server(text, rest, Tls::StartTls),
            "smtps" => server(text, rest, Tls::Implicit),
            "sendmail" => program(rest),
            "maildir" => folder(rest),
            "starttls" | "smtp+starttls" => {
                Err(BadVia("write smtp://HOST: it always means STARTTLS".to_owned()))
            }
            "ssl" | "tls" | "smtp+tls" => {
                Err(BadVia("write smtps://HOST for TLS from the first byte".to_owned()))
            }
            _ => Err(BadVia(format!("\"{scheme}:\" is no way to send mail: {WAYS}"))),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp { host, port, tls } => {
                let scheme = if *tls == Tls::Implicit { "smtps" } else { "smtp" };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{open}{host}{close}")?;
                if *port != default_port(*tls) {
                    write!(f, ":{port}")?;
                }
                f.write_str(if *tls == Tls::None { "?tls=none" } else { "" })
            }
            Self::Sendmail { path } if path.as_os_str() == SENDMAIL => f.write_str("sendmail:"),
            Self::Sendmail { path } => write!(f, "sendmail:{}", path.display()),
            Self::Maildir { dir } => write!(f, "maildir:{}", dir.display()),
        }
    }
}

fn default_port(tls: Tls) -> u16 {
    if tls == Tls::Implicit { 465 } else { 587 }
}

fn server(text: &str, rest: &str, tls: Tls) -> Result<Via, BadVia> {
    let scheme = if tls == Tls::Implicit { "smtps" } else { "smtp" };
    if !rest.starts_with("//") {
        return Err(BadVia(format!("write {scheme}://{rest}, with two slashes")));
    }
    // The message does not repeat the text: there may be a password in it.
    if rest.contains('@') {
        return Err(BadVia("the login does not belong here: write it as user and password_file".to_owned()));
    }
    let url = url::Url::parse(text)
        .map_err(|e| BadVia(format!("\"{text}\": {e}; write {scheme}://HOST or {scheme}://HOST:PORT")))?;
    let host = host(&url).ok_or_else(|| BadVia(format!("the host is missing: write {scheme}://HOST")))?;
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(BadVia(format!(
            "a mail server has no path: write {scheme}://HOST or {scheme}://HOST:PORT"
        )));
    }
    let tls = match url.query() {
        None => tls,
        Some("tls=none") if tls == Tls::Implicit => {
            return Err(BadVia(
                "smtps:// is TLS: write smtp://…?tls=none for a server on this machine".to_owned(),
            ));
        }
        Some("tls=none") if is_loopback(&host) => Tls::None,
        Some("tls=none") => {
            return Err(BadVia(format!(
                "?tls=none is for this machine only (localhost, 127.0.0.1, [::1]), and {host} is elsewhere: leave it out"
            )));
        }
        Some(query) => return Err(BadVia(format!("\"?{query}\" means nothing: only ?tls=none may follow"))),
    };
    let port = match url.port() {
        Some(0) => return Err(BadVia("port 0 cannot be connected to".to_owned())),
        Some(port) => port,
        None => default_port(tls),
    };
    Ok(Via::Smtp { host, port, tls })
}

/// The host in lower case, without brackets. The URL standard leaves hosts of unknown schemes as they are
/// written, so this one goes through it once more as a web address, and comes out in ASCII.
fn host(url: &url::Url) -> Option<String> {
    match url::Host::parse(url.host_str().filter(|h| !h.is_empty())?).ok()? {
        url::Host::Domain(name) => Some(name.trim_end_matches('.').to_owned()).filter(|n| !n.is_empty()),
        url::Host::Ipv4(ip) => Some(ip.to_string()),
        url::Host::Ipv6(ip) => Some(ip.to_string()),
    }
}

/// Whether `host` can only be this machine. What `localhost` resolves to is looked at again when connecting.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn program(path: &str) -> Result<Via, BadVia> {
    match path {
        "" => Ok(Via::Sendmail { path: SENDMAIL.into() }),
        _ if path.starts_with("//") => Err(BadVia(format!("write sendmail:{}", &path[1..]))),
        _ if path.starts_with('/') => Ok(Via::Sendmail { path: path.into() }),
        _ => Err(BadVia(format!("write the program's whole path, such as sendmail:{SENDMAIL}"))),
    }
}

fn folder(dir: &str) -> Result<Via, BadVia> {
    match dir {
        "" => Err(BadVia("the folder is missing: write maildir:DIR".to_owned())),
        _ if dir.starts_with("//") => Err(BadVia(format!("write maildir:{}", &dir[1..]))),
        _ => Ok(Via::Maildir { dir: dir.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(host: &str, port: u16, tls: Tls) -> Via {
        Via::Smtp { host: host.to_owned(), port, tls }
    }

    #[test]
    fn every_way_is_read_and_written_back() {
        let cases = [
            ("smtp://mail.example.org", smtp("mail.example.org", 587, Tls::StartTls), ""),
            (
                "SMTP://Mail.Example.ORG./",
                smtp("mail.example.org", 587, Tls::StartTls),
                "smtp://mail.example.org",
            ),
            (
                "smtp://mail.example.org:587",
                smtp("mail.example.org", 587, Tls::StartTls),
                "smtp://mail.example.org",
            ),
            ("smtp://mail.example.org:25", smtp("mail.example.org", 25, Tls::StartTls), ""),
            ("smtps://mail.example.org", smtp("mail.example.org", 465, Tls::Implicit), ""),
            ("smtps://[2001:db8::1]:10465", smtp("2001:db8::1", 10465, Tls::Implicit), ""),
            ("smtp://localhost:25?tls=none", smtp("localhost", 25, Tls::None), ""),
            ("smtp://127.0.0.1?tls=none", smtp("127.0.0.1", 587, Tls::None), ""),
            ("smtp://[::1]:2525?tls=none", smtp("::1", 2525, Tls::None), ""),
            (
                "smtp://почта.example",
                smtp("xn--80a1acny.example", 587, Tls::StartTls),
                "smtp://xn--80a1acny.example",
            ),
            ("sendmail:", Via::Sendmail { path: SENDMAIL.into() }, ""),
            ("sendmail:/opt/msmtp", Via::Sendmail { path: "/opt/msmtp".into() }, ""),
            ("maildir:mail", Via::Maildir { dir: "mail".into() }, ""),
            ("maildir:/var/mail/a b", Via::Maildir { dir: "/var/mail/a b".into() }, ""),
        ];
        for (text, via, shown) in cases {
            assert_eq!(text.parse().as_ref(), Ok(&via), "{text}");
            assert_eq!(via.to_string(), if shown.is_empty() { text } else { shown });
            assert_eq!(via.to_string().parse(), Ok(via), "{text} again");
        }
    }

    #[test]
    fn a_mistake_is_answered_with_what_to_write() {
        let cases = [
            ("", "write smtp://HOST"),
            ("mail.example.org", "write smtp://HOST"),
            ("sendmail", "sendmail: with a colon"),
            ("smtp:mail.example.org", "smtp://mail.example.org, with two slashes"),
            ("smtp://", "host"),
            ("smtp://mail.example.org/inbox", "no path"),
            ("smtp://mail.example.org:0", "port 0"),
            ("smtp://mail.example.org:99999", "smtp://HOST:PORT"),
            ("smtp://me:hunter2@mail.example.org", "user and password_file"),
            ("smtp://mail.example.org?tls=none", "this machine only"),
            ("smtp://10.0.0.1?tls=none", "this machine only"),
            ("smtp://localhost.example.org?tls=none", "this machine only"),
            ("smtp://localhost?tls=off", "only ?tls=none"),
            ("smtps://localhost?tls=none", "smtps:// is TLS"),
            ("starttls://mail.example.org", "smtp://HOST"),
            ("ssl://mail.example.org", "smtps://HOST"),
            ("http://mail.example.org", "write smtp://HOST"),
            ("sendmail:msmtp", "whole path"),
            ("sendmail:///usr/bin/msmtp", "sendmail:"),
            ("maildir:", "maildir:DIR"),
            ("maildir:///var/mail", "maildir:"),
            ("maildir:a\nb", "control character"),
        ];
        for (text, hint) in cases {
            let error = text.parse::<Via>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
