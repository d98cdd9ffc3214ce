//! Projections: data derived from the chain for each namespace that tracks it. Applied and undone
//! in the committer's own transaction.

use store::UnscopedTx;
use types::{Block, Namespace, Transfer};

/// A block with the transfers decoded from its events, before the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedBlock {
    pub block: Block,
    /// The transfers of the built-in token standards, in order.
    pub transfers: Vec<Transfer>,
}

/// Blocks for one namespace, reduced to the transfers that its scopes cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceBlocks {
    pub namespace: Namespace,
    /// In order; blocks without a covered transfer are left out.
    pub blocks: Vec<DecodedBlock>,
}

/// Data derived from the chain that can be undone. Implemented by the user of the chain's data.
pub trait Projection: Send + Sync {
    /// The projection's name, part of the key of its scopes.
    fn name(&self) -> &'static str;

    /// Applies blocks for several namespaces. Runs inside the committer's transaction and may be
    /// repeated, so it must have no side effect outside the database. Data that cannot be decoded
    /// must be stored as such: an error here stops the chain, so only the database may cause one.
    ///
    /// Must be idempotent by the natural key (chain, transaction, path, block): a scope that is
    /// added late or again delivers transfers that another scope of the namespace covers or
    /// covered.
    fn apply(&self, tx: &mut UnscopedTx, applied: &[NamespaceBlocks]) -> store::Result<()>;

    /// Undoes blocks, newest first, for every namespace that has them.
    fn undo(&self, tx: &mut UnscopedTx, dropped: &[crate::BlockId]) -> store::Result<()>;
}
