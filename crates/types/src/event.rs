//! The values that cross engines: blocks, what happened in them, and the movements of value read
//! from that.
//!
//! Hashes, addresses and transaction ids are text in the chain's own form (EVM: lower-case
//! hexadecimal with 0x).

use crate::{Amount, ChainId, Height, Time, Witness};
use serde::{Deserialize, Serialize};

/// A block of the canonical chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The chain.
    pub chain: ChainId,
    /// How high it stands.
    pub height: Height,
    /// Its hash.
    pub hash: String,
    /// The hash of the block below.
    pub parent: String,
    /// When its maker says it was made.
    pub time: Time,
    /// Everything that happened in it and is worth keeping, in order.
    pub events: Vec<ChainEvent>,
    /// Every transaction in it whose signer is watched, in order.
    pub included: Vec<Included>,
}

/// Something that happened on a chain: an EVM log, a UTXO made or spent. Identity: (chain,
/// transaction, path).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEvent {
    /// The transaction it happened in.
    pub transaction: String,
    /// Its place within the transaction; for a log, its index among the transaction's logs.
    pub path: String,
    /// The transaction's place in the block.
    pub transaction_index: u32,
    /// The event's place in the block (a log's index).
    pub index: u32,
    /// The contract or script it comes from.
    pub source: String,
    /// What kind of event it is: for a log its first topic, empty if it has none.
    pub topic: String,
    /// The rest, exactly, as the connector of the chain defines it. EVM:
    /// `{"topics":["0x…"],"data":"0x…"}`.
    pub body: String,
}

impl ChainEvent {
    /// The id that outsiders see: it survives re-inclusion in another block.
    pub fn id(&self, chain: &ChainId) -> String {
        format!("{chain}/{}/{}", self.transaction, self.path)
    }

    /// The current position, `block/transaction/log`, unique only among events that are not
    /// reverted.
    pub fn protocol_id(&self, height: Height) -> String {
        format!(
            "{:012}/{:06}/{:06}",
            height.0, self.transaction_index, self.index
        )
    }
}

/// A transaction of a watched signer in a block: how a submission learns that it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Included {
    /// The transaction's id (its hash).
    pub transaction: String,
    /// Who signed it.
    pub signer: String,
    /// What it used up; several for several inputs.
    pub witnesses: Vec<Witness>,
    /// Its place in the block.
    pub index: u32,
    /// Whether it did what it was to do.
    pub status: Status,
    /// What it cost, in the chain's base unit.
    pub fee: Amount,
    /// The contract it made, if it made one.
    pub created: Option<String>,
}

/// How an included transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It did what it was to do.
    Succeeded,
    /// The chain took it, its fee and its witness, and undid the rest.
    Reverted,
}

/// What a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TransferKind {
    /// Units of a fungible pool. `token_id` is set where a contract holds many pools (ERC-1155).
    Fungible {
        /// Which pool of the contract; none where it has one.
        token_id: Option<Amount>,
    },
    /// One thing of its own (ERC-721).
    NonFungible {
        /// Which one.
        token_id: Amount,
    },
}

/// A movement of value as a token standard tells it. Identity: (chain, transaction, path); a batch
/// adds `.n` to its log's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The transaction it happened in.
    pub transaction: String,
    /// Its place within the transaction.
    pub path: String,
    /// Its current position, `block/transaction/log` and `/n` within a batch.
    pub protocol_id: String,
    /// The token contract.
    pub contract: String,
    /// The standard whose event told it: `ERC-20`, `ERC-721`, `ERC-1155`.
    pub standard: String,
    /// What moves.
    pub what: TransferKind,
    /// Who had it; the zero address when it is made.
    pub from: String,
    /// Who gets it; the zero address when it is destroyed.
    pub to: String,
    /// Who moved it, where the event says.
    pub operator: Option<String>,
    /// How much; 1 for a thing of its own.
    pub amount: Amount,
}
