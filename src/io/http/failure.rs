//! What can go wrong with a request, and how the client's own errors are read.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::time::Duration;

use rustls::{CertificateError, PeerIncompatible};
use url::Url;

use super::guard::Refusal;
use super::proxy::Proxy;
use super::resolve::Unresolved;
use super::{host_key, masked};
use crate::time::show_duration;

/// Why there is no answer. The text is for administrators and holds no secret of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The guard: nothing was sent to this address.
    Refused(Refusal),
    /// The host's name could not be resolved.
    Dns(String),
    /// No connection, or it broke before the answer.
    Connect(String),
    /// No secure connection.
    Tls(String),
    /// The proxy; the server was not reached.
    Proxy(String),
    /// A secret of ours cannot be read; nothing was sent.
    Secret(String),
    /// Too slow.
    Timeout {
        /// What was waited for.
        phase: Phase,
        /// The time it had.
        limit: Duration,
    },
    /// More bytes than are taken, on the wire or decoded.
    TooLarge {
        /// The bytes that are taken.
        limit: u64,
    },
    /// The body was cut off or cannot be decoded; nothing of it may be used.
    BadBody(String),
    /// More redirects than are followed.
    TooManyRedirects,
    /// A redirect that leads nowhere.
    BadRedirect(String),
    /// The server's answer is no HTTP.
    Protocol(String),
}

/// What a request was waiting for when its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The name server.
    Dns,
    /// The connection, TLS included.
    Connect,
    /// The status and headers.
    Answer,
    /// More of the body.
    Body,
    /// The end of it all: redirects, answer and body together.
    Total,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Dns(reason) => write!(f, "name not resolved: {reason}"),
            Self::Connect(reason) => write!(f, "no connection: {reason}"),
            Self::Tls(reason) => write!(f, "no secure connection: {reason}"),
            Self::Proxy(reason) => write!(f, "no way through the proxy {reason}"),
            Self::Secret(reason) => write!(f, "not asked: {reason}"),
            Self::Timeout { phase, limit } => write!(f, "{phase} within {}", Span(*limit)),
            Self::TooLarge { limit } if limit % (1 << 20) == 0 => {
                write!(f, "the answer is larger than {} MiB", limit >> 20)
            }
            Self::TooLarge { limit } => write!(f, "the answer is larger than {} KiB", limit >> 10),
            Self::BadBody(reason) => write!(f, "unusable body: {reason}"),
            Self::TooManyRedirects => write!(f, "more than {} redirects", super::client::MAX_HOPS),
            Self::BadRedirect(reason) => write!(f, "bad redirect: {reason}"),
            Self::Protocol(reason) => write!(f, "not understood: {reason}"),
        }
    }
}

impl Error for Failure {}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name server did not answer",
            Self::Connect => "no connection",
            Self::Answer => "the server did not answer",
            Self::Body => "nothing more of the body came",
            Self::Total => "the answer did not end",
        })
    }
}

/// A time limit; below a second in milliseconds.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_secs() == 0 {
            write!(f, "{}ms", self.0.as_millis())
        } else {
            f.write_str(&show_duration(self.0))
        }
    }
}

/// Reads an error of the client that asked `url`; `limits` are those for the name and the connection.
pub(super) fn classify(error: &reqwest::Error, url: &Url, dns: Duration, connect: Duration) -> Failure {
    if let Some(unresolved) = find::<Unresolved>(error) {
        return match unresolved {
            Unresolved::Failed(reason) => Failure::Dns(format!("{}: {reason}", host_key(url))),
            Unresolved::Timeout => Failure::Timeout { phase: Phase::Dns, limit: dns },
            Unresolved::Denied(address, denied) => Failure::Refused(denied.refusal(url, *address)),
        };
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return Failure::Tls(tls_reason(tls, url));
    }
    if error.is_timeout() {
        return Failure::Timeout { phase: Phase::Connect, limit: connect };
    }
    if let Some(hyper) = find::<hyper::Error>(error)
        && let Some(reason) = hyper_reason(hyper)
    {
        return Failure::Protocol(reason + &tls_hint(url));
    }
    if let Some(io) = chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).last() {
        return io_failure(io, error.is_connect(), url);
    }
    Failure::Protocol(innermost(error))
}

/// Where a plain request met a port of TLS, most likely.
fn tls_hint(url: &Url) -> String {
    match url.port() {
        Some(port @ (443 | 8443)) if url.scheme() == "http" => {
            format!("; port {port} speaks TLS: write https:")
        }
        _ => String::new(),
    }
}

/// Reads an error of the client that asked `url` through `proxy`. The library's own errors have no public types:
/// they are known by their words.
pub(super) fn classify_through(
    proxy: &Proxy,
    error: &reqwest::Error,
    url: &Url,
    dns: Duration,
    connect: Duration,
) -> Failure {
    let server = format!("{}:{}", host_key(url), url.port_or_known_default().unwrap_or(0));
    let told = |reason: String| Failure::Proxy(format!("{proxy}: {reason}"));
    // What went wrong before the proxy was there to speak to.
    let reaching = || told(classify(error, proxy.url(), dns, connect).to_string());
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    let said = |prefix: &str| texts.iter().find_map(|text| text.strip_prefix(prefix));
    if let Some(tunnel) = said("tunnel error: ") {
        return match tunnel {
            "proxy authorization required" => wants_login(proxy),
            "unsuccessful" => told(format!("it does not connect to {server}")),
            "unexpected end of file" => told(format!("it hung up instead of connecting to {server}")),
            "proxy response headers too long" => told("it does not answer like a proxy".to_owned()),
            _ => reaching(),
        };
    }
    if let Some(socks) = said("SOCKS error: ") {
        return told(match socks {
            "failed to create underlying connection" => "it cannot be connected to".to_owned(),
            "credentials not accepted" => "it does not accept the login".to_owned(),
            "server does not support user/pass authentication" => {
                "it wants another login: proxy = \"socks5h://user@…\" and proxy_password_file, or neither"
                    .to_owned()
            }
            "io error during SOCKS handshake" | "failed parsing server response" => {
                "it does not answer like a SOCKS proxy".to_owned()
            }
            status => format!("it does not connect to {server} ({status})"),
        });
    }
    if error.is_timeout() {
        return told(format!("no connection to {server} within {}", Span(connect)));
    }
    let forwards = url.scheme() == "http" && !proxy.speaks_socks();
    if forwards && error.is_connect() { reaching() } else { classify(error, url, dns, connect) }
}

