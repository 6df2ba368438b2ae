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
}

/// The resolver of one reach; all of a client share the bound on lookups.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) guard: Arc<Guard>,
    pub(super) names: Arc<Names>,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) timeout: Duration,
    pub(super) reach: Reach,
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
            let found = match tokio::time::timeout(this.timeout, this.lookup(name.as_str().to_owned())).await
            {
                Ok(found) => found?,
                Err(_) => return Err(Unresolved::Timeout.into()),
            };
            let within: Addrs = Box::new(this.within_reach(found)?.into_iter());
            Ok(within)
        })
    }
}

impl Resolver {
    async fn lookup(&self, name: String) -> Result<Vec<IpAddr>, Unresolved> {
        if let Names::Table(table) = self.names.as_ref() {
            return table.get(&name).cloned().ok_or_else(|| Unresolved::Failed("no such name".to_owned()));
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
            Ok(found) => found.map_err(|e| failed(e.to_string())),
            Err(e) => Err(failed(e.to_string())),
        }
    }

    /// Those of the addresses that may be connected to; none left is an error that names the first.
    fn within_reach(&self, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Unresolved> {
        let mut denied = None;
        let mut within = Vec::new();
        for address in found {
            match self.guard.permits(self.reach, address) {
                Ok(()) if within.len() < TRIED => within.push(SocketAddr::new(address, 0)),
                Ok(()) => break,
                Err(why) => denied = denied.or(Some(Unresolved::Denied(address, why))),
            }
        }
        match denied {
            _ if !within.is_empty() => Ok(within),
            Some(denied) => Err(denied),
            None => Err(Unresolved::Failed("the name has no address".to_owned())),
        }
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
}
