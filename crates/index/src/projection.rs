//! Projections: what is made of the chain, for each namespace that tracks it. Applied and undone in
//! the committer's own transaction.

use store::Unbound;
use types::{Block, Namespace, Transfer};

/// A block with what its events mean by the token standards built in, decoded before the
/// transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The block.
    pub block: Block,
    /// The movements of value in it, in order.
    pub transfers: Vec<Transfer>,
}

/// Blocks for one namespace: only what its scopes cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The namespace.
    pub namespace: Namespace,
    /// The blocks in order, with the transfers that are tracked.
    pub work: Vec<Work>,
}

/// Something that is made of the chain and can be unmade. The user of the chain's data implements
/// it over plain verbs.
pub trait Projection: Send + Sync {
    /// Its name, part of the key of its cursors.
    fn name(&self) -> &'static str;

    /// Add blocks, for several namespaces. Runs inside the committer's transaction and may run
    /// again: no side effect, no network. What cannot be understood is kept as such; an error
    /// here stops the chain, so only the database may cause one.
    ///
    /// What was applied of a block before is left alone: a scope that joins late, or anew, brings
    /// transfers again that another scope of the namespace covers or covered. The natural key
    /// (chain, transaction, path, block) tells.
    fn apply(&self, tx: &mut Unbound<'_, '_>, applied: &[Applied]) -> store::Result<()>;

    /// Take blocks away again, newest first, for every namespace that has them.
    fn undo(&self, tx: &mut Unbound<'_, '_>, dropped: &[crate::Dropped]) -> store::Result<()>;
}
