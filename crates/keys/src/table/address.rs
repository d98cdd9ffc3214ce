//! Issued addresses, and the keys that sign for them.

use crate::Result;
use store::{ScopedTable as _, Tx, list, params};
use types::{KeyId, WalletId};

#[derive(store::Record)]
#[record(table = "wallet_key", write)]
pub(crate) struct IssuedAddress<'a> {
    pub(crate) family: &'a str,
    pub(crate) address: &'a str,
    pub(crate) wallet: WalletId,
    /// The path of the branch; `m` for an imported single key.
    pub(crate) path: &'a str,
    pub(crate) position: u32,
}

/// The key of an address, and the back end of its wallet.
#[derive(store::Record)]
pub(crate) struct AddressKey {
    pub(crate) address: String,
    pub(crate) wallet: WalletId,
    pub(crate) path: String,
    pub(crate) position: u32,
    pub(crate) backend: String,
}

/// The key of an address with its name, if it has one.
#[derive(store::Record)]
pub(crate) struct FoundKey {
    pub(crate) wallet: WalletId,
    pub(crate) backend: String,
    pub(crate) path: String,
    pub(crate) position: u32,
    pub(crate) id: Option<KeyId>,
    pub(crate) name: Option<String>,
}

/// Insert issued addresses. Returns the indices whose address is new.
pub(crate) fn insert(tx: &mut Tx, rows: &[IssuedAddress<'_>]) -> Result<Vec<u32>> {
    let rest = "ON CONFLICT DO NOTHING RETURNING position";
    let inserted: Vec<(u32,)> = IssuedAddress::insert_returning(tx, rows, rest)?;
    Ok(inserted.into_iter().map(|(position,)| position).collect())
}

/// The keys that sign for these addresses of a family.
pub(crate) fn signers(tx: &mut Tx, family: &str, addresses: &[&str]) -> Result<Vec<AddressKey>> {
    Ok(tx.query_rows(
        "SELECT k.address, k.wallet, k.path, k.position, w.backend
           FROM wallet_key k JOIN wallet w ON w.namespace = k.namespace AND w.id = k.wallet
          WHERE k.namespace = ?ns AND k.family = ?1 AND k.address IN ({rows})",
        (family,),
        &list(addresses),
    )?)
}

pub(crate) fn find(tx: &mut Tx, family: &str, address: &str) -> Result<Option<FoundKey>> {
    Ok(tx.row(
        "SELECT k.wallet, w.backend, k.path, k.position, n.id, n.name
           FROM wallet_key k JOIN wallet w ON w.namespace = k.namespace AND w.id = k.wallet
           LEFT JOIN named_key n ON n.namespace = k.namespace AND n.family = k.family AND n.address = k.address
          WHERE k.namespace = ?ns AND k.family = ?1 AND k.address = ?2",
        (family, address),
    )?)
}

/// A page of addresses of a branch, ordered by index.
pub(crate) fn page(
    tx: &mut Tx,
    wallet: &WalletId,
    family: &str,
    path: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<(u32, String)>> {
    Ok(tx.rows(
        "SELECT position, address FROM wallet_key
          WHERE namespace = ?ns AND wallet = ?wallet AND family = ?family AND path = ?path AND position >= ?from
          ORDER BY position LIMIT ?limit",
        params! { wallet, family, path, from, limit },
    )?)
}
