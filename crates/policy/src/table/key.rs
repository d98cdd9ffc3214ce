//! The key that signs permits. One per installation, so it belongs to no namespace.

use store::{Result, UnscopedTx};
use types::Time;

/// Insert a key unless there is one; returns whether it was inserted.
pub(crate) fn insert(
    tx: &mut UnscopedTx<'_, '_>,
    name: &str,
    public: &[u8],
    encrypted: &[u8],
    now: Time,
) -> Result<bool> {
    let sql = "INSERT INTO policy_key (name, public, encrypted, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, (name, public, encrypted, now))? == 1)
}

/// The public key and the encrypted seed.
pub(crate) fn get(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    tx.row(
        "SELECT public, encrypted FROM policy_key WHERE name = ?1",
        (name,),
    )
}

/// Replace the encrypted seed by one under another data key.
pub(crate) fn reencrypt(tx: &mut UnscopedTx<'_, '_>, name: &str, encrypted: &[u8]) -> Result<u64> {
    tx.execute(
        "UPDATE policy_key SET encrypted = ?2 WHERE name = ?1",
        (name, encrypted),
    )
}
