//! Finality rules.

use serde::{Deserialize, Serialize};

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
