//! The web: one guarded GET with its redirects, decoded body, validators and cache headers.
//!
//! Everything the outside does wrong is a [`Failure`], in words an administrator can act on. Four things
//! hold for every request, whoever wrote the address: the guard judges every hop and every
//! resolved IP address before a packet leaves; a deadline covers the whole of it, redirects and body
//! included; no more bytes are kept, on the wire or decoded, than [`Accept`] allows; and a source's
//! [`Credentials`] go to its own origin only.
//!
//! A [`Proxy`] resolves names in our place, so that the guard sees less: literal addresses, and what the names
//! stand for here. A name that is not known here passes.

mod client;
mod credentials;
mod decode;
mod failure;
mod guard;
mod headers;
mod network;
mod proxy;
mod resolve;
pub mod robots;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::domain::feed::Kind;
use crate::time::{MINUTE, Timestamp};

pub use client::{Client, SetupError};
pub use credentials::{BadHeader, Credentials, Login, OwnHeader, Worth};
pub use decode::unpack;
pub use failure::{Failure, Phase};
pub use guard::Refusal;
pub use network::{BadNetwork, Network};
pub use proxy::{BadProxy, Proxy, Route};
pub use resolve::Names;

/// What the client is made from.
pub struct Settings {
    /// An address or page for the administrators of the sites that are read; may be empty.
    pub contact: String,
    /// Networks besides the public internet that may be asked.
    pub allow_private: Vec<Network>,
    /// The time for one request, its redirects and its body. A sixth of it may go into a connection, a
    /// quarter into one silence of the server.
    pub total_timeout: Duration,
    /// The roots to trust.
    pub tls: Arc<rustls::ClientConfig>,
    /// The way of all requests that take no other. Those of the environment are never looked at.
    pub proxy: Option<Proxy>,
}

/// The total deadline unless configured: ten seconds to connect, fifteen of silence.
pub const TOTAL_TIMEOUT: Duration = MINUTE;

/// One thing to fetch.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it is; a fragment is left off.
    pub url: Url,
    /// What it should be, and with it how large it may be.
    pub accept: Accept,
    /// Those of the last answer; the request is conditional if there are any.
    pub validators: Validators,
    /// The address whose answer carried the validators, if a redirect led there. They go to no other
    /// address: another server's dates would make a 304 out of a change.
    pub validators_for: Option<Url>,
    /// Opens this address's own host, and no other, whatever network it is in and on any port.
    pub private_host: bool,
    /// The source's own port, open besides the usual ones.
    pub own_port: Option<u16>,
    /// The source's own headers and login, for its own origin.
    pub credentials: Option<Arc<Credentials>>,
    /// The way there.
    pub route: Route,
}

impl Request {
    /// An unconditional request under the rules of the public internet.
    pub fn new(url: Url, accept: Accept) -> Self {
        Self {
            url,
            accept,
            validators: Validators::default(),
            validators_for: None,
            private_host: false,
            own_port: None,
            credentials: None,
            route: Route::Usual,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// A feed or sitemap: 8 MiB on the wire, 16 MiB decoded.
    Feed,
    /// An article's page: 4 MiB on the wire, 8 MiB decoded.
    Page,
    /// A robots.txt: its first 512 KiB, more is cut off and not an error.
    Robots,
}

impl Accept {
    /// What the address of a source of this kind is asked for.
    pub fn source(kind: &Kind) -> Self {
        match kind {
            Kind::Feed | Kind::Sitemap => Self::Feed,
            Kind::Page(_) => Self::Page,
        }
    }
}

/// What makes the next request for the same address conditional, byte for byte as the server sent it.
#[derive(Default, Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The value of `ETag`.
    pub etag: Option<Vec<u8>>,
    /// The value of `Last-Modified`.
    pub last_modified: Option<Vec<u8>>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Reply {
    /// The redirects that were followed, also when the last of them failed.
    pub hops: Vec<Hop>,
    /// The answer at the end of them.
    pub result: Result<Response, Failure>,
}

/// A redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The status that told so: 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Where it led.
    pub url: Url,
}

/// An answer of any status but a followed redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Where it came from, after the redirects.
    pub url: Url,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// The answer's own validators.
    pub validators: Validators,
    /// How long the server calls it fresh: `max-age` less `Age`, else `Expires` less `Date`.
    pub fresh_for: Option<Duration>,
    /// When the server wants to be asked again.
    pub retry_after: Option<RetryAfter>,
    /// The body, decoded. Of an error's body only the beginning, for the diagnosis.
    pub body: Vec<u8>,
    /// The size of the body before decoding.
    pub wire_bytes: u64,
    /// What was told of the source's credentials to whom this answer comes from.
    pub credentials: Carried,
}

