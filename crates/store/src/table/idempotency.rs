//! Idempotency keys.

use crate::{Record as _, Result, ScopedTable as _, Tx, list};
use types::{Digest, Time};

/// A key to be claimed.
#[derive(store::Record)]
#[record(table = "idempotency", write)]
pub(crate) struct NewClaim<'a> {
    pub(crate) scope: &'a str,
    pub(crate) key: &'a str,
    pub(crate) command_hash: Option<Digest>,
    pub(crate) resource: &'a str,
    pub(crate) created_at: Time,
}

/// What a key was claimed for.
#[derive(store::Record)]
#[record(table = "idempotency", read)]
pub(crate) struct StoredClaim {
    pub(crate) key: String,
    pub(crate) command_hash: Option<Digest>,
    pub(crate) resource: String,
}

/// Claim the keys that are free and return them.
pub(crate) fn insert(tx: &mut Tx, claims: &[NewClaim<'_>]) -> Result<Vec<(String,)>> {
    let rest = "ON CONFLICT (namespace, scope, key) DO NOTHING RETURNING key";
    NewClaim::insert_returning(tx, claims, rest)
}

/// Read what these keys of a scope were claimed for.
pub(crate) fn of_keys(tx: &mut Tx, scope: &str, keys: &[&str]) -> Result<Vec<StoredClaim>> {
    let sql = format!(
        "WITH n(k) AS ({{rows}}) SELECT {}
           FROM n JOIN idempotency i ON i.namespace = ?ns AND i.scope = ?1 AND i.key = n.k",
        StoredClaim::columns_of("i")
    );
    tx.query_rows(&sql, (scope,), &list(keys))
}

/// Free a key for another command.
pub(crate) fn delete(tx: &mut Tx, scope: &str, key: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM idempotency WHERE namespace = ?ns AND scope = ?1 AND key = ?2",
        (scope, key),
    )?;
    Ok(())
}
