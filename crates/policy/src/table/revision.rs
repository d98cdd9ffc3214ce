//! The policy revision of a namespace, which increases with every change to its active policies.

use store::{Result, Tx};

/// The current revision; 0 before the first change.
pub(crate) fn get(tx: &mut Tx) -> Result<u64> {
    let sql = "SELECT revision FROM policy_revision WHERE namespace = ?ns";
    Ok(tx.value(sql, ())?.unwrap_or(0))
}

/// The current revision, under a shared lock: a writer waits until this transaction ends; if the
/// row changed since this transaction began, this transaction is retried. A plain read would not be
/// enough: it could see the state before a change and be committed after it.
pub(crate) fn share(tx: &mut Tx) -> Result<u64> {
    let sql = "SELECT revision FROM policy_revision WHERE namespace = ?ns {share}";
    Ok(tx.value(sql, ())?.unwrap_or(0))
}

/// Increase the revision.
pub(crate) fn bump(tx: &mut Tx) -> Result<u64> {
    tx.execute(
        "INSERT INTO policy_revision (namespace, revision) VALUES (?ns, 1)
             ON CONFLICT (namespace) DO UPDATE SET revision = policy_revision.revision + 1",
        (),
    )
}
