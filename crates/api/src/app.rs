//! The state that every handler shares.

use crate::{Error, Result};
use std::sync::Arc;
use store::{Db, Lease};
use types::{ChainId, Namespace, Principal};

/// The engines behind the API. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Engines>);

/// Called with a namespace and its new default chain.
pub type DefaultChainHook = Arc<dyn Fn(&Namespace, &ChainId) + Send + Sync>;

/// The engines and limits from which the binary builds an [`App`].
pub struct Engines {
    pub db: Db,
    /// The lease on the partition that this process appends facts to.
    pub lease: Lease,
    pub keys: keys::Keys,
    pub secrets: secrets::Secrets,
    pub policy: policy::Policy,
    pub submit: submit::Submit,
    pub contracts: contracts::Contracts,
    pub index: index::Index,
    pub data: data::Data,
    pub workflow: workflow::Workflow,
    pub streams: streams::Streams,
    /// The namespace of the installation's operators. Only its keys may do what affects every
    /// namespace, such as resuming a halted chain.
    pub operators_namespace: Namespace,
    /// Called after this process changes a default chain, so that the next request uses it.
    pub on_default_chain_changed: DefaultChainHook,
    /// Renders the metrics of this process in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// The longest time that a request may take. WebSockets are exempt.
    pub request_timeout_ms: u64,
    /// Requests that are handled at the same time; further ones wait.
    pub concurrency: usize,
}

impl App {
    /// Wraps the engines for use by handlers.
    pub fn new(engines: Engines) -> Self {
        Self(Arc::new(engines))
    }

    /// The database of the installation.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Rejects a principal whose key is not one of the operators' namespace.
    pub(crate) fn require_operators(&self, principal: &Principal) -> Result<()> {
        if principal.namespace == self.operators_namespace {
            Ok(())
        } else {
            Err(Error::OperatorsOnly)
        }
    }
}

impl std::ops::Deref for App {
    type Target = Engines;
    fn deref(&self) -> &Engines {
        &self.0
    }
}
