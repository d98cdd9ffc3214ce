//! Finality rules.

use crate::{BlockRef, Connector, Result};
use serde::{Deserialize, Serialize};
use types::Height;

/// When a block of a chain is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Finality {
    /// Final when this many blocks are above it.
    Depth {
        /// 0 means the head itself.
        blocks: u64,
    },
    /// Final when the chain reports it as final and this many blocks are above it.
    Tag {
        /// The tag that counts.
        tag: FinalityTag,
        /// Blocks required above it in addition. The only condition if the node does not support
        /// tags.
        blocks: u64,
    },
    /// Final immediately: chains that never fork (QBFT, IBFT 2.0).
    Instant,
}

/// A block tag of the JSON-RPC API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalityTag {
    /// Unlikely to be reorganized.
    Safe,
    /// Cannot be reverted unless a third of the stake is lost.
    Finalized,
}

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
