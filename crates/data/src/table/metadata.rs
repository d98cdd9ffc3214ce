//! Declared fields, and their values copied out of the objects.

use store::{Result, Tx, Value};

/// A declared field: type, path, value type, whether all objects are indexed.
pub(crate) type Declared = (String, String, String, bool);

/// All declared fields of the namespace.
pub(crate) fn declared(tx: &mut Tx<'_, '_>) -> Result<Vec<Declared>> {
    tx.rows("SELECT type, path, value_type, ready FROM metadata_field WHERE namespace = ?ns ORDER BY type, path", ())
}

/// Declare a path. Returns false if it is declared already.
pub(crate) fn declare(
    tx: &mut Tx<'_, '_>,
    kind: &str,
    path: &str,
    value_type: &str,
) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO metadata_field (namespace, type, path, value_type, ready) VALUES (?ns, ?1, ?2, ?3, 0) ON CONFLICT DO NOTHING",
        (kind, path, value_type),
    )?;
    Ok(inserted == 1)
}

/// Record that all existing objects are indexed.
pub(crate) fn set_ready(tx: &mut Tx<'_, '_>, kind: &str, path: &str) -> Result<()> {
    tx.execute(
        "UPDATE metadata_field SET ready = 1 WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(())
}

/// Withdraw a declaration. Returns false if there was none.
pub(crate) fn withdraw(tx: &mut Tx<'_, '_>, kind: &str, path: &str) -> Result<bool> {
    let deleted = tx.execute(
        "DELETE FROM metadata_field WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(deleted == 1)
}

/// Delete the values of a path.
pub(crate) fn delete_values(tx: &mut Tx<'_, '_>, kind: &str, path: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM metadata_value WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(())
}

/// Delete the values of objects.
pub(crate) fn delete_objects(tx: &mut Tx<'_, '_>, kind: &str, ids: &[(String,)]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         DELETE FROM metadata_value WHERE (namespace, type, object_id) IN (SELECT n.namespace, ?1, n.id FROM n)",
        (kind,),
        ids,
    )?;
    Ok(())
}

/// Insert values: type, path, object, text or number, whether the text is a hash.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, rows: &[Vec<Value<'_>>]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO metadata_value (namespace, type, path, object_id, text_value, number_value, hashed) {ns_rows}
         ON CONFLICT (namespace, type, object_id, path) DO UPDATE
            SET text_value = excluded.text_value, number_value = excluded.number_value, hashed = excluded.hashed",
        (),
        rows,
    )?;
    Ok(())
}

/// Whether any text of a path is stored as a hash.
pub(crate) fn has_hashed(tx: &mut Tx<'_, '_>, kind: &str, path: &str) -> Result<bool> {
    let row: Option<(i64,)> = tx.row(
        "SELECT 1 FROM metadata_value WHERE namespace = ?ns AND type = ?1 AND path = ?2 AND hashed = 1 LIMIT 1",
        (kind, path),
    )?;
    Ok(row.is_some())
}

/// The ids and `column` texts of objects after an id, for indexing existing objects.
pub(crate) fn texts_after(
    tx: &mut Tx<'_, '_>,
    table: &str,
    column: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, Option<String>)>> {
    tx.rows(
        &format!("SELECT id, {column} FROM {table} WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2"),
        (after, limit),
    )
}