/// Whether a request carried the credentials of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The source has none.
    None,
    /// It did.
    Presented,
    /// They do not go to where it went.
    Withheld,
}

/// `Retry-After` in its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many seconds from now.
    Seconds(u64),
    /// Not before this instant.
    At(Timestamp),
}

impl RetryAfter {
    /// When the next request is welcome.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(seconds) => now + Duration::from_secs(seconds),
            Self::At(at) => at,
        }
    }
}

/// The host a request is counted against: lower case, without port, brackets or trailing dot.
///
/// ```
/// let url = url::Url::parse("https://News.Example.org.:8443/feed").unwrap();
/// assert_eq!(habar::io::http::host_key(&url), "news.example.org");
/// ```
pub fn host_key(url: &Url) -> String {
    match url.host() {
        Some(url::Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
        Some(url::Host::Ipv4(address)) => address.to_string(),
        Some(url::Host::Ipv6(address)) => address.to_canonical().to_string(),
        None => String::new(),
    }
}

/// The address as it may be logged: no user name or password, no values in the query.
///
/// ```
/// let url = url::Url::parse("https://me:pw@example.org/feed?token=abc&all").unwrap();
/// assert_eq!(habar::io::http::masked(&url), "https://example.org/feed?token=…&all");
/// ```
pub fn masked(url: &Url) -> String {
    let mut bare = url.clone();
    // Both fail only where there can be no user name or password, such as in file: addresses.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    let Some(query) = url.query() else { return bare.into() };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or_else(|| pair.to_owned(), |(key, _)| format!("{key}=…")))
        .collect();
    format!("{bare}?{}", pairs.join("&"))
}

/// A configured address as it may be logged and mailed, see [`masked`]; what is no address stays as it is.
pub fn shown(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| masked(&url))
}

/// Why the guard would refuse an address as it is written, before any name is resolved.
pub fn refuses(url: &Url, opened: &[Network], private_host: bool) -> Option<Refusal> {
    let grant = guard::Grant { host: private_host.then(|| host_key(url)), port: url.port_or_known_default() };
    guard::Guard::new(opened.to_vec()).check(url, &grant).err()
}

/// A refusing answer in words an administrator can act on.
pub fn refusal(response: &Response) -> String {
    let reason = status_reason(response.status);
    match (response.credentials, response.status) {
        (Carried::Presented, 401) => {
            "the server does not accept the headers and auth of the source (401)".to_owned()
        }
        (Carried::Withheld, 401 | 403) => {
            let asked = response.url.origin().ascii_serialization();
            format!("{reason}; headers and auth of the source stayed behind, for it is {asked} that answers")
        }
        _ => reason,
    }
}

/// A refusing status in words an administrator can act on.
pub fn status_reason(status: u16) -> String {
    let meaning = match status {
        401 | 407 => "wants a login",
        402 => "wants to be paid",
        403 => "forbids it to us",
        404 => "has nothing at this address; it may have moved",
        410 => "says it is gone for good",
        429 => "was asked too often",
        451 => "withholds it for legal reasons",
        500..=599 => "has trouble of its own",
        300..=399 => "redirects without saying where to",
        _ => "refuses",
    };
    format!("the server {meaning} ({status})")
}
