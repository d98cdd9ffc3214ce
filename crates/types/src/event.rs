//! The values that engines exchange about chains: blocks, events, inclusions, and decoded
//! transfers.
//!
//! Hashes, addresses and transaction ids are text in the chain's own format (EVM: lower-case
//! hexadecimal with 0x).

use crate::{Amount, ChainId, Height, ReplayKey, Time};
use serde::{Deserialize, Serialize};

/// A block of the canonical chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub chain: ChainId,
    pub height: Height,
    pub hash: String,
    /// The hash of the parent block.
    pub parent: String,
    /// The timestamp in the block header.
    pub time: Time,
    /// The events of the block that are stored, in order.
    pub events: Vec<ChainEvent>,
    /// The transactions of watched signers in the block, in order.
    pub inclusions: Vec<Inclusion>,
}

/// An event on a chain: an EVM log, or an output created or spent. Identity: (chain, transaction,
/// path).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEvent {
    /// The id of the transaction that emitted it.
    pub transaction: String,
    /// The position within the transaction; for a log, its index among the transaction's logs.
    pub path: String,
    /// The index of the transaction in the block.
    pub transaction_index: u32,
    /// The index of the event in the block (for a log, its log index).
    pub index: u32,
    /// The contract or script that emitted it.
    pub source: String,
    /// The type of event: for a log its first topic, empty if it has none.
    pub topic: String,
    /// The rest, in the exact form that the chain's connector defines. EVM:
    /// `{"topics":["0x…"],"data":"0x…"}`.
    pub body: String,
}

impl ChainEvent {
    /// The public id. It stays the same when the transaction is included again in another block.
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

/// The inclusion of a watched signer's transaction in a block. It finalizes the submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The id (hash) of the transaction.
    pub transaction: String,
    pub signer: String,
    /// The replay keys it consumed; one per input on UTXO chains.
    pub replay_keys: Vec<ReplayKey>,
    /// The index of the transaction in the block.
    pub index: u32,
    pub status: ExecutionStatus,
    /// The fee paid, in the chain's base unit.
    pub fee: Amount,
    /// The address of the contract it created, if any.
    pub created: Option<String>,
}

/// The result of executing an included transaction.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ExecutionStatus {
    Succeeded,
    /// The chain charged the fee, consumed the replay key, and reverted everything else.
    Reverted,
}

/// The kind of asset that a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TransferKind {
    /// Units of a fungible token.
    Fungible {
        /// Set where one contract holds many fungible tokens (ERC-1155).
        token_id: Option<Amount>,
    },
    /// One non-fungible token (ERC-721).
    NonFungible { token_id: Amount },
}

/// A transfer decoded from a chain event by a token standard. Identity: (chain, transaction, path);
/// the transfers of a batch append `.n` to the path of its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The id of the transaction that made it.
    pub transaction: String,
    /// The position within the transaction.
    pub path: String,
    /// Its current position, `block/transaction/log`, and `/n` within a batch.
    pub protocol_id: String,
    /// The token contract.
    pub contract: String,
    /// The standard that defines the event: `ERC-20`, `ERC-721`, `ERC-1155`.
    pub standard: String,
    pub what: TransferKind,
    /// The previous owner; the zero address for a mint.
    pub from: String,
    /// The new owner; the zero address for a burn.
    pub to: String,
    /// The account that initiated it, if the event contains it.
    pub operator: Option<String>,
    /// 1 for a non-fungible token.
    pub amount: Amount,
}
