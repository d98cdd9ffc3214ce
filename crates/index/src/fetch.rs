//! Fetching blocks in parallel, in order, with what their events mean.

use crate::{Result, Work};
use chain::{BlockRef, Connector, Watch};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use types::Height;

/// Requests for blocks under way at a time, for one chain.
const PARALLEL: usize = 4;

/// The names of the node's blocks in a range; shorter if its head is lower by now.
pub(crate) async fn names(chain: &dyn Connector, from: Height, to: Height) -> Result<Vec<BlockRef>> {
    let heights: Vec<Height> = (from.0..=to.0).map(Height).collect();
    let found: Vec<Option<BlockRef>> =
        stream::iter(heights).map(|height| chain.block_at(height)).buffered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().map_while(|block| block).collect())
}

/// The blocks of these names, in order; none if the node does not have one of them any more.
pub(crate) async fn blocks(chain: &dyn Connector, names: &[BlockRef], watch: &Watch) -> Result<Option<Vec<Work>>> {
    let found: Vec<Option<types::Block>> = stream::iter(names)
        .map(|name| async move { chain.block(&name.hash, watch).await })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    Ok(found
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .map(|blocks| blocks.into_iter().map(|block| understood(chain, block)).collect()))
}

/// A block with the movements of value that its events tell.
pub(crate) fn understood(chain: &dyn Connector, block: types::Block) -> Work {
    let transfers = block.events.iter().flat_map(|event| chain.transfers(block.height, event)).collect();
    Work { block, transfers }
}
