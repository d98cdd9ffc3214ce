//! Projection scopes.

use store::{Record as _, Result, ScopedTable as _, Tx, UnscopedTx};
use types::{ChainId, ContractId, Height, Namespace};

/// A source of a chain that is projected for a namespace.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "projection_scope")]
pub struct Scope {
    pub namespace: Namespace,
    #[record(key)]
    pub projection: String,
    #[record(key)]
    pub chain: ChainId,
    /// A contract address, or `*` for all.
    #[record(key)]
    pub source: String,
    /// The contract with this address; none for `*`.
    pub contract: Option<ContractId>,
    /// The height at which it starts.
    #[record(column = "from_height")]
    pub from: Height,
    /// The next height to read while it is not caught up.
    #[record(update, column = "next_height")]
    pub next: Height,
    /// Whether it has reached the head, so that the committer projects new blocks for it.
    #[record(update)]
    pub caught_up: bool,
    /// Why its projection failed, if it did. To retry, untrack and track the source again.
    #[record(update)]
    pub quarantined: Option<String>,
    /// Incremented with each change.
    #[record(next_version)]
    pub version: u64,
}

/// The scopes of a chain, of every namespace.
pub(crate) fn of_chain(tx: &mut UnscopedTx, chain: &ChainId) -> Result<Vec<Scope>> {
    let sql = Scope::select("WHERE chain = ?1 ORDER BY namespace, projection, source");
    tx.rows(&sql, (chain,))
}

/// The scopes of the namespace on a chain.
pub(crate) fn of_namespace(tx: &mut Tx, chain: &ChainId) -> Result<Vec<Scope>> {
    let sql = Scope::select("WHERE namespace = ?ns AND chain = ?1 ORDER BY projection, source");
    tx.rows(&sql, (chain,))
}

/// The source of a scope of a contract, if there is one.
pub fn source_of(tx: &mut Tx, contract: &ContractId) -> Result<Option<String>> {
    tx.value(
        "SELECT source FROM projection_scope WHERE namespace = ?ns AND contract = ?1 LIMIT 1",
        (contract,),
    )
}

/// Inserts a scope. Returns false if it already exists.
pub(crate) fn insert(tx: &mut Tx, scope: &Scope) -> Result<bool> {
    let rows = std::slice::from_ref(scope);
    Ok(Scope::insert(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}

/// Deletes a scope. Returns it as it was, if it existed.
pub(crate) fn delete(
    tx: &mut Tx,
    projection: &str,
    chain: &ChainId,
    source: &str,
) -> Result<Option<Scope>> {
    let columns = Scope::COLUMNS;
    let sql = format!(
        "DELETE FROM projection_scope WHERE namespace = ?ns AND projection = ?1 AND chain = ?2 AND source = ?3
         RETURNING {columns}"
    );
    tx.row(&sql, (projection, chain, source))
}

/// Rewinds scopes with the chain, whose next height is now `next`. Scopes beyond it continue there;
/// scopes that start later wait for their start height again.
pub(crate) fn rewind(tx: &mut UnscopedTx, chain: &ChainId, next: Height) -> Result<()> {
    tx.execute(
        "UPDATE projection_scope SET next_height = ?2, version = version + 1
          WHERE chain = ?1 AND next_height > ?2 AND from_height <= ?2",
        (chain, next),
    )?;
    tx.execute(
        "UPDATE projection_scope SET next_height = from_height, caught_up = 0, version = version + 1
          WHERE chain = ?1 AND from_height > ?2 AND (caught_up = 1 OR next_height > from_height)",
        (chain, next),
    )?;
    Ok(())
}
