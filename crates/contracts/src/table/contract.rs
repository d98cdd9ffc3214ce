//! Contracts.

use crate::Error;
use crate::standards;
use intent::Standard;
use serde::Deserialize;
use std::collections::BTreeSet;
use store::named::{Meta, Named};
use store::{Record as _, Result, ScopedTable as _, Tx, params};
use types::{ChainId, ContractId, Digest, Entropy, Height, Page, Time};

/// A contract that the namespace knows.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "contract")]
pub struct Contract {
    #[record(key)]
    pub id: ContractId,
    /// Unique in the namespace; none for a contract that is only mentioned.
    #[record(update)]
    pub name: Option<String>,
    pub chain: ChainId,
    /// In the chain's canonical form. Unique on the chain.
    pub address: String,
    #[record(update, json)]
    pub standards: BTreeSet<Standard>,
    /// The hash of its interface.
    #[record(update)]
    pub interface: Option<Digest>,
    /// Keccak-256 of the code, hexadecimal with 0x.
    #[record(update)]
    pub code_hash: Option<String>,
    /// How a proxy names its implementation ([`chain::ProxyKind`]).
    #[record(update)]
    pub proxy: Option<String>,
    #[record(update)]
    pub implementation: Option<String>,
    #[record(update)]
    pub implementation_code_hash: Option<String>,
    #[record(update)]
    pub decimals: Option<u8>,
    #[record(update)]
    pub symbol: Option<String>,
    /// The token that a vault holds (ERC-4626).
    #[record(update)]
    pub underlying: Option<String>,
    /// The final block that this was read at.
    #[record(update, column = "verified_height")]
    pub verified: Option<Height>,
    /// Why it is not trusted until a controller accepts it.
    #[record(update)]
    pub changed: Option<String>,
    /// The id of the principal that registered it; none if it is only mentioned.
    #[record(update)]
    pub registered_by: Option<String>,
    #[record(update, column = "registered_at")]
    pub registered: Option<Time>,
    #[record(column = "created_at")]
    pub created: Time,
    /// The id of the principal whose request was the first to name it.
    pub created_by: String,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    /// Incremented by each change.
    #[record(next_version)]
    pub version: u64,
}

impl Named for Contract {
    type Id = ContractId;
    type Within = ();
    type Error = Error;
    const NOUN: &'static str = "contract";

    fn new_id(now: Time, entropy: &dyn Entropy) -> ContractId {
        ContractId::new(now, entropy)
    }

    fn meta(&self) -> Meta<ContractId> {
        Meta {
            id: self.id,
            name: self.name.clone().unwrap_or_default(),
            created: self.created,
            updated: self.updated,
            version: self.version,
        }
    }

    fn touch(&mut self, now: Time) {
        self.updated = now;
        self.version += 1;
    }

    fn within(&self) {}
}

/// Selects the contracts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only contracts on this chain.
    pub chain: Option<ChainId>,
    /// Only the contract with this name.
    pub name: Option<String>,
    /// Only contracts that have this standard.
    pub standard: Option<Standard>,
    /// Only registered contracts, without those that are only mentioned.
    #[serde(default)]
    pub registered: bool,
}

/// A contract's id and address.
#[derive(store::Record)]
pub(crate) struct Address {
    pub(crate) id: ContractId,
    pub(crate) address: String,
}

pub(crate) fn find(tx: &mut Tx, chain: &ChainId, address: &str) -> Result<Option<Contract>> {
    let sql = Contract::select("WHERE namespace = ?ns AND chain = ?1 AND address = ?2");
    tx.row(&sql, (chain, address))
}

/// Registered contracts of a chain, by their addresses.
pub(crate) fn registered(
    tx: &mut Tx,
    chain: &ChainId,
    addresses: &[String],
) -> Result<Vec<Contract>> {
    let sql = Contract::select(
        "WHERE namespace = ?ns AND chain = ?1 AND registered_at IS NOT NULL AND address IN ({rows})",
    );
    tx.query_rows(&sql, (chain,), &store::list(addresses))
}

/// In the order in which they became known.
pub(crate) fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Contract>> {
    let sql = Contract::select(
        "WHERE namespace = ?ns AND (?chain IS NULL OR chain = ?chain) AND (?name IS NULL OR name = ?name)
            AND (?standard IS NULL OR standards LIKE ?standard) AND (?registered = 0 OR registered_at IS NOT NULL)
            AND (?after IS NULL OR id > ?after)
          ORDER BY id LIMIT ?limit OFFSET ?skip",
    );
    let Filter { chain, name, .. } = filter;
    let standard = (filter.standard).map(|standard| format!("%\"{}\"%", standards::name(standard)));
    let registered = i64::from(filter.registered);
    let Page { limit, skip, after } = page;
    tx.rows(
        &sql,
        params! { chain, name, standard, registered, limit, skip, after },
    )
}

pub(crate) fn addresses(tx: &mut Tx, ids: &[ContractId]) -> Result<Vec<Address>> {
    tx.query_rows(
        "SELECT id, address FROM contract WHERE namespace = ?ns AND id IN ({rows})",
        (),
        &store::list(ids),
    )
}

/// Writes the row without a change, so that it cannot be deleted before this transaction ends.
pub(crate) fn hold(tx: &mut Tx, id: &ContractId) -> Result<()> {
    tx.execute(
        "UPDATE contract SET version = version WHERE namespace = ?ns AND id = ?1",
        (id,),
    )
    .map(drop)
}

/// Returns false if the chain has a contract with this address already.
pub(crate) fn insert(tx: &mut Tx, contract: &Contract) -> Result<bool> {
    let rows = std::slice::from_ref(contract);
    Ok(Contract::insert(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}
