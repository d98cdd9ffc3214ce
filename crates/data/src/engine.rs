//! The handle that every function takes, and what it needs to know about chains.

use crate::Result;
use crate::names::Names;
use crate::object::Object;
use crate::view::{FinalHeights, ViewContext};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb, Tx, UnscopedTx};
use types::{ChainId, Height, Namespace};

/// Chain information that the data model needs. The binary implements it over its configuration and
/// the index.
pub trait Chains: Send + Sync {
    /// The chain of inputs and references that name none.
    fn default_chain(&self, namespace: &Namespace) -> ChainId;

    /// The final height of each chain, read in the same snapshot as the objects. Blocks of a chain
    /// that is not listed are never final.
    fn final_heights(&self, tx: &mut UnscopedTx) -> store::Result<Vec<(ChainId, Height)>>;
}

/// One default chain for all namespaces and no final heights, for tests and installations that do
/// not follow a chain.
#[derive(Debug, Clone)]
pub struct OffChain(pub ChainId);

impl Chains for OffChain {
    fn default_chain(&self, _: &Namespace) -> ChainId {
        self.0
    }

    fn final_heights(&self, _: &mut UnscopedTx) -> store::Result<Vec<(ChainId, Height)>> {
        Ok(Vec::new())
    }
}

/// The data model of one database. Clones share it.
#[derive(Clone)]
pub struct Data {
    parts: Parts,
}

/// What the data model works with. It has no settings.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of writes.
    pub lease: Lease,
    pub chains: Arc<dyn Chains>,
}

/// What a read needs beside the stored objects.
pub(crate) struct Snapshot {
    pub(crate) default_chain: ChainId,
    pub(crate) final_heights: FinalHeights,
}

impl Snapshot {
    /// What rendering these objects needs.
    pub(crate) fn view_context<'o>(
        &self,
        tx: &mut Tx,
        objects: impl IntoIterator<Item = &'o Object>,
    ) -> Result<ViewContext<'_>> {
        Ok(ViewContext {
            names: Names::load(tx, &self.default_chain, objects)?,
            final_heights: Some(&self.final_heights),
        })
    }
}

impl Data {
    /// The data model over these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn default_chain(&self, namespace: &Namespace) -> ChainId {
        self.parts.chains.default_chain(namespace)
    }

    /// Read objects of a namespace with the final heights of the same snapshot.
    pub(crate) async fn read_snapshot<A, T, F>(
        &self,
        namespace: &Namespace,
        args: A,
        mut read: F,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
        F: FnMut(&mut Tx, &Snapshot, &A) -> Result<T> + Send + 'static,
    {
        let (chains, namespace) = (Arc::clone(&self.parts.chains), *namespace);
        let default_chain = self.default_chain(&namespace);
        self.db()
            .read_unscoped(move |tx| {
                let snapshot = Snapshot {
                    default_chain,
                    final_heights: FinalHeights::new(chains.final_heights(tx)?),
                };
                read(&mut tx.scoped(&namespace), &snapshot, &args)
            })
            .await
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }
}
