//! The handle that every function takes, and its limits.

use crate::observations::{Freshness, Observation, Observations};
use crate::{Error, Result};
use chain::Connector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Db, Lease, LeasedDb, Tx};
use types::{ChainId, ContractId};

/// What the registry works with.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of this process.
    pub lease: Lease,
    /// The connectors of the configured chains.
    pub chains: Vec<Arc<dyn Connector>>,
    /// What other engines keep of contracts.
    pub references: Arc<dyn References>,
}

/// What refers to contracts, and relies on what is known of them, beside or above this engine.
pub trait References: Send + Sync {
    /// What refers to a contract, for a message, such as `binding token`; none if nothing does.
    fn find(&self, tx: &mut Tx, contract: &ContractId) -> store::Result<Option<String>>;

    /// Called in the transaction that changes what the namespace knows of a contract: what was
    /// decided on it before is decided again.
    fn withdraw(&self, tx: &mut Tx) -> store::Result<()>;
}

/// An installation in which nothing refers to contracts.
#[derive(Debug, Clone, Copy)]
pub struct NoReferences;

impl References for NoReferences {
    fn find(&self, _: &mut Tx, _: &ContractId) -> store::Result<Option<String>> {
        Ok(None)
    }

    fn withdraw(&self, _: &mut Tx) -> store::Result<()> {
        Ok(())
    }
}

/// Limits of a namespace, and how long the chain is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub contracts_per_namespace: usize,
    pub interfaces_per_namespace: usize,
    /// The longest interface as JSON, in bytes.
    pub interface_bytes: usize,
    /// The age from which code and implementation of a contract are read again before a decision.
    pub verify_after_ms: i64,
    /// The longest time that a decision waits for the chain to say what a contract is.
    pub verify_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            contracts_per_namespace: 100_000,
            interfaces_per_namespace: 20_000,
            interface_bytes: 1 << 20,
            verify_after_ms: 30_000,
            verify_timeout_ms: 5_000,
        }
    }
}

/// The contracts of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Contracts {
    parts: Parts,
    settings: Settings,
    chains: Arc<BTreeMap<ChainId, Arc<dyn Connector>>>,
    observations: Arc<Observations>,
}

impl Contracts {
    /// Build the engine.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let by_chain = |connector: &Arc<dyn Connector>| (*connector.chain(), connector.clone());
        Self {
            chains: Arc::new(parts.chains.iter().map(by_chain).collect()),
            observations: Arc::default(),
            parts,
            settings,
        }
    }

    /// The limits, for [`ensure`](crate::ensure) and [`add_interface`](crate::add_interface).
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }

    /// What a chain says of a contract now. Errors: `contracts.unknown_chain`,
    /// `contracts.no_final_block`, and those of the node.
    pub(crate) async fn observe(&self, chain: &ChainId, address: &str) -> Result<Observation> {
        let (connector, clock) = (self.chain(chain)?, self.db().clock());
        let observed = self
            .observations
            .now(connector.as_ref(), address, clock.as_ref());
        observed.await
    }

    /// What a chain says of a contract, or said within the configured age.
    pub(crate) async fn observed(&self, chain: &ChainId, address: &str) -> Result<Observation> {
        let (connector, clock) = (self.chain(chain)?, self.db().clock());
        let freshness = Freshness {
            max_age_ms: self.settings.verify_after_ms,
            timeout_ms: self.settings.verify_timeout_ms,
        };
        let observed =
            (self.observations).recent(connector.as_ref(), address, clock.as_ref(), freshness);
        observed.await
    }

    pub(crate) fn chain(&self, chain: &ChainId) -> Result<&Arc<dyn Connector>> {
        let connector = self.chains.get(chain);
        connector.ok_or(Error::UnknownChain { chain: *chain })
    }

    pub(crate) fn references(&self) -> &Arc<dyn References> {
        &self.parts.references
    }
}
