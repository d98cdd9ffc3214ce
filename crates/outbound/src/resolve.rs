//! Name resolution with the address policy applied. Connections are made only to checked addresses.

use crate::Error;
use crate::address_policy::AddressPolicy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Further addresses of a name are ignored.
const MAX_ADDRESSES: usize = 32;

/// Resolves names to addresses. The binary asks the system; tests use a scripted resolver.
#[async_trait::async_trait]
pub trait NameResolver: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemResolver;

#[async_trait::async_trait]
impl NameResolver for SystemResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}

/// A resolver that applies an address policy, for the HTTP client.
pub(crate) struct CheckedResolver {
    pub(crate) policy: AddressPolicy,
    pub(crate) resolver: Arc<dyn NameResolver>,
}

impl CheckedResolver {
    /// Check all addresses of a name. One blocked address rejects the name: mixed answers are a
    /// sign of an attack or of a misconfigured zone.
    fn check(
        policy: &AddressPolicy,
        host: &str,
        addresses: &[IpAddr],
    ) -> Result<Vec<SocketAddr>, Error> {
        if addresses.is_empty() {
            return Err(Error::Unresolved {
                host: host.to_owned(),
                why: "it has no address".to_owned(),
            });
        }
        addresses
            .iter()
            .try_for_each(|address| policy.check_address(host, *address))?;
        Ok(addresses
            .iter()
            .take(MAX_ADDRESSES)
            .map(|address| SocketAddr::new(*address, 0))
            .collect())
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, resolver, host) = (
            self.policy.clone(),
            Arc::clone(&self.resolver),
            name.as_str().to_owned(),
        );
        Box::pin(async move {
            let addresses = resolver.resolve(&host).await;
            let addresses = addresses.map_err(|error| Error::Unresolved {
                host: host.clone(),
                why: error.to_string(),
            })?;
            let checked = Self::check(&policy, &host, &addresses)?;
            Ok(Box::new(checked.into_iter()) as Addrs)
        })
    }
}
