//! `index::Projection` over `data::apply` and `data::undo`.

use index::{BlockId, NamespaceBlocks, Projection};
use store::UnscopedTx;

/// Projects token transfers into the data model.
pub(crate) struct TokenProjection;

impl Projection for TokenProjection {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn apply(&self, tx: &mut UnscopedTx, applied: &[NamespaceBlocks]) -> store::Result<()> {
        for batch in applied {
            let Some(chain) = batch.blocks.first().map(|work| &work.block.chain) else {
                continue;
            };
            let movements: Vec<data::BlockTransfers<'_>> = batch
                .blocks
                .iter()
                .map(|work| data::BlockTransfers {
                    height: work.block.height,
                    hash: &work.block.hash,
                    time: work.block.time,
                    transfers: &work.transfers,
                })
                .collect();
            data::apply(tx, &batch.namespace, chain, &movements)?;
        }
        Ok(())
    }

    fn undo(&self, tx: &mut UnscopedTx, dropped: &[BlockId]) -> store::Result<()> {
        dropped
            .iter()
            .try_for_each(|block| data::undo(tx, &block.chain, block.height, &block.hash))
    }
}
