//! `index::Projection` over `data::apply` and `data::undo`.

use index::{Applied, Dropped, Projection};
use store::Unbound;

/// Projects token transfers into the data model.
pub(crate) struct TokenProjection;

impl Projection for TokenProjection {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn apply(&self, tx: &mut Unbound<'_, '_>, applied: &[Applied]) -> store::Result<()> {
        for batch in applied {
            let Some(chain) = batch.work.first().map(|work| &work.block.chain) else {
                continue;
            };
            let movements: Vec<data::Movements<'_>> = batch
                .work
                .iter()
                .map(|work| data::Movements {
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

    fn undo(&self, tx: &mut Unbound<'_, '_>, dropped: &[Dropped]) -> store::Result<()> {
        dropped
            .iter()
            .try_for_each(|block| data::undo(tx, &block.chain, block.height, &block.hash))
    }
}