/// The proxy answered 407, or would have.
pub(super) fn wants_login(proxy: &Proxy) -> Failure {
    let with = format!("{}://user@…", proxy.url().scheme());
    let why = match proxy.user() {
        Some(_) => "it does not accept the login (407)".to_owned(),
        None => format!("it wants a login (407): proxy = \"{with}\" and proxy_password_file"),
    };
    Failure::Proxy(format!("{proxy}: {why}"))
}

/// The library cannot ask for an IPv6 address in brackets there.
pub(super) fn no_literal_v6(proxy: &Proxy) -> Failure {
    let why = "a server without a name cannot be asked for by its IPv6 address; proxy = \"\" in the source goes straight";
    Failure::Proxy(format!("{proxy}: {why}"))
}

/// Reads an error that came while the body was read.
pub(super) fn body_failure(error: &reqwest::Error) -> Failure {
    let cut = find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
        || find::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
    Failure::BadBody(if cut {
        "the connection ended before the body did".to_owned()
    } else {
        innermost(error)
    })
}

fn io_failure(error: &io::Error, connecting: bool, url: &Url) -> Failure {
    use io::ErrorKind as Kind;
    let host = host_key(url);
    let port = url.port_or_known_default().unwrap_or(0);
    match error.kind() {
        Kind::ConnectionRefused => Failure::Connect(format!("nothing listens on port {port} of {host}")),
        Kind::UnexpectedEof if connecting && url.scheme() == "https" => {
            Failure::Tls(format!("{host} hung up during the TLS handshake"))
        }
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
            Failure::Connect(format!("{host} hung up before it answered"))
        }
        Kind::TimedOut => Failure::Connect(format!("{host} does not react on port {port}")),
        _ => Failure::Connect(format!("{host}: {error}")),
    }
}

fn hyper_reason(error: &hyper::Error) -> Option<String> {
    if error.is_parse_too_large() {
        Some("the answer has too many headers or too long ones".to_owned())
    } else if error.is_parse() {
        Some(format!("the server's answer is no HTTP ({error})"))
    } else if error.is_incomplete_message() {
        Some("the server hung up instead of answering".to_owned())
    } else {
        None
    }
}

fn tls_reason(error: &rustls::Error, url: &Url) -> String {
    let host = host_key(url);
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the certificate of {host} has expired")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("the certificate of {host} is not valid yet; is this machine's clock right?")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the certificate is not for {host}")
            }
            CertificateError::UnknownIssuer => format!(
                "the issuer of the certificate of {host} is not trusted (self-signed, or an intermediate \
                 certificate is missing); [http] ca_file adds a root"
            ),
            other => format!("the certificate of {host} is not accepted: {other}"),
        },
        rustls::Error::InvalidMessage(_) => {
            format!("port {} of {host} does not speak TLS", url.port_or_known_default().unwrap_or(0))
        }
        rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("{host} offers no TLS newer than 1.1, which is not safe any more"),
        rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)
        | rustls::Error::PeerIncompatible(_) => {
            format!("{host} offers no encryption that is safe ({error})")
        }
        rustls::Error::AlertReceived(rustls::AlertDescription::UnrecognisedName) => {
            format!("the server has no certificate for {host}")
        }
        rustls::Error::AlertReceived(alert) => format!("{host} refused the TLS handshake ({alert:?})"),
        other => format!("{host}: {other}"),
    }
}

/// The redirect's failure text: the address without what may be secret in it.
pub(super) fn leads_back(url: &Url) -> Failure {
    Failure::BadRedirect(format!("it leads back to {}", masked(url)))
}

/// The error and its causes, with the one that an [`io::Error`] was made of: its `source` skips that.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    iter::from_fn(move || {
        let this = next?;
        let inner = this.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|e| e as &(dyn Error + 'static)).or_else(|| this.source());
        Some(this)
    })
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|e| e.downcast_ref::<T>())
}

/// The text of the innermost cause; the outer ones repeat the address.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let text = chain(error).last().map_or_else(String::new, ToString::to_string);
    // What HTTP/2 says of a server that keeps us busy with frames that carry nothing.
    if text.contains("excessive load") {
        return format!("the server floods us with frames instead of answering ({text})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_at_a_port_of_tls_is_hinted_at() {
        for (url, hinted) in [
            ("http://a.example:443/", true),
            ("http://a.example:8443/", true),
            ("http://a.example/", false),
            ("http://a.example:8080/", false),
            ("https://a.example/", false),
        ] {
            assert_eq!(tls_hint(&Url::parse(url).unwrap()).contains("write https:"), hinted, "{url}");
        }
    }
}
