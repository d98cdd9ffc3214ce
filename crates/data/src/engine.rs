//! The handle that the verbs take, and what it has to be told of chains.

use std::sync::Arc;
use store::{Db, Lease, Unbound};
use types::{ChainId, Height, Namespace};

/// What the data model has to know of chains. The binary answers from its configuration and from
/// the index.
pub trait Chains: Send + Sync {
    /// The chain that is meant where none is named.
    fn home(&self, namespace: &Namespace) -> ChainId;

    /// How far each chain is final, read in the same snapshot as the objects. What is not listed is
    /// final nowhere.
    fn finals(&self, tx: &mut Unbound<'_, '_>) -> store::Result<Vec<(ChainId, Height)>>;
}

/// One chain for all, and nothing final: for an installation, or a test, that follows no chain.
#[derive(Debug, Clone)]
pub struct OffChain(pub ChainId);

impl Chains for OffChain {
    fn home(&self, _: &Namespace) -> ChainId {
        self.0.clone()
    }

    fn finals(&self, _: &mut Unbound<'_, '_>) -> store::Result<Vec<(ChainId, Height)>> {
        Ok(Vec::new())
    }
}

/// The data model over one database. Clones share it.
#[derive(Clone)]
pub struct Data {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) chains: Arc<dyn Chains>,
}

impl Data {
    /// The data model in a database; writes go to the partition of the lease.
    pub fn new(db: Db, lease: Lease, chains: Arc<dyn Chains>) -> Self {
        Self { db, lease, chains }
    }

    /// The chain that is meant where none is named.
    pub(crate) fn home(&self, namespace: &Namespace) -> ChainId {
        self.chains.home(namespace)
    }
}
