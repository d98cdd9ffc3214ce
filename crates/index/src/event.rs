//! The facts of a chain's partition, and chain events as they are stored.

use serde::{Deserialize, Serialize};
use types::{Amount, ChainId, Height, Status, Time, Witness};

/// What the facts of the partition `chain/<id>` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFact {
    /// `chain.block`: a block joined the canonical chain.
    Block {
        /// The block.
        block: Dropped,
        /// How many events of it are kept.
        event_count: u64,
        /// How many transactions of watched signers it holds.
        included_count: u64,
    },
    /// `chain.reorg`: these blocks are not canonical any more, newest first.
    Reorg {
        /// The blocks.
        dropped: Vec<Dropped>,
    },
    /// `chain.final`: everything up to this height is final.
    Final(FinalMoved),
}

/// A block by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The chain.
    pub chain: ChainId,
    /// How high it stood.
    pub height: Height,
    /// Its hash.
    pub hash: String,
}

/// The watermark moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalMoved {
    /// The chain.
    pub chain: ChainId,
    /// Heights above this one, …
    pub above: Option<Height>,
    /// … up to this one are final now.
    pub through: Height,
    /// The block that stands there.
    pub hash: String,
}

/// `chain.block`, type of fact.
pub(crate) const BLOCK: &str = "chain.block";
/// `chain.reorg`, type of fact.
pub(crate) const REORG: &str = "chain.reorg";
/// `chain.final`, type of fact.
pub(crate) const FINAL: &str = "chain.final";

#[derive(Serialize, Deserialize)]
pub(crate) struct BlockPayload<B> {
    #[serde(flatten)]
    pub(crate) block: Dropped,
    pub(crate) event_count: u64,
    pub(crate) included_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<B>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ReorgPayload {
    pub(crate) dropped: Vec<Dropped>,
}

impl ChainFact {
    /// What a fact says of a chain; none if it is of another type, or not readable.
    pub fn read(kind: &str, payload: &str) -> Option<Self> {
        match kind {
            BLOCK => {
                let read: BlockPayload<serde_json::Value> = serde_json::from_str(payload).ok()?;
                let (event_count, included_count) = (read.event_count, read.included_count);
                Some(Self::Block {
                    block: read.block,
                    event_count,
                    included_count,
                })
            }
            REORG => {
                let read: ReorgPayload = serde_json::from_str(payload).ok()?;
                Some(Self::Reorg {
                    dropped: read.dropped,
                })
            }
            FINAL => serde_json::from_str(payload).ok().map(Self::Final),
            _ => None,
        }
    }
}

/// A chain event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The chain.
    pub chain: ChainId,
    /// The block.
    pub block_hash: String,
    /// How high it stands.
    pub height: Height,
    /// When the block was made.
    pub block_time: Time,
    /// The event.
    pub event: types::ChainEvent,
    /// Whether its block is canonical no more.
    pub reverted: bool,
}

/// A transaction of a watched signer as it is stored, for one thing it used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIncluded {
    /// What was used up.
    pub witness: Witness,
    /// The transaction.
    pub transaction: String,
    /// Who signed it.
    pub signer: String,
    /// The block.
    pub block_hash: String,
    /// How high it stands.
    pub height: Height,
    /// How it ended.
    pub status: Status,
    /// What it cost.
    pub fee: Amount,
    /// The contract it made.
    pub created: Option<String>,
    /// Whether its block is canonical no more.
    pub reverted: bool,
}
