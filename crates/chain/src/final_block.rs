//! The newest final block of a chain.

use crate::{BlockRef, Connector, Finality, Result};
use types::Height;

/// The newest block that is final by the chain's rule, as the node reports it now. `None` if no
/// block is.
pub async fn final_block(chain: &dyn Connector) -> Result<Option<BlockRef>> {
    match chain.finality() {
        Finality::Instant => chain.head().await.map(Some),
        Finality::Depth { blocks } => at_depth(chain, blocks).await,
        Finality::Tag { tag, blocks } => match (chain.tagged(tag).await?, blocks) {
            (None, 0) => Ok(None),
            (None, blocks) => at_depth(chain, blocks).await,
            (tagged, 0) => Ok(tagged),
            (Some(tagged), blocks) => {
                let deep = at_depth(chain, blocks).await?;
                Ok(deep.map(|deep| {
                    if deep.height < tagged.height {
                        deep
                    } else {
                        tagged
                    }
                }))
            }
        },
    }
}

/// The block with this many blocks above it.
async fn at_depth(chain: &dyn Connector, blocks: u64) -> Result<Option<BlockRef>> {
    let head = chain.head().await?;
    match (blocks, head.height.0.checked_sub(blocks)) {
        (0, _) => Ok(Some(head)),
        (_, None) => Ok(None),
        (_, Some(height)) => chain.block_at(Height(height)).await,
    }
}
