//! Block headers in JSON, and their hash.
//!
//! The hash is the Keccak-256 of the RLP of the fields in order, with the fields of later forks at
//! the end (London to Osaka, and announced ones). Two kinds of chains differ:
//! Byzantine-fault-tolerant engines leave their commit seals out (see `bft`), and Avalanche has a
//! field of its own in the middle. An unknown field makes the hash differ, and the header is
//! rejected.

mod bft;

use super::bloom::Bloom;
use super::numerals::{Account, Big, Bytes, Fixed, Quantity, Word};
use super::rlp::List;
use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::keccak256;
use serde::Deserialize;
use types::{Height, Time};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    pub(super) hash: Word,
    pub(super) parent_hash: Word,
    sha3_uncles: Word,
    miner: Account,
    state_root: Word,
    transactions_root: Word,
    pub(super) receipts_root: Word,
    pub(super) logs_bloom: Bloom,
    difficulty: Big,
    pub(super) number: Quantity,
    pub(super) gas_limit: Quantity,
    gas_used: Quantity,
    pub(super) timestamp: Quantity,
    extra_data: Bytes,
    // Old proof-of-authority chains omit the next two in JSON. If zero is wrong, the hash does not
    // match.
    #[serde(default)]
    mix_hash: Word,
    #[serde(default)]
    nonce: Fixed<8>,
    // London (EIP-1559).
    pub(super) base_fee_per_gas: Option<Big>,
    // Shanghai (EIP-4895).
    withdrawals_root: Option<Word>,
    // Cancun (EIP-4844, EIP-4788).
    blob_gas_used: Option<Quantity>,
    excess_blob_gas: Option<Quantity>,
    parent_beacon_block_root: Option<Word>,
    // Prague (EIP-7685).
    requests_hash: Option<Word>,
    // Announced (EIP-7928, EIP-7843).
    block_access_list_hash: Option<Word>,
    slot_number: Option<Quantity>,
    // Avalanche C-Chain.
    ext_data_hash: Option<Word>,
    ext_data_gas_used: Option<Big>,
    block_gas_cost: Option<Big>,
    timestamp_milliseconds: Option<Quantity>,
    min_delay_excess: Option<Quantity>,
}

impl Header {
    /// Whether the hash of the fields is the header's hash.
    pub(super) fn hash_matches(&self) -> bool {
        let matches = |extra: &[u8]| self.hash_with(extra) == *self.hash;
        matches(&self.extra_data)
            || bft::extras(&self.mix_hash, &self.extra_data)
                .iter()
                .any(|extra| matches(extra))
    }

    /// Whether the transactions root is not that of an empty block.
    pub(super) fn has_transactions(&self) -> bool {
        *self.transactions_root != *EMPTY_ROOT_HASH
    }

    /// The block's identity.
    pub(super) fn block_ref(&self) -> crate::BlockRef {
        crate::BlockRef {
            height: Height(*self.number),
            hash: self.hash.to_string(),
            parent: self.parent_hash.to_string(),
            time: self.time(),
        }
    }

    /// The timestamp set by the block producer.
    pub(super) fn time(&self) -> Time {
        Time::from_secs(i64::try_from(*self.timestamp).unwrap_or(i64::MAX))
    }

    fn hash_with(&self, extra: &[u8]) -> [u8; 32] {
        let mut list = List::default();
        list.bytes(self.parent_hash)
            .bytes(self.sha3_uncles)
            .bytes(self.miner)
            .bytes(self.state_root)
            .bytes(self.transactions_root)
            .bytes(self.receipts_root)
            .bytes(self.logs_bloom)
            .number(self.difficulty)
            .number(self.number)
            .number(self.gas_limit)
            .number(self.gas_used)
            .number(self.timestamp)
            .bytes(extra)
            .bytes(self.mix_hash)
            .bytes(self.nonce);
        self.add_forks(&mut list);
        *keccak256(list.finish())
    }

    fn add_forks(&self, list: &mut List) {
        list.optional_bytes(self.ext_data_hash)
            .optional_number(self.base_fee_per_gas)
            .optional_number(self.ext_data_gas_used)
            .optional_number(self.block_gas_cost)
            .optional_bytes(self.withdrawals_root)
            .optional_number(self.blob_gas_used)
            .optional_number(self.excess_blob_gas)
            .optional_bytes(self.parent_beacon_block_root)
            .optional_bytes(self.requests_hash)
            .optional_bytes(self.block_access_list_hash)
            .optional_number(self.slot_number)
            .optional_number(self.timestamp_milliseconds)
            .optional_number(self.min_delay_excess);
    }
}

/// Describes a header in an error message.
pub(super) fn describe(header: &Header) -> String {
    format!("block {} {}", *header.number, header.hash)
}

#[cfg(test)]
mod tests;
