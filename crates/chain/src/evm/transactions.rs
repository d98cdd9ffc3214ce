//! Transactions in JSON. Only the fields that are used.

use super::numerals::{Account, Big, Quantity, Word};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Hashes {
    pub(super) transactions: Vec<Word>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transactions {
    pub(super) transactions: Vec<TransactionJson>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionJson {
    pub(super) hash: Word,
    pub(super) from: Account,
    pub(super) nonce: Quantity,
    pub(super) block_hash: Option<Word>,
    pub(super) transaction_index: Option<Quantity>,
    /// `None` deploys a contract.
    pub(super) to: Option<Account>,
    pub(super) gas_price: Option<Big>,
}
