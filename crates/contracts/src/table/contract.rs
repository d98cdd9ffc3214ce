//! Contracts.

use serde::{Deserialize, Serialize};
use store::{Record as _, Result, ScopedTable as _, Tx};
use types::{ChainId, ContractId, Digest, Page, Time};

/// A standard that a contract implements.
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
pub enum Standard {
    Erc20,
    Erc721,
    Erc1155,
}

store::text_columns! { as_in_json: Standard }

/// A contract that the namespace knows.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "contract")]
pub struct Contract {
    #[record(key)]
    pub id: ContractId,
    pub chain: ChainId,
    /// In the chain's canonical form. Unique on the chain.
    pub address: String,
    #[record(update)]
    pub standard: Option<Standard>,
    /// The hash of its interface.
    #[record(update)]
    pub interface: Option<Digest>,
    #[record(column = "created_at")]
    pub created: Time,
    /// The id of the principal whose request was the first to name it.
    pub created_by: String,
    /// Incremented by each change.
    #[record(next_version)]
    pub version: u64,
}

/// A contract's id and address.
#[derive(store::Record)]
pub(crate) struct Address {
    pub(crate) id: ContractId,
    pub(crate) address: String,
}

pub(crate) fn get(tx: &mut Tx, id: &ContractId) -> Result<Option<Contract>> {
    let sql = Contract::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))
}

pub(crate) fn find(tx: &mut Tx, chain: &ChainId, address: &str) -> Result<Option<Contract>> {
    let sql = Contract::select("WHERE namespace = ?ns AND chain = ?1 AND address = ?2");
    tx.row(&sql, (chain, address))
}

/// In the order of chain and address; of all chains if none is given.
pub(crate) fn list(tx: &mut Tx, chain: Option<&ChainId>, page: &Page) -> Result<Vec<Contract>> {
    let sql = Contract::select(
        "WHERE namespace = ?ns AND (?1 = '' OR chain = ?1) ORDER BY chain, address LIMIT ?2 OFFSET ?3",
    );
    let chain = chain.map(ChainId::to_string).unwrap_or_default();
    tx.rows(&sql, (chain, page.limit, page.skip))
}

pub(crate) fn addresses(tx: &mut Tx, ids: &[ContractId]) -> Result<Vec<Address>> {
    tx.query_rows(
        "SELECT id, address FROM contract WHERE namespace = ?ns AND id IN ({rows})",
        (),
        &store::list(ids),
    )
}

pub(crate) fn count(tx: &mut Tx) -> Result<u64> {
    tx.count("SELECT COUNT(*) FROM contract WHERE namespace = ?ns", ())
}

/// Returns false if the chain has a contract with this address already.
pub(crate) fn insert(tx: &mut Tx, contract: &Contract) -> Result<bool> {
    let rows = std::slice::from_ref(contract);
    Ok(Contract::insert(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}
