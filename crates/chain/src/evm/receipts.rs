//! Receipts as JSON tells them, and the root that a header holds over all of its block's.
//!
//! The root proves every receipt and every log of the block, given the header: status, gas, logs,
//! their order and their number. It says nothing of transactions' hashes, prices or contracts.

use super::bloom::Bloom;
use super::connector::TransactionJson;
use super::header::Header;
use super::logs::LogJson;
use super::numerals::{Account, Big, Fixed, Quantity, Word};
use super::rlp::List;
use alloy_consensus::proofs::ordered_trie_root_encoded;
use serde::Deserialize;
use types::{Amount, Status};

/// A receipt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptJson {
    pub(super) transaction_hash: Word,
    pub(super) transaction_index: Quantity,
    pub(super) block_hash: Word,
    pub(super) block_number: Quantity,
    /// EIP-2718; absent at nodes from before it.
    #[serde(rename = "type", default)]
    kind: Quantity,
    status: Option<Quantity>,
    /// The state after it, in place of the status before Byzantium.
    root: Option<Word>,
    cumulative_gas_used: Quantity,
    /// Believed as it stands: the root covers it together with the logs.
    logs_bloom: Option<Box<Bloom>>,
    gas_used: Quantity,
    /// Absent before London: the transaction's own price counts.
    effective_gas_price: Option<Big>,
    /// What an OP-stack chain charges besides, for its parent chain.
    l1_fee: Option<Big>,
    contract_address: Option<Account>,
    pub(super) logs: Vec<LogJson>,
}

/// Whether receipts have the root that their block's header holds, and tell no other gas than it
/// covers.
pub(super) fn are_proven(header: &Header, receipts: &[ReceiptJson]) -> bool {
    let mut sums = receipts.iter().scan(0, |before: &mut u64, receipt| {
        let used = receipt.cumulative_gas_used.0.checked_sub(*before);
        *before = receipt.cumulative_gas_used.0;
        Some(used == Some(receipt.gas_used.0))
    });
    sums.all(|fits| fits) && root(receipts) == header.receipts_root
}

/// The root over receipts, in their order (Yellow Paper 4.3.1, EIP-2718).
fn root(receipts: &[ReceiptJson]) -> Word {
    let encoded: Vec<Vec<u8>> = receipts.iter().map(ReceiptJson::encoded).collect();
    Fixed(ordered_trie_root_encoded(&encoded).0)
}

impl ReceiptJson {
    fn encoded(&self) -> Vec<u8> {
        let (mut list, mut logs) = (List::default(), List::default());
        for log in &self.logs {
            logs.raw(&encoded_log(log));
        }
        match (self.status, self.root) {
            (Some(status), _) => list.number(&status.0.to_be_bytes()),
            (None, root) => list.any_bytes(root.map(|root| root.0)),
        };
        list.number(&self.cumulative_gas_used.0.to_be_bytes())
            .any_bytes(self.logs_bloom.as_ref().map(|bloom| bloom.0))
            .raw(&logs.finish());
        match u8::try_from(self.kind.0) {
            Ok(0) | Err(_) => list.finish(),
            Ok(kind) => [vec![kind], list.finish()].concat(),
        }
    }

    /// Whether its logs say that they are of its transaction: the root covers under which receipt
    /// they stand, not what they say.
    pub(super) fn owns_its_logs(&self) -> bool {
        let own = |log: &LogJson| {
            log.transaction_hash == self.transaction_hash
                && log.transaction_index == self.transaction_index
        };
        self.logs.iter().all(own)
    }

    /// How it ended (EIP-658); none on chains from before Byzantium, which do not say.
    pub(super) fn status(&self) -> Option<Status> {
        match self.status? {
            Quantity(0) => Some(Status::Reverted),
            Quantity(1) => Some(Status::Succeeded),
            Quantity(_) => None,
        }
    }

    /// The contract that the transaction made. Some nodes write the zero address where there is
    /// none.
    pub(super) fn created(&self, transaction: &TransactionJson) -> Option<String> {
        let contract = self.contract_address.filter(|_| transaction.to.is_none())?;
        Some(contract.to_string())
    }

    /// What it cost, in wei; none if that passes 2^256, which cannot be.
    pub(super) fn fee(&self, transaction: &TransactionJson) -> Option<Amount> {
        let Big(price) = self
            .effective_gas_price
            .or(transaction.gas_price)
            .unwrap_or_default();
        let Big(parent_chain) = self.l1_fee.unwrap_or_default();
        Amount::from(self.gas_used.0)
            .checked_mul(price)?
            .checked_add(parent_chain)
    }
}

fn encoded_log(log: &LogJson) -> Vec<u8> {
    let (mut list, mut topics) = (List::default(), List::default());
    for topic in &log.topics {
        topics.bytes(&topic.0);
    }
    list.bytes(&log.address.0)
        .raw(&topics.finish())
        .bytes(&log.data.0)
        .finish()
}
