//! Statements of pools and NFTs that the projection writes, and of those that stand apart.

use super::{columns, objects};
use crate::Type;
use crate::field::Schema;
use crate::object::Object;
use store::{Result, Tx, list};
use types::ChainId;

/// A contract on a chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, store::Record)]
pub(crate) struct Contract {
    pub(crate) chain: String,
    pub(crate) address: String,
}

/// The pools that the projection knows under these names: chain, contract, name.
pub(crate) fn projected(tx: &mut Tx, keys: &[(String, String, String)]) -> Result<Vec<Object>> {
    let schema = Type::Pool.schema();
    let sql = format!(
        "WITH n(namespace, chain, address, name) AS ({{ns_rows}}) SELECT {} FROM n
           JOIN pool t ON t.namespace = n.namespace AND t.chain = n.chain AND t.address = n.address AND t.projected_as = n.name",
        columns(schema, "t.")
    );
    Ok(objects(schema, tx.query_rows(&sql, (), keys)?))
}

/// The ids of pools that are the only ones of their contract, if the projection does not write them
/// and they are not named after a token of the contract.
pub(crate) fn only_pools(tx: &mut Tx, contracts: &[Contract]) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.query_rows(
        "WITH n(namespace, chain, address) AS ({ns_rows}) SELECT MIN(t.id) AS id FROM n
           JOIN pool t ON t.namespace = n.namespace AND t.chain = n.chain AND t.address = n.address
          GROUP BY n.chain, n.address
         HAVING COUNT(*) = 1 AND MAX(t.projected_as) IS NULL AND MAX(substr(t.name, 1, 3)) <> 'id-'",
        (),
        contracts,
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Those of these contracts that have a pool that the projection writes.
pub(crate) fn followed(tx: &mut Tx, contracts: &[Contract]) -> Result<Vec<Contract>> {
    tx.query_rows(
        "WITH n(namespace, chain, address) AS ({ns_rows}) SELECT n.chain, n.address FROM n
          WHERE EXISTS (SELECT 1 FROM pool t WHERE t.namespace = n.namespace AND t.chain = n.chain AND t.address = n.address
                                               AND t.projected_as IS NOT NULL)",
        (),
        contracts,
    )
}

/// Those of these pools or NFTs that the projection writes.
pub(crate) fn projected_ids(
    tx: &mut Tx,
    schema: &'static Schema,
    ids: &[&str],
) -> Result<Vec<String>> {
    let sql = format!(
        "WITH n(namespace, id) AS ({{ns_rows}}) SELECT t.id FROM n
           JOIN {} t ON t.namespace = n.namespace AND t.id = n.id WHERE t.projected_as IS NOT NULL",
        schema.table
    );
    let rows: Vec<(String,)> = tx.query_rows(&sql, (), &list(ids))?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Set the callers' pools of contracts apart. Returns the id and version of those that were not.
pub(crate) fn set_apart(
    tx: &mut Tx,
    chain: &ChainId,
    addresses: &[&str],
) -> Result<Vec<(String, i64)>> {
    tx.query_rows(
        "WITH n(namespace, address) AS ({ns_rows}) UPDATE pool SET apart = 1, version = pool.version + 1 FROM n
          WHERE pool.namespace = n.namespace AND pool.chain = ?1 AND pool.address = n.address
            AND pool.projected_as IS NULL AND pool.apart = 0 RETURNING pool.id, pool.version",
        (chain,),
        &list(addresses),
    )
}

/// Set the transfers that callers wrote into these pools and NFTs apart, and delete the balances,
/// which only those have made so far.
pub(crate) fn set_transfers_apart(tx: &mut Tx, parents: &[&str]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows}) UPDATE transfer SET apart = 1 FROM n
          WHERE transfer.namespace = n.namespace AND transfer.parent_id = n.id AND transfer.source IS NULL",
        (),
        &list(parents),
    )?;
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         DELETE FROM balance WHERE (namespace, parent_id) IN (SELECT n.namespace, n.id FROM n)",
        (),
        &list(parents),
    )?;
    Ok(())
}
