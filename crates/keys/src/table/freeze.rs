//! Freezes, and the signing guards that order freezes and recorded signatures.

use crate::Result;
use store::{Tx, UnscopedTx};
use types::{Namespace, Time};

/// A freeze: namespace, subject, level, reason, changed by, changed at, version.
pub(crate) type Row = (Namespace, String, u32, String, String, Time, i64);

/// Create guards for these subjects, where there are none yet.
pub(crate) fn insert_guards(tx: &mut Tx<'_, '_>, subjects: &[(&str, i64)]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO signing_guard (namespace, subject, generation) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        subjects,
    )?;
    Ok(())
}

/// The generations of these subjects, read without a lock.
pub(crate) fn generations(
    tx: &mut Tx<'_, '_>,
    subjects: &[(String,)],
) -> Result<Vec<(String, i64)>> {
    Ok(tx.query_rows(
        "SELECT subject, generation FROM signing_guard WHERE namespace = ?ns AND subject IN ({rows})",
        (),
        subjects,
    )?)
}

/// The generations of the installation and its keyring, read without a lock.
pub(crate) fn installation_generations(tx: &mut Tx<'_, '_>) -> Result<Vec<(i64,)>> {
    Ok(tx.rows(
        "SELECT generation FROM signing_guard WHERE namespace = '_' AND ?ns <> '_'",
        (),
    )?)
}

/// Take a shared lock on the guards of these subjects: a writer waits until this transaction ends;
/// if a guard changed since this transaction began, this transaction is retried.
pub(crate) fn share(tx: &mut Tx<'_, '_>, subjects: &[(String,)]) -> Result<Vec<(i64,)>> {
    Ok(tx.query_rows(
        "SELECT generation FROM signing_guard WHERE namespace = ?ns AND subject IN ({rows}) {share}",
        (),
        subjects,
    )?)
}

/// Take a shared lock on the guard of the installation.
pub(crate) fn share_installation(tx: &mut Tx<'_, '_>) -> Result<Vec<(i64,)>> {
    Ok(tx.rows(
        "SELECT generation FROM signing_guard WHERE namespace = '_' AND subject = 'installation' AND ?ns <> '_' {share}",
        (),
    )?)
}

/// Increase the generation of a subject.
pub(crate) fn bump(tx: &mut Tx<'_, '_>, subject: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO signing_guard (namespace, subject, generation) VALUES (?ns, ?1, 1)
         ON CONFLICT (namespace, subject) DO UPDATE SET generation = signing_guard.generation + 1",
        (subject,),
    )?;
    Ok(())
}

/// The number of keyring changes.
pub(crate) fn keyring_generation(tx: &mut UnscopedTx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT generation FROM signing_guard WHERE namespace = '_' AND subject = 'keyring'",
        (),
    )?;
    Ok(row.map_or(0, |(generation,)| generation))
}

/// Increase the keyring's generation; false if it changed since it was read.
pub(crate) fn bump_keyring(tx: &mut UnscopedTx<'_, '_>, expected: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE signing_guard SET generation = generation + 1
          WHERE namespace = '_' AND subject = 'keyring' AND generation = ?1",
        (expected,),
    )?;
    Ok(changed == 1)
}

/// The active freezes of these subjects in the namespace and the installation.
pub(crate) fn in_force(tx: &mut Tx<'_, '_>, subjects: &[(String,)]) -> Result<Vec<Row>> {
    Ok(tx.query_rows(
        "SELECT namespace, subject, level, reason, changed_by, changed_at, version FROM signing_freeze
          WHERE (namespace = ?ns OR namespace = '_') AND level > 0 AND subject IN ({rows})",
        (),
        subjects,
    )?)
}

/// All active freezes of the namespace and the installation.
pub(crate) fn all(tx: &mut Tx<'_, '_>) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT namespace, subject, level, reason, changed_by, changed_at, version FROM signing_freeze
          WHERE (namespace = ?ns OR namespace = '_') AND level > 0 ORDER BY namespace, subject LIMIT 1000",
        (),
    )?)
}

/// Set the level of a subject; returns the new version.
pub(crate) fn put(
    tx: &mut Tx<'_, '_>,
    subject: &str,
    level: u32,
    reason: &str,
    by: &str,
) -> Result<i64> {
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
