//! What only transfers have: rows of blocks, evidence, given balance changes, ownership of what
//! they move.

use super::columns;
use crate::Type;
use crate::object::Object;
use store::{Result, Row, Tx, Unbound};
use types::{ChainId, Height, Quantity};

/// Identity of what a chain did: transaction and path.
pub(crate) type Identity = (String, String);

/// All rows of these identities on a chain: live, and evidence of earlier blocks.
pub(crate) fn by_identities(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    identities: &[Identity],
) -> Result<Vec<Object>> {
    let shape = Type::Transfer.shape();
    let sql = format!(
        "WITH n(namespace, transaction_id, path) AS ({{ns_rows}}) SELECT {} FROM n
           JOIN transfer t ON t.namespace = n.namespace AND t.chain = ?1 AND t.transaction_id = n.transaction_id AND t.path = n.path",
        columns(shape, "t.")
    );
    let rows: Vec<Row> = tx.query_rows(&sql, (chain,), identities)?;
    Ok(rows
        .into_iter()
        .map(|row| Object::from_row(shape, row))
        .collect())
}

/// Evidence of an id: its rows that are reverted, the newest first.
pub(crate) fn evidence(tx: &mut Tx<'_, '_>, id: &str) -> Result<Option<Object>> {
    let shape = Type::Transfer.shape();
    let sql = format!(
        "SELECT {} FROM transfer t WHERE t.namespace = ?ns AND t.id = ?1 AND t.reverted = 1 ORDER BY t.updated DESC, t.block_hash LIMIT 1",
        columns(shape, "t.")
    );
    Ok(tx
        .row::<Row>(&sql, (id,))?
        .map(|row| Object::from_row(shape, row)))
}

/// What counts of a block. By the index of blocks: SQLite, which keeps no statistics, would take a
/// namespace for the better choice.
pub(crate) fn of_block(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    height: Height,
    hash: &str,
) -> Result<Vec<Object>> {
    let shape = Type::Transfer.shape();
    let sql = format!(
        "SELECT {} FROM transfer t
          WHERE t.namespace || '' = ?ns AND t.chain = ?1 AND t.height = ?2 AND t.block_hash = ?3 AND t.reverted = 0
          ORDER BY t.position, t.transaction_id, t.path",
        columns(shape, "t.")
    );
    let rows: Vec<Row> = tx.rows(&sql, (chain, height, hash))?;
    Ok(rows
        .into_iter()
        .map(|row| Object::from_row(shape, row))
        .collect())
}

/// The namespaces that have something of a block.
pub(crate) fn namespaces_of_block(
    tx: &mut Unbound<'_, '_>,
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

/// A given change: the row of its transfer (chain, transaction, path, block), place, address,
/// direction, amount.
pub(crate) type Given = (String, String, String, String, i64, String, i64, Quantity);
/// The row of a transfer.
pub(crate) type RowKey = (String, String, String, String);

/// The given changes of transfers, in no promised order.
pub(crate) fn changes_of(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<Vec<Given>> {
    tx.query_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         SELECT c.chain, c.transaction_id, c.path, c.block_hash, c.place, c.address, c.direction, c.amount FROM n
           JOIN balance_change c ON c.namespace = n.namespace AND c.chain = n.chain AND c.transaction_id = n.transaction_id
                                AND c.path = n.path AND c.block_hash = n.block_hash",
        (),
        rows,
    )
}

/// Delete rows of transfers.
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

/// Forget the given changes of transfers.
pub(crate) fn clear_changes(tx: &mut Tx<'_, '_>, rows: &[RowKey]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         DELETE FROM balance_change WHERE (namespace, chain, transaction_id, path, block_hash)
            IN (SELECT n.namespace, n.chain, n.transaction_id, n.path, n.block_hash FROM n)",
        (),
        rows,
    )?;
    Ok(())
}

/// Enter given changes.
pub(crate) fn insert_changes(tx: &mut Tx<'_, '_>, rows: &[Given]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO balance_change (namespace, chain, transaction_id, path, block_hash, place, address, direction, amount) {ns_rows}",
        (),
        rows,
    )?;
    Ok(())
}

/// Say that pools hold sums that no balance can have; those of which it was not known, with their
/// versions.
pub(crate) fn distrust(tx: &mut Tx<'_, '_>, pools: &[(String,)]) -> Result<Vec<(String, i64)>> {
    tx.query_rows(
        "WITH n(namespace, id) AS ({ns_rows}) UPDATE pool SET trusted = 0, version = pool.version + 1 FROM n
          WHERE pool.namespace = n.namespace AND pool.id = n.id AND pool.trusted = 1 RETURNING pool.id, pool.version",
        (),
        pools,
    )
}

/// Who owns NFTs now, and whether anybody does.
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
