//! The cursor of each chain: how far it is indexed and final.

use crate::state::Tip;
use store::{Record as _, Result, UnscopedTable as _, UnscopedTx};
use types::{ChainId, Height};

/// How far a chain is indexed.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "chain_cursor", global)]
pub struct Status {
    #[record(key)]
    pub chain: ChainId,
    /// The newest stored block; none before the first.
    #[record(update, columns("head_height", "head_hash"))]
    pub head: Option<Tip>,
    /// The final watermark: everything up to this block is final. None while nothing is.
    #[record(update, columns("final_height", "final_hash"))]
    pub finalized: Option<Tip>,
    /// The height at which the index starts.
    #[record(column = "first_height")]
    pub first: Height,
    /// Why the chain is halted, if it is.
    #[record(update)]
    pub halted: Option<String>,
    /// The height down to which an operator allowed one rewind below the final watermark.
    #[record(update)]
    pub(crate) rewind_to: Option<Height>,
    #[record(next_version)]
    pub(crate) version: u64,
}

impl Status {
    /// The height of the newest stored block.
    pub(crate) fn head_height(&self) -> Option<Height> {
        self.head.as_ref().map(|tip| tip.height)
    }

    /// The final watermark.
    pub fn final_height(&self) -> Option<Height> {
        self.finalized.as_ref().map(|tip| tip.height)
    }
}

/// How far a chain is indexed; none before its first stored block.
pub fn status(tx: &mut UnscopedTx, chain: &ChainId) -> Result<Option<Status>> {
    tx.row(&Status::select("WHERE chain = ?1"), (chain,))
}

/// Writes the cursor of a chain with its new version. Returns false if it was changed since it was
/// read.
pub(crate) fn put(tx: &mut UnscopedTx, status: &Status) -> Result<bool> {
    Ok(Status::upsert_unscoped(tx, std::slice::from_ref(status))? == 1)
}
