//! Names to addresses, of which only those within reach are handed on to be connected to.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::guard::{Denied, Guard, Reach};

/// Lookups at one time. The system's lookup cannot be cut short, so each may hold a thread for long.
pub(super) const LOOKUPS: usize = 32;

/// Addresses tried of one name: they share the time there is to connect.
const TRIED: usize = 4;

/// Who knows what a name stands for.
#[derive(Clone, Debug, Default)]
pub enum Names {
    /// The machine's resolver.
    #[default]
    System,
    /// These names and no others.
    Table(HashMap<String, Vec<IpAddr>>),
    /// A name server that never answers.
    Silent,
}

/// The resolver of one reach; all of a client share the bound on lookups.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) guard: Arc<Guard>,
    pub(super) names: Arc<Names>,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) timeout: Duration,
    pub(super) reach: Reach,
    /// The one name that is resolved.
    pub(super) only: Option<String>,
}

/// Why a name gave no address to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    Failed(String),
    Timeout,
    Denied(IpAddr, Denied),
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => f.write_str(reason),
            Self::Timeout => f.write_str("no answer from the name server"),
            Self::Denied(address, _) => write!(f, "{address} is refused"),
        }
    }
}

impl Error for Unresolved {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let within: Addrs = Box::new(this.addresses(name.as_str()).await?.into_iter());
            Ok(within)
        })
    }
}

impl Resolver {
    /// The addresses of a name that may be connected to.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Unresolved> {
        if self.only.as_ref().is_some_and(|only| only != name) {
            return Err(Unresolved::Failed("only the proxy's own name is looked up".to_owned()));
        }
        match tokio::time::timeout(self.timeout, self.lookup(name.to_owned())).await {
            Ok(found) => self.within_reach(found?),
            Err(_) => Err(Unresolved::Timeout),
        }
    }

    async fn lookup(&self, name: String) -> Result<Vec<IpAddr>, Unresolved> {
        match self.names.as_ref() {
            Names::System => {}
            Names::Table(table) => {
                return table
                    .get(&name)
                    .cloned()
                    .ok_or_else(|| Unresolved::Failed("no such name".to_owned()));
            }
            Names::Silent => return std::future::pending().await,
        }
        let failed = |reason: String| Unresolved::Failed(reason);
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(|e| failed(e.to_string()))?;
        // A task of its own keeps the permit until the system's lookup has really ended, also after the
        // time for it is up and nobody waits any more.
        let task = tokio::spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            drop(permit);
            found.map(|addresses| addresses.map(|address| address.ip()).collect())
        });
        match task.await {
            Ok(found) => found.map_err(|e| failed(in_words(&e.to_string()))),
            Err(e) => Err(failed(e.to_string())),
        }
    }

    /// Those of the addresses that may be connected to; none left is an error that names the first. Both
    /// families are tried where there are both: one of them may lead nowhere from here.
    fn within_reach(&self, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Unresolved> {
        let mut denied = None;
        let mut within = Vec::new();
        for address in found {
            match self.guard.permits(self.reach, address) {
                Ok(()) => within.push(SocketAddr::new(address, 0)),
                Err(why) => denied = denied.or(Some(Unresolved::Denied(address, why))),
            }
        }
        match denied {
            _ if !within.is_empty() => Ok(few(&within)),
            Some(denied) => Err(denied),
            None => Err(Unresolved::Failed("the name has no address".to_owned())),
        }
    }
}

/// The first addresses, in their order: of each family half, and more of one that the other leaves room for.
fn few(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let of_first = |address: &SocketAddr| address.is_ipv6() == addresses[0].is_ipv6();
    let (first, second): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(of_first);
    let of_second = second.len().min((TRIED / 2).max(TRIED.saturating_sub(first.len())));
    first.into_iter().take(TRIED - of_second).chain(second.into_iter().take(of_second)).collect()
}

