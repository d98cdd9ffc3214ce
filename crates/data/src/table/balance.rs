//! Balances and their pending parts.

use super::{columns, objects};
use crate::Type;
use crate::object::Object;
use store::{Result, ScopedTable as _, Tx, list, params};
use types::{Quantity, Time};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, store::Record)]
pub(crate) struct BalanceKey {
    pub(crate) chain: String,
    pub(crate) address: String,
    /// The pool or NFT.
    pub(crate) parent_id: String,
}

impl BalanceKey {
    /// The key of the balance that an object is, or changes.
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            chain: object.owned_text("chain"),
            address: object.owned_text("address"),
            parent_id: object.owned_text("parent_id"),
        }
    }
}

/// A balance to write.
#[derive(store::Record)]
#[record(table = "balance", write)]
pub(crate) struct NewBalance {
    #[record(columns("chain", "address", "parent_id"))]
    pub(crate) key: BalanceKey,
    pub(crate) parent_type: &'static str,
    pub(crate) id: String,
    pub(crate) quantity: Quantity,
    /// The version of a new row; that of an existing one is raised.
    pub(crate) version: i64,
    pub(crate) updated: Time,
}

#[derive(store::Record)]
pub(crate) struct StoredBalance {
    #[record(columns("chain", "address", "parent_id"))]
    pub(crate) key: BalanceKey,
    pub(crate) quantity: Quantity,
    pub(crate) updated: Time,
}

/// The balances with these keys that exist.
pub(crate) fn of(tx: &mut Tx, keys: &[&BalanceKey]) -> Result<Vec<StoredBalance>> {
    tx.query_rows(
        "WITH n(namespace, chain, address, parent_id) AS ({ns_rows})
         SELECT b.chain, b.address, b.parent_id, b.quantity, b.updated FROM n
           JOIN balance b ON b.namespace = n.namespace AND b.chain = n.chain AND b.address = n.address
                      AND b.parent_id = n.parent_id",
        (),
        keys,
    )
}

/// Insert or update balances.
pub(crate) fn put(tx: &mut Tx, rows: &[NewBalance]) -> Result<()> {
    NewBalance::insert(
        tx,
        rows,
        "ON CONFLICT (namespace, chain, address, parent_id) DO UPDATE
            SET quantity = excluded.quantity, version = balance.version + 1, updated = excluded.updated",
    )?;
    Ok(())
}

/// Delete the balances of a pool or NFT.
pub(crate) fn delete(tx: &mut Tx, parent: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM balance WHERE namespace = ?ns AND parent_id = ?1",
        (parent,),
    )?;
    Ok(())
}

/// The holders of NFTs: NFT, address.
pub(crate) fn holders(tx: &mut Tx, nfts: &[&String]) -> Result<Vec<(String, String)>> {
    tx.query_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         SELECT b.parent_id, b.address FROM n JOIN balance b ON b.namespace = n.namespace AND b.parent_id = n.id AND b.quantity > ?1",
        (Quantity::zero(),),
        &list(nfts),
    )
}

/// Derived changes of balances in blocks above a height, at most `limit`: address, parent, amount.
/// `column` is `from_address` or `to_address`; `from` is the lowest position of such blocks.
pub(crate) fn derived_above(
    tx: &mut Tx,
    column: &'static str,
    (chain, above): (&str, i64),
    from: &str,
    limit: u32,
    balances: &[(&String, &String)],
) -> Result<Vec<(String, String, Quantity)>> {
    let sql = format!(
        "WITH n(namespace, address, parent_id) AS ({{ns_rows}})
         SELECT n.address, t.parent_id, t.amount FROM n
           JOIN transfer t ON t.namespace = n.namespace AND t.{column} = n.address AND t.parent_id = n.parent_id AND t.position >= ?3
          WHERE t.chain = ?1 AND t.height > ?2 AND t.reverted = 0 AND t.explicit = 0 AND t.amount IS NOT NULL LIMIT ?4"
    );
    tx.query_rows(&sql, (chain, above, from, limit), balances)
}

/// An explicit change of a balance.
#[derive(store::Record)]
pub(crate) struct ExplicitChange {
    pub(crate) address: String,
    pub(crate) parent_id: String,
    pub(crate) direction: i64,
    pub(crate) amount: Quantity,
}

