//! Statements of transfers: rows of a block, reverted rows, explicit balance changes, NFT owners.

use super::{columns, objects};
use crate::Type;
use crate::object::Object;
use store::{Record as _, Result, ScopedTable as _, Tx, UnscopedTx, list};
use types::{ChainId, Height, Quantity};

/// The identity of a chain transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, store::Record)]
pub(crate) struct Identity {
    pub(crate) transaction_id: String,
    pub(crate) path: String,
}

impl Identity {
    pub(crate) fn of(transfer: &Object) -> Self {
        Self {
            transaction_id: transfer.owned_text("transaction_id"),
            path: transfer.owned_text("path"),
        }
    }
}

/// All rows of these transfers on a chain, including those of reverted blocks.
pub(crate) fn by_identities(
    tx: &mut Tx,
    chain: &ChainId,
    identities: &[&Identity],
) -> Result<Vec<Object>> {
    let schema = Type::Transfer.schema();
    let sql = format!(
        "WITH n(namespace, transaction_id, path) AS ({{ns_rows}}) SELECT {} FROM n
           JOIN transfer t ON t.namespace = n.namespace AND t.chain = ?1 AND t.transaction_id = n.transaction_id AND t.path = n.path",
        columns(schema, "t.")
    );
    let rows: Vec<_> = tx.query_rows(&sql, (chain,), identities)?;
    Ok(objects(schema, rows))
}

/// The latest reverted row of an id.
pub(crate) fn latest_reverted(tx: &mut Tx, id: &str) -> Result<Option<Object>> {
    let schema = Type::Transfer.schema();
    let sql = format!(
        "SELECT {} FROM transfer t WHERE t.namespace = ?ns AND t.id = ?1 AND t.reverted = 1 ORDER BY t.updated DESC, t.block_hash LIMIT 1",
        columns(schema, "t.")
    );
    Ok(objects(schema, tx.row(&sql, (id,))?).pop())
}

/// The counted transfers of a block. `namespace || ''` keeps SQLite, which has no statistics, on
/// the block index.
pub(crate) fn of_block(
    tx: &mut Tx,
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
    let rows: Vec<_> = tx.rows(&sql, (chain, height, hash))?;
    Ok(objects(schema, rows))
}

/// The namespaces with rows of a block.
pub(crate) fn namespaces_of_block(
    tx: &mut UnscopedTx,
    table: &'static str,
    chain: &ChainId,
    height: Height,
    hash: &str,
) -> Result<Vec<types::Namespace>> {
    tx.values(
        &format!(
            "SELECT DISTINCT namespace FROM {table}
              WHERE chain = ?1 AND height = ?2 AND block_hash = ?3 AND reverted = 0 ORDER BY namespace"
        ),
        (chain, height, hash),
    )
}

/// The key of a transfer's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, store::Record)]
pub(crate) struct RowKey {
    pub(crate) chain: String,
    pub(crate) transaction_id: String,
    pub(crate) path: String,
    pub(crate) block_hash: String,
}

impl RowKey {
    pub(crate) fn of(transfer: &Object) -> Self {
        Self {
            chain: transfer.owned_text("chain"),
            transaction_id: transfer.owned_text("transaction_id"),
            path: transfer.owned_text("path"),
            block_hash: transfer.owned_text("block_hash"),
        }
    }
}

/// An explicit balance change of a transfer.
#[derive(Debug, Clone, store::Record)]
#[record(table = "balance_change")]
pub(crate) struct ChangeRow {
    #[record(columns("chain", "transaction_id", "path", "block_hash"))]
    pub(crate) transfer: RowKey,
    pub(crate) change_index: i64,
    pub(crate) address: String,
    /// 1 or -1.
    pub(crate) direction: i64,
    pub(crate) amount: Quantity,
}

/// The explicit changes of transfers, in no particular order.
pub(crate) fn changes_of(tx: &mut Tx, rows: &[RowKey]) -> Result<Vec<ChangeRow>> {
    let sql = format!(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({{ns_rows}}) SELECT {} FROM n
           JOIN balance_change c ON c.namespace = n.namespace AND c.chain = n.chain AND c.transaction_id = n.transaction_id
                                AND c.path = n.path AND c.block_hash = n.block_hash",
        ChangeRow::columns_of("c")
    );
    tx.query_rows(&sql, (), rows)
}

pub(crate) fn delete_rows(tx: &mut Tx, rows: &[RowKey]) -> Result<()> {
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
pub(crate) fn delete_changes(tx: &mut Tx, rows: &[RowKey]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, chain, transaction_id, path, block_hash) AS ({ns_rows})
         DELETE FROM balance_change WHERE (namespace, chain, transaction_id, path, block_hash)
            IN (SELECT n.namespace, n.chain, n.transaction_id, n.path, n.block_hash FROM n)",
        (),
        rows,
    )?;
    Ok(())
}

pub(crate) fn insert_changes(tx: &mut Tx, rows: &[ChangeRow]) -> Result<()> {
    ChangeRow::insert(tx, rows, "")?;
    Ok(())
}

/// Mark pools as untrusted. Returns the id and version of those that were trusted before.
pub(crate) fn mark_untrusted(tx: &mut Tx, pools: &[String]) -> Result<Vec<(String, i64)>> {
    tx.query_rows(
        "WITH n(namespace, id) AS ({ns_rows}) UPDATE pool SET trusted = 0, version = pool.version + 1 FROM n
          WHERE pool.namespace = n.namespace AND pool.id = n.id AND pool.trusted = 1 RETURNING pool.id, pool.version",
        (),
        &list(pools),
    )
}

/// Set the owners of NFTs: id, owner, whether it has one.
pub(crate) fn set_owners(tx: &mut Tx, rows: &[(String, Option<String>, bool)]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id, owner, active) AS ({ns_rows}) UPDATE nft AS t SET owner = n.owner, active = n.active FROM n
          WHERE t.namespace = n.namespace AND t.id = n.id",
        (),
        rows,
    )?;
    Ok(())
}
