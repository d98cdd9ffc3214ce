//! Transactions and receipts as JSON tells them: only what is read.

use crate::evm::logs::LogJson;
use crate::evm::numerals::{Account, Big, Quantity, Word};
use serde::Deserialize;
use types::{Amount, Status};

/// The hashes of a block's transactions.
#[derive(Debug, Deserialize)]
pub(super) struct Hashes {
    pub(super) transactions: Vec<Word>,
}

/// A block's transactions.
#[derive(Debug, Deserialize)]
pub(super) struct Transactions {
    pub(super) transactions: Vec<TransactionJson>,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionJson {
    pub(super) hash: Word,
    pub(super) from: Account,
    pub(super) nonce: Quantity,
    pub(super) block_hash: Option<Word>,
    pub(super) transaction_index: Option<Quantity>,
    /// None deploys a contract.
    pub(super) to: Option<Account>,
    pub(super) gas_price: Option<Big>,
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptJson {
    pub(super) transaction_hash: Word,
    pub(super) transaction_index: Quantity,
    pub(super) block_hash: Word,
    pub(super) block_number: Quantity,
    status: Option<Quantity>,
    gas_used: Quantity,
    /// Absent before London: the transaction's own price counts.
    effective_gas_price: Option<Big>,
    /// What an OP-stack chain charges besides, for its parent chain.
    l1_fee: Option<Big>,
    contract_address: Option<Account>,
    pub(super) logs: Vec<LogJson>,
}

impl ReceiptJson {
    /// How it ended (EIP-658); none on chains from before Byzantium, which do not say.
    pub(super) fn status(&self) -> Option<Status> {
        match self.status? {
            Quantity(0) => Some(Status::Reverted),
            Quantity(1) => Some(Status::Succeeded),
            Quantity(_) => None,
        }
    }

    /// The contract that the transaction made. Some nodes write the zero address where there is none.
    pub(super) fn created(&self, transaction: &TransactionJson) -> Option<String> {
        let contract = self.contract_address.filter(|_| transaction.to.is_none())?;
        Some(contract.to_string())
    }

    /// What it cost, in wei; none if that passes 2^256, which cannot be.
    pub(super) fn fee(&self, transaction: &TransactionJson) -> Option<Amount> {
        let Big(price) = self.effective_gas_price.or(transaction.gas_price).unwrap_or_default();
        let Big(parent_chain) = self.l1_fee.unwrap_or_default();
        Amount::from(self.gas_used.0).checked_mul(price)?.checked_add(parent_chain)
    }
}