/// The system's words for a lookup that failed, in words that tell a wrong name from a name server in trouble.
fn in_words(error: &str) -> String {
    let reason = error.strip_prefix("failed to lookup address information: ").unwrap_or(error);
    let is = |texts: &[&str]| texts.iter().any(|text| reason.starts_with(text));
    // glibc and musl.
    if is(&["Name or service not known", "Name does not resolve"]) {
        "there is no such name".to_owned()
    } else if is(&["No address associated with", "Name has no usable address"]) {
        "the name has no address".to_owned()
    } else if is(&["Temporary failure in name resolution", "Try again"]) {
        "the name server fails or is silent: this machine is offline, its resolver wrong, or the domain's own \
         servers are broken"
            .to_owned()
    } else if is(&["Non-recoverable failure in name resolution", "Non-recoverable error"]) {
        "the name server fails at this name".to_owned()
    } else {
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(opened: &[&str], reach: Reach) -> Resolver {
        Resolver {
            guard: Arc::new(Guard::new(opened.iter().map(|n| n.parse().unwrap()).collect())),
            names: Arc::new(Names::System),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            timeout: Duration::from_secs(5),
            reach,
            only: None,
        }
    }

    fn within(resolver: &Resolver, found: &[&str]) -> Result<Vec<String>, Unresolved> {
        let kept = resolver.within_reach(found.iter().map(|a| a.parse().unwrap()).collect())?;
        Ok(kept.into_iter().map(|a| a.ip().to_string()).collect())
    }

    #[test]
    fn only_addresses_within_reach_are_connected_to() {
        let public = resolver(&[], Reach::Public);
        let mixed = ["127.0.0.1", "93.184.216.34", "::1", "10.0.0.1", "2606:2800:220:1::1"];
        assert_eq!(within(&public, &mixed).unwrap(), ["93.184.216.34", "2606:2800:220:1::1"]);
        let first = "10.0.0.1".parse().unwrap();
        assert_eq!(
            within(&public, &["10.0.0.1", "::1"]),
            Err(Unresolved::Denied(first, Denied::Kind("a private network")))
        );
        assert!(matches!(within(&public, &[]), Err(Unresolved::Failed(_))));
        let opened = resolver(&["10.0.0.0/8"], Reach::Opened);
        assert_eq!(within(&opened, &["93.184.216.34", "10.0.0.1"]).unwrap(), ["10.0.0.1"]);
        assert_eq!(
            within(&opened, &["93.184.216.34"]),
            Err(Unresolved::Denied("93.184.216.34".parse().unwrap(), Denied::Port))
        );
        assert_eq!(within(&resolver(&[], Reach::Anywhere), &["127.0.0.1"]).unwrap(), ["127.0.0.1"]);
    }

    #[test]
    fn a_thousand_addresses_are_cut_to_a_few() {
        let many: Vec<IpAddr> = (0..1000u32).map(|n| IpAddr::V4((0x0808_0000 + n).into())).collect();
        assert_eq!(resolver(&[], Reach::Public).within_reach(many).unwrap().len(), TRIED);
    }

    #[test]
    fn both_families_are_tried() {
        let (v4, v6) = ("93.184.216.", "2606:2800:220:1::");
        let cases: [(&[&str], &[&str]); 5] = [
            (&["6a", "6b", "6c", "6d", "6e", "4a"], &["6a", "6b", "6c", "4a"]),
            (&["6a", "6b", "6c", "4a", "4b", "4c"], &["6a", "6b", "4a", "4b"]),
            (&["4a", "6a", "6b", "6c", "6d"], &["4a", "6a", "6b", "6c"]),
            (&["4a", "4b", "4c", "4d", "4e"], &["4a", "4b", "4c", "4d"]),
            (&["6a"], &["6a"]),
        ];
        let address = |short: &&str| {
            let last = short.as_bytes()[1] - b'a' + 1;
            if short.starts_with('4') { format!("{v4}{last}") } else { format!("{v6}{last}") }
        };
        for (found, tried) in cases {
            let found: Vec<String> = found.iter().map(address).collect();
            let tried: Vec<String> = tried.iter().map(address).collect();
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            assert_eq!(within(&resolver(&[], Reach::Public), &found).unwrap(), tried);
        }
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_is_given_up_and_so_is_one_that_waits_behind_such() {
        let hasty = Duration::from_millis(20);
        let silent =
            Resolver { names: Arc::new(Names::Silent), timeout: hasty, ..resolver(&[], Reach::Public) };
        assert_eq!(silent.addresses("example.org").await, Err(Unresolved::Timeout));
        let full =
            Resolver { lookups: Arc::new(Semaphore::new(0)), timeout: hasty, ..resolver(&[], Reach::Public) };
        assert_eq!(full.addresses("localhost").await, Err(Unresolved::Timeout), "no thread more is taken");
    }

    #[test]
    fn a_wrong_name_is_told_from_a_name_server_in_trouble() {
        let cases = [
            ("Name or service not known", "there is no such name"),
            ("Name does not resolve", "there is no such name"),
            ("No address associated with hostname", "the name has no address"),
            ("Temporary failure in name resolution", "the name server fails or is silent"),
            ("Try again", "the name server fails or is silent"),
            ("Non-recoverable failure in name resolution", "the name server fails at this name"),
            ("System error", "System error"),
        ];
        for (error, said) in cases {
            let words = in_words(&format!("failed to lookup address information: {error}"));
            assert!(words.starts_with(said), "{words}");
        }
    }
}
