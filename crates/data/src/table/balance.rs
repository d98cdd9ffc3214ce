//! Balances and their pending parts.

use crate::Type;
use crate::object::Object;
use store::{Result, Row, Tx};
use types::{Quantity, Time};

/// The key of a balance: chain, address, id of the pool or NFT.
pub(crate) type BalanceKey = (String, String, String);
/// A balance to write: its key, the parent's type, its id, quantity, first version, time.
pub(crate) type NewBalance = (
    String,
    String,
    String,
    &'static str,
    String,
    Quantity,
    i64,
    Time,
);

/// The balances with these keys that exist.
pub(crate) fn of(
    tx: &mut Tx<'_, '_>,
    keys: &[BalanceKey],
) -> Result<Vec<(String, String, String, Quantity)>> {
    tx.query_rows(
        "WITH n(namespace, chain, address, parent_id) AS ({ns_rows})
         SELECT b.chain, b.address, b.parent_id, b.quantity FROM n
           JOIN balance b ON b.namespace = n.namespace AND b.chain = n.chain AND b.address = n.address
                      AND b.parent_id = n.parent_id",
        (),
        keys,
    )
}

/// Insert or update balances.
pub(crate) fn put(tx: &mut Tx<'_, '_>, rows: &[NewBalance]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO balance (namespace, chain, address, parent_id, parent_type, id, quantity, version, updated) {ns_rows}
         ON CONFLICT (namespace, chain, address, parent_id) DO UPDATE
            SET quantity = excluded.quantity, version = balance.version + 1, updated = excluded.updated",
        (),
        rows,
    )?;
    Ok(())
}

/// Delete the balances of a pool or NFT.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, parent: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM balance WHERE namespace = ?ns AND parent_id = ?1",
        (parent,),
    )?;
    Ok(())
}

/// The holders of NFTs: NFT, address.
pub(crate) fn holders(tx: &mut Tx<'_, '_>, nfts: &[(String,)]) -> Result<Vec<(String, String)>> {
    tx.query_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         SELECT b.parent_id, b.address FROM n JOIN balance b ON b.namespace = n.namespace AND b.parent_id = n.id AND b.quantity > ?1",
        (Quantity::zero(),),
        nfts,
    )
}

/// Derived changes of balances in blocks above a height, at most `limit`: address, parent, amount.
/// `column` is `from_address` or `to_address`; `from` is the lowest position of such blocks.
pub(crate) fn derived_above(
    tx: &mut Tx<'_, '_>,
    column: &'static str,
    (chain, above): (&str, i64),
    from: &str,
    limit: u32,
    balances: &[(String, String)],
) -> Result<Vec<(String, String, Quantity)>> {
    let sql = format!(
        "WITH n(namespace, address, parent_id) AS ({{ns_rows}})
         SELECT n.address, t.parent_id, t.amount FROM n
           JOIN transfer t ON t.namespace = n.namespace AND t.{column} = n.address AND t.parent_id = n.parent_id AND t.position >= ?3
          WHERE t.chain = ?1 AND t.height > ?2 AND t.reverted = 0 AND t.explicit = 0 AND t.amount IS NOT NULL LIMIT ?4"
    );
    tx.query_rows(&sql, (chain, above, from, limit), balances)
}

/// Explicit changes of addresses above a height, at most `limit`: address, parent, direction,
/// amount.
pub(crate) fn explicit_above(
    tx: &mut Tx<'_, '_>,
    (chain, above): (&str, i64),
    limit: u32,
    addresses: &[(String,)],
) -> Result<Vec<(String, String, i64, Quantity)>> {
    tx.query_rows(
        "WITH n(namespace, address) AS ({ns_rows})
         SELECT n.address, t.parent_id, c.direction, c.amount FROM n
           JOIN balance_change c ON c.namespace = n.namespace AND c.address = n.address AND c.chain = ?1
           JOIN transfer t ON t.namespace = c.namespace AND t.chain = c.chain AND t.transaction_id = c.transaction_id
                          AND t.path = c.path AND t.block_hash = c.block_hash
          WHERE t.reverted = 0 AND t.explicit = 1 AND t.height > ?2 LIMIT ?3",
        (chain, above, limit),
        addresses,
    )
}

