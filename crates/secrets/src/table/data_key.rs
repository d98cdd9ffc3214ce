//! Data keys, wrapped by the master key.

use crate::Result;
use crate::master_key::Wrapping;
use serde::Serialize;
use store::{Record as _, UnscopedTable as _, UnscopedTx};
use types::{Digest, Time};

/// A data key, wrapped.
#[derive(store::Record)]
#[record(table = "data_key", read)]
pub(crate) struct WrappedKey {
    pub(crate) version: u32,
    pub(crate) wrapped: Vec<u8>,
    #[record(json)]
    pub(crate) wrapping: Wrapping,
}

/// A data key to be stored.
#[derive(store::Record)]
#[record(table = "data_key", global, write)]
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
    /// Identifies the data key, also among two keys of one version.
    pub(crate) fingerprint: Digest,
    pub(crate) wrapped: &'a [u8],
    #[record(json)]
    pub(crate) wrapping: &'a Wrapping,
    pub(crate) created_at: Time,
}

/// A stored data key, without the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "data_key", read)]
pub struct DataKeyInfo {
    /// The newest version encrypts.
    pub version: u32,
    #[record(column = "created_at")]
    pub created: Time,
    /// Since when nothing is encrypted under it any more. It still decrypts data restored from an
    /// old backup.
    #[record(column = "retired_at")]
    pub retired: Option<Time>,
}

/// List all versions of a data key, oldest first.
pub(crate) fn wrapped(tx: &mut UnscopedTx, name: &str) -> Result<Vec<WrappedKey>> {
    let sql = WrappedKey::select("WHERE name = ?1 ORDER BY version");
    Ok(tx.rows(&sql, (name,))?)
}

/// List the versions of a data key with their times, oldest first.
pub(crate) fn list(tx: &mut UnscopedTx, name: &str) -> Result<Vec<DataKeyInfo>> {
    let sql = DataKeyInfo::select("WHERE name = ?1 ORDER BY version");
    Ok(tx.rows(&sql, (name,))?)
}

/// The newest version of a data key; 0 if there is none.
pub(crate) fn newest(tx: &mut UnscopedTx, name: &str) -> Result<u32> {
    let sql = "SELECT MAX(version) FROM data_key WHERE name = ?1";
    Ok(tx.value(sql, (name,))?.unwrap_or(0))
}

/// Count the versions of a data key.
pub(crate) fn count(tx: &mut UnscopedTx, name: &str) -> Result<u64> {
    Ok(tx.count("SELECT COUNT(*) FROM data_key WHERE name = ?1", (name,))?)
}

/// Insert data keys, or replace the wrapping of those that exist. Returns how many; a version that
/// holds another key is left alone.
pub(crate) fn put(tx: &mut UnscopedTx, keys: &[NewKey<'_>]) -> Result<u64> {
    let rest = "ON CONFLICT (name, version) DO UPDATE SET wrapped = excluded.wrapped, wrapping = excluded.wrapping
                 WHERE data_key.fingerprint = excluded.fingerprint";
    Ok(NewKey::insert_unscoped(tx, keys, rest)?)
}

/// Record that nothing is encrypted under the versions before this one any more.
pub(crate) fn retire(tx: &mut UnscopedTx, name: &str, before: u32) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE data_key SET retired_at = ?3 WHERE name = ?1 AND version < ?2 AND retired_at IS NULL",
        (name, before, now),
    )?;
    Ok(())
}
