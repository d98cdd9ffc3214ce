//! Named keys.

use crate::Result;
use serde::Serialize;
use store::{Record as _, ScopedTable as _, Tx};
use types::{ChainId, Json, KeyId, Page, Time, WalletId};
use utoipa::ToSchema;

/// A named key of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
#[record(table = "named_key")]
#[schema(as = Key)]
pub struct NamedKey {
    #[record(key)]
    pub id: KeyId,
    pub wallet: WalletId,
    #[record(update)]
    pub name: String,
    /// The chain that the key was created for. It signs for the same account on every chain of the
    /// family.
    pub chain: ChainId,
    /// The account on the chain.
    pub address: String,
    // `m` for an imported single key.
    pub path: String,
    #[record(update)]
    pub metadata: Json,
    #[record(version)]
    pub version: u64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
}

/// A named key to insert.
#[derive(store::Record)]
#[record(table = "named_key", write)]
pub(crate) struct NewNamedKey {
    #[record(columns(
        "id",
        "wallet",
        "name",
        "chain",
        "address",
        "path",
        "metadata",
        "version",
        "created_at",
        "updated_at"
    ))]
    pub(crate) key: NamedKey,
    pub(crate) family: &'static str,
}

/// Insert a key; false if its name is taken.
pub(crate) fn insert(tx: &mut Tx, new: &NewNamedKey) -> Result<bool> {
    Ok(NewNamedKey::insert(tx, std::slice::from_ref(new), "ON CONFLICT DO NOTHING")? == 1)
}

/// Whether a wallet has a key of this name.
pub(crate) fn is_taken(tx: &mut Tx, wallet: &WalletId, name: &str) -> Result<bool> {
    Ok(tx.exists(
        "SELECT 1 FROM named_key WHERE namespace = ?ns AND wallet = ?1 AND name = ?2",
        (wallet, name),
    )?)
}

pub(crate) fn get(tx: &mut Tx, id: &KeyId) -> Result<Option<NamedKey>> {
    let sql = NamedKey::select("WHERE namespace = ?ns AND id = ?1");
    Ok(tx.row(&sql, (id,))?)
}

/// A key by its wallet and name.
pub(crate) fn named(tx: &mut Tx, wallet: &WalletId, name: &str) -> Result<Option<NamedKey>> {
    let sql = NamedKey::select("WHERE namespace = ?ns AND wallet = ?1 AND name = ?2");
    Ok(tx.row(&sql, (wallet, name))?)
}

/// A page of a wallet's keys, ordered by id.
pub(crate) fn page(tx: &mut Tx, wallet: &WalletId, page: &Page) -> Result<Vec<NamedKey>> {
    let sql = NamedKey::select(
        "WHERE namespace = ?ns AND wallet = ?1 AND id > ?2 ORDER BY id LIMIT ?3 OFFSET ?4",
    );
    let after = page.after.as_deref().unwrap_or_default();
    Ok(tx.rows(&sql, (wallet, after, page.limit, page.skip))?)
}

/// Update name and metadata of a key; false if it has another version.
pub(crate) fn update(tx: &mut Tx, key: &NamedKey) -> Result<bool> {
    Ok(key.update(tx)?)
}