/// Explicit changes of addresses above a height, at most `limit`.
pub(crate) fn explicit_above(
    tx: &mut Tx,
    (chain, above): (&str, i64),
    limit: u32,
    addresses: &[&String],
) -> Result<Vec<ExplicitChange>> {
    tx.query_rows(
        "WITH n(namespace, address) AS ({ns_rows})
         SELECT n.address, t.parent_id, c.direction, c.amount FROM n
           JOIN balance_change c ON c.namespace = n.namespace AND c.address = n.address AND c.chain = ?1
           JOIN transfer t ON t.namespace = c.namespace AND t.chain = c.chain AND t.transaction_id = c.transaction_id
                          AND t.path = c.path AND t.block_hash = c.block_hash
          WHERE t.reverted = 0 AND t.explicit = 1 AND t.height > ?2 LIMIT ?3",
        (chain, above, limit),
        &list(addresses),
    )
}

/// An address on a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, store::Record)]
pub(crate) struct Holder {
    pub(crate) chain: String,
    pub(crate) address: String,
}

/// Addresses with a balance in the pools of an asset, in order, after a given one. `only` restricts
/// them to one address.
pub(crate) fn holders_of_asset(
    tx: &mut Tx,
    asset: &str,
    only: Option<&str>,
    after: &Holder,
    (limit, skip): (u32, u32),
) -> Result<Vec<Holder>> {
    tx.rows(
        "SELECT DISTINCT b.chain, b.address FROM pool p
           JOIN balance b ON b.namespace = p.namespace AND b.parent_id = p.id
          WHERE p.namespace = ?ns AND p.asset_id = ?asset AND p.apart = 0 AND (b.chain, b.address) > (?chain, ?address)
            AND (?only IS NULL OR b.address = ?only)
          ORDER BY b.chain, b.address LIMIT ?limit OFFSET ?skip",
        params! { asset, chain: after.chain, address: after.address, only, limit, skip },
    )
}

/// The balances of addresses in the pools of an asset.
pub(crate) fn in_asset(
    tx: &mut Tx,
    asset: &str,
    addresses: &[Holder],
) -> Result<Vec<StoredBalance>> {
    tx.query_rows(
        "WITH n(namespace, chain, address) AS ({ns_rows})
         SELECT b.chain, b.address, b.parent_id, b.quantity, b.updated FROM n
           JOIN balance b ON b.namespace = n.namespace AND b.chain = n.chain AND b.address = n.address
           JOIN pool p ON p.namespace = n.namespace AND p.id = b.parent_id AND p.asset_id = ?1 AND p.apart = 0",
        (asset,),
        addresses,
    )
}

pub(crate) fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Object>> {
    let schema = Type::Balance.schema();
    let sql = format!(
        "SELECT {} FROM balance t WHERE t.namespace = ?ns AND t.id = ?1",
        columns(schema, "t.")
    );
    Ok(objects(schema, tx.row(&sql, (id,))?).pop())
}

/// A change in the history of an address in a pool.
#[derive(store::Record)]
pub(crate) struct HistoryRow {
    pub(crate) transfer_id: String,
    pub(crate) change_index: i64,
    pub(crate) direction: i64,
    pub(crate) amount: Quantity,
}

/// The changes of an address in a pool from a position on, newest first.
pub(crate) fn changes_from(
    tx: &mut Tx,
    key: &BalanceKey,
    from: &str,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    let BalanceKey {
        chain,
        address,
        parent_id,
    } = key;
    tx.rows(
        "SELECT v.transfer_id, v.change_index, v.direction, v.amount FROM transfer_change v
          WHERE v.namespace = ?ns AND v.chain = ?chain AND v.address = ?address AND v.parent_id = ?parent_id AND v.position >= ?from
          ORDER BY v.position DESC, v.transfer_id DESC, v.change_index DESC LIMIT ?limit",
        params! { chain, address, parent_id, from, limit },
    )
}

/// The changes of an address in a pool up to a position, oldest first.
pub(crate) fn changes_to(
    tx: &mut Tx,
    key: &BalanceKey,
    to: &str,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    let BalanceKey {
        chain,
        address,
        parent_id,
    } = key;
    tx.rows(
        "SELECT v.transfer_id, v.change_index, v.direction, v.amount FROM transfer_change v
          WHERE v.namespace = ?ns AND v.chain = ?chain AND v.address = ?address AND v.parent_id = ?parent_id AND v.position <= ?to
          ORDER BY v.position, v.transfer_id, v.change_index LIMIT ?limit",
        params! { chain, address, parent_id, to, limit },
    )
}
