//! When a block of a chain is final.

use serde::{Deserialize, Serialize};

/// The rule of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Finality {
    /// Final when this many blocks stand above it.
    Depth {
        /// How many; 0 means the head itself.
        blocks: u64,
    },
    /// Final when the chain says so, and at least this deep too.
    Tag {
        /// By which word.
        tag: FinalityTag,
        /// Blocks that must stand above it besides; the only rule where the node knows no tags.
        blocks: u64,
    },
    /// Final as soon as it is a block: chains that never fork (QBFT, IBFT 2.0).
    Instant,
}

/// The chain's own words for settled blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalityTag {
    /// Unlikely to be undone.
    Safe,
    /// Cannot be undone without losing a third of the stake.
    Finalized,
}
