//! The facts of a chain's partition, and stored chain events.

use serde::{Deserialize, Serialize};
use types::{ChainId, Height, Namespace, Principal, Time};

/// A decoded fact of the partition `chain/<id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFact {
    /// `chain.block`: a block joined the canonical chain.
    Block {
        block: BlockId,
        /// Number of stored events of the block.
        event_count: u64,
        /// Number of transactions of watched signers in the block.
        inclusion_count: u64,
    },
    /// `chain.reorg`: these blocks are no longer canonical, newest first.
    Reorg { dropped: Vec<BlockId> },
    /// `chain.final`: the final watermark moved.
    Final(FinalityUpdate),
}

/// Identifies a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    pub chain: ChainId,
    pub height: Height,
    pub hash: String,
}

/// A move of the final watermark: heights above `above`, up to and including `through`, are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalityUpdate {
    pub chain: ChainId,
    /// The watermark before; none if nothing was final.
    pub above: Option<Height>,
    /// The watermark now.
    pub through: Height,
    /// The hash of the block at `through`.
    pub hash: String,
}

/// The actor of the facts that the worker appends.
pub(crate) fn system() -> Principal {
    Principal::system("index", Namespace::installation())
}

pub(crate) const BLOCK: &str = "chain.block";
pub(crate) const REORG: &str = "chain.reorg";
pub(crate) const FINAL: &str = "chain.final";

#[derive(Serialize, Deserialize)]
pub(crate) struct BlockPayload<B> {
    #[serde(flatten)]
    pub(crate) block: BlockId,
    pub(crate) event_count: u64,
    pub(crate) inclusion_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<B>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ReorgPayload {
    pub(crate) dropped: Vec<BlockId>,
}

impl ChainFact {
    /// Decodes a fact; none if it is of another type or cannot be decoded.
    pub fn parse(kind: &str, payload: &str) -> Option<Self> {
        match kind {
            BLOCK => {
                let payload: BlockPayload<serde_json::Value> =
                    serde_json::from_str(payload).ok()?;
                Some(Self::Block {
                    block: payload.block,
                    event_count: payload.event_count,
                    inclusion_count: payload.inclusion_count,
                })
            }
            REORG => {
                let payload: ReorgPayload = serde_json::from_str(payload).ok()?;
                Some(Self::Reorg {
                    dropped: payload.dropped,
                })
            }
            FINAL => serde_json::from_str(payload).ok().map(Self::Final),
            _ => None,
        }
    }
}

/// A stored chain event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub chain: ChainId,
    pub block_hash: String,
    pub height: Height,
    pub block_time: Time,
    pub event: types::ChainEvent,
    /// Whether its block is no longer canonical.
    pub reverted: bool,
}

/// A position in the events of a chain: after this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCursor {
    pub height: Height,
    /// The event's index in the block; -1 is before its first event.
    pub index: i64,
}

/// Selects chain events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    pub chain: ChainId,
    /// Empty for all sources.
    pub sources: Vec<String>,
    /// Empty for all topics.
    pub topics: Vec<String>,
}
