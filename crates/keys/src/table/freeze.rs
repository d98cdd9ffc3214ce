//! Freezes, revocations, and the guard that orders them and the records of signatures.

use crate::Result;
use store::{Tx, Unbound};
use types::{Namespace, PermitId, Time};

/// A freeze: namespace, subject, level, reason, by whom, when, version.
pub(crate) type Row = (Namespace, String, u32, String, String, Time, i64);

/// A row to guard a namespace, if there is none yet.
pub(crate) fn insert_guard(tx: &mut Tx<'_, '_>) -> Result<()> {
    tx.execute("INSERT INTO signing_guard (namespace, generation) VALUES (?ns, 0) ON CONFLICT DO NOTHING", ())?;
    Ok(())
}

/// The guards of the namespace and of the installation, as they are.
pub(crate) fn generations(tx: &mut Tx<'_, '_>) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT namespace, generation FROM signing_guard WHERE namespace = ?ns OR namespace = '_' ORDER BY namespace",
        (),
    )?)
}

/// The same, and whoever wants to change them waits until this transaction has ended; who changed them first makes this one run again.
pub(crate) fn share_guards(tx: &mut Tx<'_, '_>) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT namespace, generation FROM signing_guard WHERE namespace = ?ns OR namespace = '_' ORDER BY namespace {share}",
        (),
    )?)
}

/// Change the guard of the namespace.
pub(crate) fn raise_guard(tx: &mut Tx<'_, '_>) -> Result<u64> {
    Ok(tx.execute("UPDATE signing_guard SET generation = generation + 1 WHERE namespace = ?ns", ())?)
}

/// Change the guard of the installation.
pub(crate) fn raise_installation_guard(tx: &mut Unbound<'_, '_>) -> Result<u64> {
    Ok(tx.execute("UPDATE signing_guard SET generation = generation + 1 WHERE namespace = '_'", ())?)
}

/// What is frozen now of these subjects of the namespace, and of the installation.
pub(crate) fn in_force(tx: &mut Tx<'_, '_>, subjects: &[(String,)]) -> Result<Vec<Row>> {
    Ok(tx.query_rows(
        "SELECT namespace, subject, level, reason, changed_by, changed_at, version FROM signing_freeze
          WHERE (namespace = ?ns OR namespace = '_') AND level > 0 AND subject IN ({rows})",
        (),
        subjects,
    )?)
}

/// Everything that is frozen now in the namespace, and the installation.
pub(crate) fn all(tx: &mut Tx<'_, '_>) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT namespace, subject, level, reason, changed_by, changed_at, version FROM signing_freeze
          WHERE (namespace = ?ns OR namespace = '_') AND level > 0 ORDER BY namespace, subject LIMIT 1000",
        (),
    )?)
}

/// Set the level of a subject; its new version.
pub(crate) fn put(tx: &mut Tx<'_, '_>, subject: &str, level: u32, reason: &str, by: &str) -> Result<i64> {
    let now = tx.now();
    let row: Option<(i64,)> = tx.row(
        "INSERT INTO signing_freeze (namespace, subject, level, reason, changed_by, changed_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, 1)
         ON CONFLICT (namespace, subject) DO UPDATE
            SET level = ?2, reason = ?3, changed_by = ?4, changed_at = ?5, version = signing_freeze.version + 1
         RETURNING version",
        (subject, level, reason, by, now),
    )?;
    Ok(row.map_or(1, |(version,)| version))
}

/// Revoke a permit; false if it was revoked before.
pub(crate) fn revoke(tx: &mut Tx<'_, '_>, permit: &PermitId, reason: &str, by: &str) -> Result<bool> {
    let now = tx.now();
    let inserted = tx.execute(
        "INSERT INTO permit_revoked (namespace, permit, reason, revoked_by, revoked_at) VALUES (?ns, ?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        (permit, reason, by, now),
    )?;
    Ok(inserted == 1)
}

/// Which of these permits are revoked.
pub(crate) fn revoked(tx: &mut Tx<'_, '_>, permits: &[(PermitId,)]) -> Result<Vec<(PermitId,)>> {
    Ok(tx.query_rows("SELECT permit FROM permit_revoked WHERE namespace = ?ns AND permit IN ({rows})", (), permits)?)
}
