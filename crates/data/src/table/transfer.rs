//! Statements of transfers: rows of a block, reverted rows, explicit balance changes, NFT owners.

use super::columns;
use crate::Type;
use crate::object::Object;
use store::{Result, Row, Tx, UnscopedTx};
use types::{ChainId, Height, Quantity};

/// The identity of a chain transfer: transaction and path.
pub(crate) type Identity = (String, String);

/// All rows of these transfers on a chain, including those of reverted blocks.
pub(crate) fn by_identities(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    identities: &[Identity],
) -> Result<Vec<Object>> {
    let schema = Type::Transfer.schema();
    let sql = format!(
        "WITH n(namespace, transaction_id, path) AS ({{ns_rows}}) SELECT {} FROM n
           JOIN transfer t ON t.namespace = n.namespace AND t.chain = ?1 AND t.transaction_id = n.transaction_id AND t.path = n.path",
        columns(schema, "t.")
    );
    let rows: Vec<Row> = tx.query_rows(&sql, (chain,), identities)?;
    Ok(rows
        .into_iter()
        .map(|row| Object::from_row(schema, row))
        .collect())
}

/// The latest reverted row of an id.
pub(crate) fn latest_reverted(tx: &mut Tx<'_, '_>, id: &str) -> Result<Option<Object>> {
    let schema = Type::Transfer.schema();
    let sql = format!(
        "SELECT {} FROM transfer t WHERE t.namespace = ?ns AND t.id = ?1 AND t.reverted = 1 ORDER BY t.updated DESC, t.block_hash LIMIT 1",
        columns(schema, "t.")
    );
    Ok(tx
        .row::<Row>(&sql, (id,))?
        .map(|row| Object::from_row(schema, row)))
}

/// The counted transfers of a block. `namespace
///
/// ''` keeps SQLite, which has no statistics, on the block index.
pub(crate) fn of_block(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    height: Height,
    hash: &str,
) -> Result<Vec<Object>> {
    let schema = Type::Transfer.schema();
    let sql = format!(
        "SELECT {} FROM transfer t
          WHERE t.namespace || '' = ?ns AND t.chain = ?1 AND t.height = ?2 AND t.block_hash = ?3 AND t.reverted = 0
          ORDER BY t.position, t.transaction_id, t.path",
        columns(schema, "t.")
    );
    let rows: Vec<Row> = tx.rows(&sql, (chain, height, hash))?;
    Ok(rows
        .into_iter()
        .map(|row| Object::from_row(schema, row))
        .collect())
}

/// The namespaces with rows of a block.
pub(crate) fn namespaces_of_block(
    tx: &mut UnscopedTx<'_, '_>,
    table: &'static str,
    chain: &ChainId,
    height: Height,
    hash: &str,
) -> Result<Vec<(types::Namespace,)>> {
    tx.rows(
        &format!(
            "SELECT DISTINCT namespace FROM {table}
              WHERE chain = ?1 AND height = ?2 AND block_hash = ?3 AND reverted = 0 ORDER BY namespace"
        ),
        (chain, height, hash),
    )
}

/// An explicit change: the row of its transfer (chain, transaction, path, block), index, address,
/// direction, amount.
pub(crate) type ChangeRow = (String, String, String, String, i64, String, i64, Quantity);
/// The row of a transfer: chain, transaction, path, block.
pub(crate) type RowKey = (String, String, String, String);

/// The explicit changes of transfers, in no particular order.
pub(crate) fn changes_of(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<Vec<ChangeRow>> {
    tx.query_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         SELECT c.chain, c.transaction_id, c.path, c.block_hash, c.change_index, c.address, c.direction, c.amount FROM n
           JOIN balance_change c ON c.namespace = n.namespace AND c.chain = n.chain AND c.transaction_id = n.transaction_id
                                AND c.path = n.path AND c.block_hash = n.block_hash",
        (),
        rows,
    )
}

pub(crate) fn delete_rows(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         DELETE FROM transfer WHERE (namespace, chain, transaction_id, path, block_hash)
            IN (SELECT n.namespace, n.chain, n.transaction_id, n.path, n.block_hash FROM n)",
        (),
        rows,
    )?;
    Ok(())
}

/// Delete the explicit changes of transfers.
pub(crate) fn delete_changes(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         DELETE FROM balance_change WHERE (namespace, chain, transaction_id, path, block_hash)
            IN (SELECT n.namespace, n.chain, n.transaction_id, n.path, n.block_hash FROM n)",
        (),
        rows,
    )?;
    Ok(())
}

pub(crate) fn insert_changes(tx: &mut Tx<'_, '_>, rows: &[ChangeRow]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO balance_change (namespace, chain, transaction_id, path, block_hash, change_index, address, direction, amount) {ns_rows}",
        (),
        rows,
    )?;
    Ok(())
}

/// Mark pools as untrusted. Returns the id and version of those that were trusted before.
pub(crate) fn mark_untrusted(
    tx: &mut Tx<'_, '_>,
    pools: &[(String,)],
) -> Result<Vec<(String, i64)>> {
    tx.query_rows(
        "WITH n(namespace, id) AS ({ns_rows}) UPDATE pool SET trusted = 0, version = pool.version + 1 FROM n
          WHERE pool.namespace = n.namespace AND pool.id = n.id AND pool.trusted = 1 RETURNING pool.id, pool.version",
        (),
        pools,
    )
}

/// Set the owners of NFTs, and whether they have one.
pub(crate) fn set_owners(
    tx: &mut Tx<'_, '_>,
    rows: &[(String, Option<String>, bool)],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id, owner, active) AS ({ns_rows}) UPDATE nft AS t SET owner = n.owner, active = n.active FROM n
          WHERE t.namespace = n.namespace AND t.id = n.id",
        (),
        rows,
    )?;
    Ok(())
}
