//! The handle that every function takes, and what it needs to know about chains.

use std::sync::Arc;
use store::{Db, Lease, UnscopedTx};
use types::{ChainId, Height, Namespace};

/// Chain information that the data model needs. The binary implements it over its configuration and
/// the index.
pub trait Chains: Send + Sync {
    /// The chain of inputs and references that name none.
    fn default_chain(&self, namespace: &Namespace) -> ChainId;

    /// The final height of each chain, read in the same snapshot as the objects. Blocks of a chain
    /// that is not listed are never final.
    fn final_heights(&self, tx: &mut UnscopedTx<'_, '_>) -> store::Result<Vec<(ChainId, Height)>>;
}

/// One default chain for all namespaces and no final heights, for tests and installations that do
/// not follow a chain.
#[derive(Debug, Clone)]
pub struct OffChain(pub ChainId);

impl Chains for OffChain {
    fn default_chain(&self, _: &Namespace) -> ChainId {
        self.0
    }

    fn final_heights(&self, _: &mut UnscopedTx<'_, '_>) -> store::Result<Vec<(ChainId, Height)>> {
        Ok(Vec::new())
    }
}

/// The data model of one database. Clones share it.
#[derive(Clone)]
pub struct Data {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) chains: Arc<dyn Chains>,
}

impl Data {
    /// Create a handle. Writes go to the partition of `lease`.
    pub fn new(db: Db, lease: Lease, chains: Arc<dyn Chains>) -> Self {
        Self { db, lease, chains }
    }

    pub(crate) fn default_chain(&self, namespace: &Namespace) -> ChainId {
        self.chains.default_chain(namespace)
    }
}
