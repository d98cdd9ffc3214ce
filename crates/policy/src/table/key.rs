//! The key that signs permits. One per installation, so it belongs to no namespace.

use store::{Record as _, Result, UnscopedTable as _, UnscopedTx};
use types::Time;

/// A key that signs permits.
#[derive(Clone, store::Record)]
#[record(table = "policy_key", global)]
pub(crate) struct StoredKey {
    #[record(key)]
    pub(crate) name: String,
    pub(crate) public: Vec<u8>,
    /// The encrypted seed.
    #[record(update)]
    pub(crate) encrypted: Vec<u8>,
    pub(crate) created_at: Time,
}

/// Insert a key unless there is one; returns whether it was inserted.
pub(crate) fn insert(tx: &mut UnscopedTx, key: &StoredKey) -> Result<bool> {
    let rows = std::slice::from_ref(key);
    Ok(StoredKey::insert_unscoped(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}

/// The key with a name.
pub(crate) fn get(tx: &mut UnscopedTx, name: &str) -> Result<Option<StoredKey>> {
    tx.row(&StoredKey::select("WHERE name = ?1"), (name,))
}
