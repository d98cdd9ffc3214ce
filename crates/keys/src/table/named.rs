//! Named keys.

use crate::Result;
use store::Tx;
use types::{ChainId, Json, KeyId, Time, WalletId};

/// The columns of a named key.
pub(crate) type Row = (
    KeyId,
    WalletId,
    String,
    ChainId,
    String,
    String,
    Json,
    i64,
    Time,
    Time,
);

/// A named key to insert.
pub(crate) struct New<'a> {
    pub(crate) id: KeyId,
    pub(crate) wallet: WalletId,
    pub(crate) name: &'a str,
    pub(crate) chain: &'a ChainId,
    pub(crate) family: &'a str,
    pub(crate) address: &'a str,
    pub(crate) path: String,
    pub(crate) metadata: &'a Json,
}

/// Insert a key; false if its name is taken.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &New<'_>) -> Result<bool> {
    let now = tx.now();
    let New {
        id,
        wallet,
        name,
        chain,
        family,
        address,
        path,
        metadata,
    } = new;
    let inserted = tx.execute(
        "INSERT INTO named_key (namespace, id, wallet, name, chain, family, address, path, metadata, version, created_at, updated_at)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9) ON CONFLICT DO NOTHING",
        (id, wallet, *name, *chain, *family, *address, path, *metadata, now),
    )?;
    Ok(inserted == 1)
}

/// Whether a wallet has a key of this name.
pub(crate) fn is_taken(tx: &mut Tx<'_, '_>, wallet: &WalletId, name: &str) -> Result<bool> {
    let row: Option<(i64,)> = tx.row(
        "SELECT 1 FROM named_key WHERE namespace = ?ns AND wallet = ?1 AND name = ?2",
        (wallet, name),
    )?;
    Ok(row.is_some())
}

pub(crate) fn get(tx: &mut Tx<'_, '_>, id: &KeyId) -> Result<Option<Row>> {
    Ok(tx.row(
        "SELECT id, wallet, name, chain, address, path, metadata, version, created_at, updated_at
           FROM named_key WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?)
}

/// A key by its wallet and name.
pub(crate) fn named(tx: &mut Tx<'_, '_>, wallet: &WalletId, name: &str) -> Result<Option<Row>> {
    Ok(tx.row(
        "SELECT id, wallet, name, chain, address, path, metadata, version, created_at, updated_at
           FROM named_key WHERE namespace = ?ns AND wallet = ?1 AND name = ?2",
        (wallet, name),
    )?)
}

/// A page of a wallet's keys, ordered by id.
pub(crate) fn page(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
    after: &str,
    limit: u32,
    skip: u32,
) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT id, wallet, name, chain, address, path, metadata, version, created_at, updated_at
           FROM named_key WHERE namespace = ?ns AND wallet = ?1 AND id > ?2 ORDER BY id LIMIT ?3 OFFSET ?4",
        (wallet, after, limit, skip),
    )?)
}

/// Update name and metadata of a key at a version; false if the version is not current.
pub(crate) fn change(
    tx: &mut Tx<'_, '_>,
    id: &KeyId,
    version: i64,
    name: &str,
    metadata: &Json,
) -> Result<bool> {
    let now = tx.now();
    let changed = tx.execute(
        "UPDATE named_key SET name = ?3, metadata = ?4, version = version + 1, updated_at = ?5
          WHERE namespace = ?ns AND id = ?1 AND version = ?2",
        (id, version, name, metadata, now),
    )?;
    Ok(changed == 1)
}
