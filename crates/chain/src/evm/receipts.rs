//! Receipts in JSON, and the receipts root of a block.
//!
//! Given the header, the root proves every receipt and log of the block: status, gas, logs, their
//! order and number. It does not cover transaction hashes, prices or created contracts.

use super::bloom::Bloom;
use super::header::Header;
use super::logs::LogJson;
use super::numerals::{Account, Big, Hex, Quantity, Word};
use super::rlp::List;
use super::transactions::TransactionJson;
use alloy_consensus::proofs::ordered_trie_root_encoded;
use serde::Deserialize;
use types::{Amount, ExecutionStatus};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptJson {
    pub(super) transaction_hash: Word,
    pub(super) transaction_index: Quantity,
    pub(super) block_hash: Word,
    pub(super) block_number: Quantity,
    /// EIP-2718. Absent at nodes from before it.
    #[serde(rename = "type", default)]
    kind: Quantity,
    status: Option<Quantity>,
    /// The post-transaction state root, used instead of the status before Byzantium.
    root: Option<Word>,
    cumulative_gas_used: Quantity,
    /// Not recomputed: the root covers it together with the logs.
    logs_bloom: Option<Box<Bloom>>,
    gas_used: Quantity,
    /// Absent before London; the transaction's own price applies.
    effective_gas_price: Option<Big>,
    /// The fee that an OP-stack chain charges for its parent chain.
    l1_fee: Option<Big>,
    contract_address: Option<Account>,
    pub(super) logs: Vec<LogJson>,
}

/// Whether the receipts match the header's receipts root, and their gas matches the cumulative gas
/// that the root covers.
pub(super) fn matches_root(header: &Header, receipts: &[ReceiptJson]) -> bool {
    let mut sums = receipts.iter().scan(0, |previous: &mut u64, receipt| {
        let used = receipt.cumulative_gas_used.checked_sub(*previous);
        *previous = *receipt.cumulative_gas_used;
        Some(used == Some(*receipt.gas_used))
    });
    sums.all(|matches| matches) && root(receipts) == header.receipts_root
}

/// The root of the receipts trie (Yellow Paper 4.3.1, EIP-2718).
fn root(receipts: &[ReceiptJson]) -> Word {
    let encoded: Vec<Vec<u8>> = receipts.iter().map(ReceiptJson::encoded).collect();
    Hex(*ordered_trie_root_encoded(&encoded))
}

impl ReceiptJson {
    fn encoded(&self) -> Vec<u8> {
        let (mut list, mut logs) = (List::default(), List::default());
        for log in &self.logs {
            logs.raw(&encoded_log(log));
        }
        match (self.status, self.root) {
            (Some(status), _) => list.number(status),
            (None, root) => list.optional_bytes(root),
        };
        list.number(self.cumulative_gas_used)
            .optional_bytes(self.logs_bloom.as_deref().copied())
            .raw(&logs.finish());
        match u8::try_from(*self.kind) {
            Ok(0) | Err(_) => list.finish(),
            Ok(kind) => [vec![kind], list.finish()].concat(),
        }
    }

    /// Whether its logs name its transaction: the root covers the receipt of a log, not the
    /// transaction that the log names.
    pub(super) fn has_own_logs(&self) -> bool {
        let is_own = |log: &LogJson| {
            log.transaction_hash == self.transaction_hash
                && log.transaction_index == self.transaction_index
        };
        self.logs.iter().all(is_own)
    }

    /// The status (EIP-658). `None` before Byzantium.
    pub(super) fn status(&self) -> Option<ExecutionStatus> {
        match *self.status? {
            0 => Some(ExecutionStatus::Reverted),
            1 => Some(ExecutionStatus::Succeeded),
            _ => None,
        }
    }

    /// The created contract. Some nodes write the zero address if there is none.
    pub(super) fn created(&self, transaction: &TransactionJson) -> Option<String> {
        let contract = self.contract_address.filter(|_| transaction.to.is_none())?;
        Some(contract.to_string())
    }

    /// The fee in wei. `None` if it exceeds 2^256.
    pub(super) fn fee(&self, transaction: &TransactionJson) -> Option<Amount> {
        let Hex(price) = self
            .effective_gas_price
            .or(transaction.gas_price)
            .unwrap_or_default();
        let Hex(l1_fee) = self.l1_fee.unwrap_or_default();
        Amount::from(*self.gas_used)
            .checked_mul(price)?
            .checked_add(l1_fee)
    }
}

fn encoded_log(log: &LogJson) -> Vec<u8> {
    let (mut list, mut topics) = (List::default(), List::default());
    for topic in &log.topics {
        topics.bytes(topic);
    }
    list.bytes(log.address)
        .raw(&topics.finish())
        .bytes(&log.data)
        .finish()
}
