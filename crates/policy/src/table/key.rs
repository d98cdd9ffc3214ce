//! The key that signs permits. One an installation, so it belongs to no namespace.

use store::{Result, Unbound};
use types::Time;

/// Keep a key unless there is one. Says whether it was kept.
pub(crate) fn insert(
    tx: &mut Unbound<'_, '_>,
    name: &str,
    public: &[u8],
    sealed: &[u8],
    now: Time,
) -> Result<bool> {
    let sql = "INSERT INTO policy_key (name, public, sealed, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, (name, public, sealed, now))? == 1)
}

/// The public half and the sealed seed.
pub(crate) fn get(tx: &mut Unbound<'_, '_>, name: &str) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    tx.row(
        "SELECT public, sealed FROM policy_key WHERE name = ?1",
        (name,),
    )
}

/// The same seed under another data key.
pub(crate) fn reseal(tx: &mut Unbound<'_, '_>, name: &str, sealed: &[u8]) -> Result<u64> {
    tx.execute(
        "UPDATE policy_key SET sealed = ?2 WHERE name = ?1",
        (name, sealed),
    )
}
