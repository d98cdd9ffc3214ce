//! From a name to addresses that were checked. The connection is made to these and to no other.

use super::failure::Failure;
use super::guard::Guard;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Addresses of one name that are looked at; more are left aside.
const MAX_ADDRESSES: usize = 32;

/// Who knows the addresses of names. The binary uses [`SystemLookup`]; tests bring one that lies.
#[async_trait::async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of a name.
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait::async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}

/// A lookup behind a guard, as the HTTP client wants it.
pub(super) struct Checked {
    pub(super) guard: Guard,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Checked {
    /// One bad address among several spoils the name: whoever answers so has no good intent, or no
    /// order in the house.
    fn check(guard: &Guard, host: &str, found: &[IpAddr]) -> Result<Vec<SocketAddr>, Failure> {
        if found.is_empty() {
            return Err(Failure::Unresolved {
                host: host.to_owned(),
                why: "no address".to_owned(),
            });
        }
        found
            .iter()
            .try_for_each(|address| guard.check_address(host, *address))?;
        Ok(found
            .iter()
            .take(MAX_ADDRESSES)
            .map(|address| SocketAddr::new(*address, 0))
            .collect())
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, lookup, host) = (
            self.guard.clone(),
            Arc::clone(&self.lookup),
            name.as_str().to_owned(),
        );
        Box::pin(async move {
            let found = lookup.lookup(&host).await;
            let found = found.map_err(|error| Failure::Unresolved {
                host: host.clone(),
                why: error.to_string(),
            })?;
            let checked = Self::check(&guard, &host, &found)?;
            Ok(Box::new(checked.into_iter()) as Addrs)
        })
    }
}