/// Addresses with a balance in the pools of an asset, in order, after a given one: chain, address.
/// `only` restricts them to one address.
pub(crate) fn holders_of_asset(
    tx: &mut Tx<'_, '_>,
    asset: &str,
    only: Option<&str>,
    after: (&str, &str),
    (limit, skip): (u32, u32),
) -> Result<Vec<(String, String)>> {
    tx.rows(
        "SELECT DISTINCT b.chain, b.address FROM pool p
           JOIN balance b ON b.namespace = p.namespace AND b.parent_id = p.id
          WHERE p.namespace = ?ns AND p.asset_id = ?1 AND (b.chain, b.address) > (?2, ?3) AND (?6 IS NULL OR b.address = ?6)
          ORDER BY b.chain, b.address LIMIT ?4 OFFSET ?5",
        (asset, after.0, after.1, limit, skip, only),
    )
}

/// A balance in a pool: chain, address, pool, quantity, update time.
pub(crate) type PoolBalance = (String, String, String, Quantity, Time);

/// The balances of addresses in the pools of an asset.
pub(crate) fn in_asset(
    tx: &mut Tx<'_, '_>,
    asset: &str,
    addresses: &[(String, String)],
) -> Result<Vec<PoolBalance>> {
    tx.query_rows(
        "WITH n(namespace, chain, address) AS ({ns_rows})
         SELECT b.chain, b.address, b.parent_id, b.quantity, b.updated FROM n
           JOIN balance b ON b.namespace = n.namespace AND b.chain = n.chain AND b.address = n.address
           JOIN pool p ON p.namespace = n.namespace AND p.id = b.parent_id AND p.asset_id = ?1",
        (asset,),
        addresses,
    )
}

pub(crate) fn by_id(tx: &mut Tx<'_, '_>, id: &str) -> Result<Option<Object>> {
    let schema = Type::Balance.schema();
    let sql = format!(
        "SELECT {} FROM balance t WHERE t.namespace = ?ns AND t.id = ?1",
        super::columns(schema, "t.")
    );
    Ok(tx
        .row::<Row>(&sql, (id,))?
        .map(|row| Object::from_row(schema, row)))
}

/// A change in the history of an address in a pool: transfer, change index, direction, amount.
pub(crate) type HistoryRow = (String, i64, i64, Quantity);

/// The changes of an address in a pool from a position on, newest first.
pub(crate) fn changes_from(
    tx: &mut Tx<'_, '_>,
    key: &BalanceKey,
    from: &str,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    tx.rows(
        "SELECT v.transfer_id, v.change_index, v.direction, v.amount FROM transfer_change v
          WHERE v.namespace = ?ns AND v.chain = ?1 AND v.address = ?2 AND v.parent_id = ?3 AND v.position >= ?4
          ORDER BY v.position DESC, v.transfer_id DESC, v.change_index DESC LIMIT ?5",
        (&key.0, &key.1, &key.2, from, limit),
    )
}

/// The changes of an address in a pool up to a position, oldest first.
pub(crate) fn changes_to(
    tx: &mut Tx<'_, '_>,
    key: &BalanceKey,
    to: &str,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    tx.rows(
        "SELECT v.transfer_id, v.change_index, v.direction, v.amount FROM transfer_change v
          WHERE v.namespace = ?ns AND v.chain = ?1 AND v.address = ?2 AND v.parent_id = ?3 AND v.position <= ?4
          ORDER BY v.position, v.transfer_id, v.change_index LIMIT ?5",
        (&key.0, &key.1, &key.2, to, limit),
    )
}
