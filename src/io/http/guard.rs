//! Which addresses may be asked. The address in hand came from a feed, a page or a redirect, and whoever
//! wrote it may want what only this machine can reach: the router, a metadata service, a local database.
//!
//! A URL is judged before every hop ([`Guard::check`]), since the client's resolver is never asked for
//! literal addresses; every resolved address is judged again ([`Guard::permits`]), and the connection
//! goes to exactly those that passed, so a name that changes its mind in between gains nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::network::Network;
use super::{Request, host_key};

/// Ports that feeds and pages of the public internet live on.
const PUBLIC_PORTS: [u16; 4] = [80, 443, 8080, 8443];

/// Why an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither http nor https.
    Scheme(String),
    /// A user name or password stands in the address.
    UserInfo,
    /// There is no host in it.
    NoHost,
    /// A port that feeds do not live on.
    Port(u16),
    /// The host is, or resolves to, an address outside the public internet.
    Address {
        /// The host as written.
        host: String,
        /// What it stands for.
        address: IpAddr,
        /// The kind of address it is.
        kind: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => write!(f, "only http and https addresses are fetched, not {scheme}:"),
            Self::UserInfo => write!(f, "the address carries a user name or password"),
            Self::NoHost => write!(f, "the address has no host"),
            Self::Port(port) => write!(
                f,
                "port {port} is closed: on the public internet only 80, 443, 8080, 8443 and the source's own are asked"
            ),
            Self::Address { host, address, kind } => {
                if *host == address.to_canonical().to_string() {
                    write!(f, "{host} is not public ({kind})")?;
                } else {
                    write!(f, "{host} is {address}, which is not public ({kind})")?;
                }
                write!(f, "; [http] allow_private opens networks, allow_private in a source its own host")
            }
        }
    }
}

/// How far a request may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The public internet and the opened networks.
    Public,
    /// The opened networks only: the port is closed elsewhere.
    Opened,
    /// Anywhere: the administrator opened this very host.
    Anywhere,
}

/// Why an IP address is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It is not of the public internet but of this kind.
    Kind(&'static str),
    /// The request's port is closed on the public internet.
    Port,
}

/// What the source behind a request has opened for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Grant {
    /// The one host that may be anywhere.
    pub(super) host: Option<String>,
    /// One more port of the public internet.
    pub(super) port: Option<u16>,
}

impl Grant {
    pub(super) fn of(request: &Request) -> Self {
        Self { host: request.private_host.then(|| host_key(&request.url)), port: request.own_port }
    }
}

/// The rules and the networks opened by `[http] allow_private`.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    opened: Vec<Network>,
}

impl Guard {
    pub(super) fn new(opened: Vec<Network>) -> Self {
        Self { opened }
    }

    /// Judges a URL, with its literal address if it has one, and says how far its name may lead.
    pub(super) fn check(&self, url: &Url, grant: &Grant) -> Result<Reach, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let host = url.host().ok_or(Refusal::NoHost)?;
        let port = url.port_or_known_default().unwrap_or(0);
        let reach = self.reach(&host_key(url), port, grant).ok_or(Refusal::Port(port))?;
        let address = match host {
            Host::Domain(_) => return Ok(reach),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        self.permits(reach, address).map_err(|denied| denied.refusal(url, address))?;
        Ok(reach)
    }

    fn reach(&self, host: &str, port: u16, grant: &Grant) -> Option<Reach> {
        if grant.host.as_deref() == Some(host) {
            Some(Reach::Anywhere)
        } else if PUBLIC_PORTS.contains(&port) || grant.port == Some(port) {
            Some(Reach::Public)
        } else if self.opened.is_empty() {
            None
        } else {
            Some(Reach::Opened)
        }
    }

    /// Judges an IP address.
    pub(super) fn permits(&self, reach: Reach, address: IpAddr) -> Result<(), Denied> {
        let inner = unwrapped(address);
        let opened =
            || self.opened.iter().any(|network| network.contains(address) || network.contains(inner));
        if reach == Reach::Anywhere || opened() {
            return Ok(());
        }
        match special(inner) {
            Some(kind) => Err(Denied::Kind(kind)),
            None if reach == Reach::Opened => Err(Denied::Port),
            None => Ok(()),
        }
    }
}

impl Denied {
    /// The refusal of `url`, whose host stands for `address`.
    pub(super) fn refusal(self, url: &Url, address: IpAddr) -> Refusal {
        match self {
            Self::Kind(kind) => Refusal::Address { host: host_key(url), address, kind },
            Self::Port => Refusal::Port(url.port_or_known_default().unwrap_or(0)),
        }
    }
}

/// The IPv4 address that packets to `address` reach in the end, where a network translates on the way.
/// 6to4 and Teredo carry one too, but are refused as a whole: no feed lives there.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

/// The kind of a special-purpose address (IANA's registries of both families); none for public ones.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            SPECIAL_V4
                .iter()
                .find(|(base, prefix, _)| {
                    (bits ^ Ipv4Addr::from_octets(*base).to_bits()) >> (32 - prefix) == 0
                })
                .map(|(_, _, kind)| *kind)
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            SPECIAL_V6
                .iter()
                .find(|(base, prefix, _)| (bits ^ base.to_bits()) >> (128 - prefix) == 0)
                .map(|(_, _, kind)| *kind)
                // Everything public is allocated from 2000::/3.
                .or_else(|| (bits >> 125 != 1).then_some("not a public IPv6 address"))
        }
    }
}

const SPECIAL_V4: [([u8; 4], u32, &str); 18] = [
    ([0, 0, 0, 0], 8, "this host"),
    ([10, 0, 0, 0], 8, "a private network"),
    ([100, 64, 0, 0], 10, "a provider's shared address space"),
    ([127, 0, 0, 0], 8, "this machine"),
    ([169, 254, 0, 0], 16, "a link-local address"),
    ([172, 16, 0, 0], 12, "a private network"),
    ([192, 0, 0, 0], 24, "reserved for protocols"),
    ([192, 0, 2, 0], 24, "reserved for documentation"),
    ([192, 31, 196, 0], 24, "reserved for AS112"),
    ([192, 52, 193, 0], 24, "reserved for AMT"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "a private network"),
    ([192, 175, 48, 0], 24, "reserved for AS112"),
    ([198, 18, 0, 0], 15, "reserved for benchmarks"),
    ([198, 51, 100, 0], 24, "reserved for documentation"),
    ([203, 0, 113, 0], 24, "reserved for documentation"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

const SPECIAL_V6: [(Ipv6Addr, u32, &str); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "this host"),
    (Ipv6Addr::LOCALHOST, 128, "this machine"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4-compatible address"),
    (v6(0x64, 0xff9b, 1), 48, "a local NAT64 address"),
    (v6(0x100, 0, 0), 64, "a discard address"),
    (v6(0x2001, 0, 0), 32, "a Teredo address"),
    (v6(0x2001, 0, 0), 23, "reserved for protocols"),
    (v6(0x2001, 0xdb8, 0), 32, "reserved for documentation"),
    (v6(0x2002, 0, 0), 16, "a 6to4 address"),
    (v6(0x2620, 0x4f, 0x8000), 48, "reserved for AS112"),
    (v6(0x3fff, 0, 0), 20, "reserved for documentation"),
    (v6(0xfc00, 0, 0), 7, "a private network"),
    (v6(0xfe80, 0, 0), 10, "a link-local address"),
    (v6(0xfec0, 0, 0), 10, "a site-local address"),
    (v6(0xff00, 0, 0), 8, "a multicast address"),
];

#[cfg(test)]
mod tests;
