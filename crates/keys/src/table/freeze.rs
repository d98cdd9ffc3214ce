//! Freezes, and the signing guards that order freezes and recorded signatures.

use crate::Result;
use store::{Record as _, ScopedTable as _, Tx, list};
use types::{Namespace, Time};

#[derive(store::Record)]
#[record(table = "signing_freeze")]
pub(crate) struct FreezeRow {
    pub(crate) namespace: Namespace,
    pub(crate) subject: String,
    pub(crate) level: u32,
    pub(crate) reason: String,
    pub(crate) changed_by: String,
    pub(crate) changed_at: Time,
    pub(crate) version: u64,
}

/// The guard of a subject, with the number of its freezes.
#[derive(store::Record)]
#[record(table = "signing_guard")]
pub(crate) struct Guard {
    pub(crate) subject: String,
    pub(crate) generation: i64,
}

/// Create guards for these subjects, where there are none yet.
pub(crate) fn insert_guards(tx: &mut Tx, guards: &[Guard]) -> Result<()> {
    Guard::insert(tx, guards, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// The guards of these subjects, read without a lock.
pub(crate) fn guards(tx: &mut Tx, subjects: &[String]) -> Result<Vec<Guard>> {
    let sql = Guard::select("WHERE namespace = ?ns AND subject IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(subjects))?)
}

/// The generation of the installation, read without a lock.
pub(crate) fn installation_generation(tx: &mut Tx) -> Result<i64> {
    let generation = tx.value(
        "SELECT generation FROM signing_guard WHERE namespace = '_' AND ?ns <> '_'",
        (),
    )?;
    Ok(generation.unwrap_or(0))
}

/// Take a shared lock on the guards of these subjects: a writer waits until this transaction ends;
/// if a guard changed since this transaction began, this transaction is retried.
pub(crate) fn share(tx: &mut Tx, subjects: &[String]) -> Result<()> {
    let sql = Guard::select("WHERE namespace = ?ns AND subject IN ({rows}) {share}");
    tx.query_rows::<Guard, _>(&sql, (), &list(subjects))?;
    Ok(())
}

/// Take a shared lock on the guard of the installation.
pub(crate) fn share_installation(tx: &mut Tx) -> Result<()> {
    tx.values::<i64>(
        "SELECT generation FROM signing_guard WHERE namespace = '_' AND subject = 'installation' AND ?ns <> '_' {share}",
        (),
    )?;
    Ok(())
}

/// Increase the generation of a subject.
pub(crate) fn bump(tx: &mut Tx, subject: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO signing_guard (namespace, subject, generation) VALUES (?ns, ?1, 1)
         ON CONFLICT (namespace, subject) DO UPDATE SET generation = signing_guard.generation + 1",
        (subject,),
    )?;
    Ok(())
}

/// The active freezes of these subjects in the namespace and the installation.
pub(crate) fn in_force(tx: &mut Tx, subjects: &[String]) -> Result<Vec<FreezeRow>> {
    let sql = FreezeRow::select(
        "WHERE (namespace = ?ns OR namespace = '_') AND level > 0 AND subject IN ({rows})",
    );
    Ok(tx.query_rows(&sql, (), &list(subjects))?)
}

/// All active freezes of the namespace and the installation.
pub(crate) fn all(tx: &mut Tx) -> Result<Vec<FreezeRow>> {
    let sql = FreezeRow::select(
        "WHERE (namespace = ?ns OR namespace = '_') AND level > 0 ORDER BY namespace, subject LIMIT 1000",
    );
    Ok(tx.rows(&sql, ())?)
}

/// Set the level of a subject; returns the new version, which is that of the row if it is new.
pub(crate) fn put(tx: &mut Tx, row: FreezeRow) -> Result<u64> {
    let versions: Vec<(u64,)> = FreezeRow::insert_returning(
        tx,
        &[row],
        "ON CONFLICT (namespace, subject) DO UPDATE
            SET level = excluded.level, reason = excluded.reason, changed_by = excluded.changed_by,
                changed_at = excluded.changed_at, version = signing_freeze.version + 1
         RETURNING version",
    )?;
    Ok(versions.first().map_or(1, |(version,)| *version))
}
