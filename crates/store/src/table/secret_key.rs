//! Data keys, wrapped by the master key.

use crate::{Record as _, Result, UnscopedTable as _, UnscopedTx};
use serde::Serialize;
use types::{Digest, Time};

/// A data key, wrapped.
#[derive(store::Record)]
#[record(table = "secret_key", read)]
pub(crate) struct WrappedKey {
    pub(crate) version: u32,
    pub(crate) wrapped: Vec<u8>,
    /// How it is wrapped, as JSON.
    pub(crate) wrapping: String,
}

/// A data key to be stored.
#[derive(store::Record)]
#[record(table = "secret_key", global, write)]
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
    /// Identifies the data key: two keys of one version are told apart by it.
    pub(crate) fingerprint: Digest,
    pub(crate) wrapped: &'a [u8],
    pub(crate) wrapping: &'a str,
    pub(crate) created_at: Time,
}

/// A stored data key, without the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "secret_key", read)]
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
pub(crate) fn wrapped(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<Vec<WrappedKey>> {
    tx.rows(
        &WrappedKey::select("WHERE name = ?1 ORDER BY version"),
        (name,),
    )
}

/// List the versions of a data key with their times, oldest first.
pub(crate) fn list(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<Vec<DataKeyInfo>> {
    tx.rows(
        &DataKeyInfo::select("WHERE name = ?1 ORDER BY version"),
        (name,),
    )
}

/// Count the versions of a data key.
pub(crate) fn count(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<u64> {
    tx.count("SELECT COUNT(*) FROM secret_key WHERE name = ?1", (name,))
}

/// Insert data keys, or replace the wrapping of those that exist. Returns how many; a version that
/// holds another key is left alone.
pub(crate) fn put(tx: &mut UnscopedTx<'_, '_>, keys: &[NewKey<'_>]) -> Result<u64> {
    let rest = "ON CONFLICT (name, version) DO UPDATE SET wrapped = excluded.wrapped, wrapping = excluded.wrapping
                 WHERE secret_key.fingerprint = excluded.fingerprint";
    NewKey::insert_unscoped(tx, keys, rest)
}

/// Mark the versions before this one as retired and return how many were not yet.
pub(crate) fn retire(tx: &mut UnscopedTx<'_, '_>, name: &str, before: u32) -> Result<u64> {
    let now = tx.now();
    tx.execute(
        "UPDATE secret_key SET retired_at = ?3 WHERE name = ?1 AND version < ?2 AND retired_at IS NULL",
        (name, before, now),
    )
}
