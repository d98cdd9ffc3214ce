//! Issued addresses, and the keys that sign for them.

use crate::Result;
use store::Tx;
use types::{KeyId, WalletId};

/// The key of an address: address, wallet, branch path, index, back end.
pub(crate) type Signer = (String, WalletId, String, u32, String);

/// The key of an address with its name, if it has one: wallet, branch path, index, id, name.
pub(crate) type KeyRow = (WalletId, String, u32, Option<KeyId>, Option<String>);

/// Insert issued addresses: family, address, wallet, path, index. Returns the indices whose address
/// is new.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    rows: &[(&str, &str, WalletId, &str, u32)],
) -> Result<Vec<u32>> {
    let inserted: Vec<(u32,)> = tx.query_rows(
        "INSERT INTO wallet_key (namespace, family, address, wallet, path, position) {ns_rows}
         ON CONFLICT DO NOTHING RETURNING position",
        (),
        rows,
    )?;
    Ok(inserted.into_iter().map(|(position,)| position).collect())
}

/// The keys that sign for these addresses of a family.
pub(crate) fn signers(
    tx: &mut Tx<'_, '_>,
    family: &str,
    addresses: &[(&str,)],
) -> Result<Vec<Signer>> {
    Ok(tx.query_rows(
        "SELECT k.address, k.wallet, k.path, k.position, w.backend
           FROM wallet_key k JOIN wallet w ON w.namespace = k.namespace AND w.id = k.wallet
          WHERE k.namespace = ?ns AND k.family = ?1 AND k.address IN ({rows})",
        (family,),
        addresses,
    )?)
}

pub(crate) fn find(tx: &mut Tx<'_, '_>, family: &str, address: &str) -> Result<Option<KeyRow>> {
    Ok(tx.row(
        "SELECT k.wallet, k.path, k.position, n.id, n.name
           FROM wallet_key k
           LEFT JOIN named_key n ON n.namespace = k.namespace AND n.family = k.family AND n.address = k.address
          WHERE k.namespace = ?ns AND k.family = ?1 AND k.address = ?2",
        (family, address),
    )?)
}

/// A page of addresses of a branch, ordered by index.
pub(crate) fn page(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
    family: &str,
    path: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<(u32, String)>> {
    Ok(tx.rows(
        "SELECT position, address FROM wallet_key
          WHERE namespace = ?ns AND wallet = ?1 AND family = ?2 AND path = ?3 AND position >= ?4
          ORDER BY position LIMIT ?5",
        (wallet, family, path, from, limit),
    )?)
}
