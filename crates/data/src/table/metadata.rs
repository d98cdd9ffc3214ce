//! Declared fields, and their values copied out of the objects.

use crate::value_type::ValueType;
use store::{Record as _, Result, ScopedTable as _, ToValue, Tx, list};

store::text_columns! { as_in_json: ValueType }

/// A declared field.
#[derive(store::Record)]
#[record(table = "metadata_field")]
pub(crate) struct MetadataField {
    #[record(column = "type")]
    pub(crate) kind: String,
    pub(crate) path: String,
    pub(crate) value_type: ValueType,
    pub(crate) ready: bool,
}

/// The value of an object at a declared path: a text or a number.
#[derive(store::Record)]
#[record(table = "metadata_value", write)]
pub(crate) struct MetadataValue<'a> {
    #[record(key, column = "type")]
    pub(crate) kind: &'a str,
    #[record(key)]
    pub(crate) path: &'a str,
    #[record(key)]
    pub(crate) object_id: &'a str,
    #[record(update)]
    pub(crate) text_value: Option<String>,
    #[record(update)]
    pub(crate) number_value: Option<Vec<u8>>,
    /// Whether the text is a hash.
    #[record(update)]
    pub(crate) hashed: bool,
}

/// All declared fields of the namespace.
pub(crate) fn declared(tx: &mut Tx) -> Result<Vec<MetadataField>> {
    let sql = MetadataField::select("WHERE namespace = ?ns ORDER BY type, path");
    tx.rows(&sql, ())
}

/// Declare a path. Returns false if it is declared already.
pub(crate) fn declare(tx: &mut Tx, kind: &str, path: &str, value_type: ValueType) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO metadata_field (namespace, type, path, value_type, ready) VALUES (?ns, ?1, ?2, ?3, 0) ON CONFLICT DO NOTHING",
        (kind, path, value_type),
    )?;
    Ok(inserted == 1)
}

/// Record that all existing objects are indexed.
pub(crate) fn set_ready(tx: &mut Tx, kind: &str, path: &str) -> Result<()> {
    tx.execute(
        "UPDATE metadata_field SET ready = 1 WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(())
}

/// Withdraw a declaration. Returns false if there was none.
pub(crate) fn withdraw(tx: &mut Tx, kind: &str, path: &str) -> Result<bool> {
    let deleted = tx.execute(
        "DELETE FROM metadata_field WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(deleted == 1)
}

/// Delete the values of a path.
pub(crate) fn delete_values(tx: &mut Tx, kind: &str, path: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM metadata_value WHERE namespace = ?ns AND type = ?1 AND path = ?2",
        (kind, path),
    )?;
    Ok(())
}

/// Delete the values of objects.
pub(crate) fn delete_objects(tx: &mut Tx, kind: &str, ids: &[impl ToValue]) -> Result<()> {
    tx.execute_rows(
        "WITH n(namespace, id) AS ({ns_rows})
         DELETE FROM metadata_value WHERE (namespace, type, object_id) IN (SELECT n.namespace, ?1, n.id FROM n)",
        (kind,),
        &list(ids),
    )?;
    Ok(())
}

/// Insert or replace values.
pub(crate) fn insert(tx: &mut Tx, rows: &[MetadataValue<'_>]) -> Result<()> {
    MetadataValue::upsert(tx, rows)?;
    Ok(())
}

/// Whether any text of a path is stored as a hash.
pub(crate) fn has_hashed(tx: &mut Tx, kind: &str, path: &str) -> Result<bool> {
    tx.exists(
        "SELECT 1 FROM metadata_value WHERE namespace = ?ns AND type = ?1 AND path = ?2 AND hashed = 1 LIMIT 1",
        (kind, path),
    )
}

/// The ids and `column` texts of objects after an id, for indexing existing objects.
pub(crate) fn texts_after(
    tx: &mut Tx,
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
