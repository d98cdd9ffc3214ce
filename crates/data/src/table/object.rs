//! Statements that work for every type.

use super::{columns, not_reverted, objects};
use crate::field::Schema;
use crate::object::Object;
use store::{Result, ToValue, Tx, Value, list};

/// Load objects by id, in no particular order, without reverted transfers.
pub(crate) fn by_ids(
    tx: &mut Tx,
    schema: &'static Schema,
    ids: &[impl ToValue],
) -> Result<Vec<Object>> {
    let sql = format!(
        "WITH n(namespace, id) AS ({{ns_rows}}) SELECT {} FROM n JOIN {} t ON t.namespace = n.namespace AND t.id = n.id{}",
        columns(schema, "t."),
        schema.table,
        not_reverted(schema)
    );
    Ok(objects(schema, tx.query_rows(&sql, (), &list(ids))?))
}

/// Load objects by key, in no particular order, without reverted transfers.
pub(crate) fn by_keys(
    tx: &mut Tx,
    schema: &'static Schema,
    keys: &[Vec<String>],
) -> Result<Vec<Object>> {
    let names: Vec<String> = (0..schema.key.len())
        .map(|index| format!("k{index}"))
        .collect();
    let joined: Vec<String> = schema
        .key
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("t.{column} = n.{name}"))
        .collect();
    let sql = format!(
        "WITH n(namespace, {}) AS ({{ns_rows}}) SELECT {} FROM n JOIN {} t ON t.namespace = n.namespace AND {}{}",
        names.join(", "),
        columns(schema, "t."),
        schema.table,
        joined.join(" AND "),
        not_reverted(schema)
    );
    let rows: Vec<Vec<Value<'_>>> = keys
        .iter()
        .map(|key| {
            key.iter()
                .map(|part| Value::Text(part.as_str().into()))
                .collect()
        })
        .collect();
    Ok(objects(schema, tx.query_rows(&sql, (), &rows)?))
}

/// A name in use.
#[derive(store::Record)]
pub(crate) struct NamedIds {
    pub(crate) name: String,
    /// The lowest id, which is also the highest if the name is unique.
    pub(crate) low: String,
    pub(crate) high: String,
}

/// The names that are in use, with their ids.
pub(crate) fn by_names(
    tx: &mut Tx,
    schema: &'static Schema,
    names: &[&str],
) -> Result<Vec<NamedIds>> {
    let column = if schema.has("protocol_id") {
        "protocol_id"
    } else {
        "name"
    };
    let sql = format!(
        "WITH n(namespace, name) AS ({{ns_rows}}) SELECT n.name, MIN(t.id) AS low, MAX(t.id) AS high FROM n
           JOIN {} t ON t.namespace = n.namespace AND t.{column} = n.name{} GROUP BY n.name",
        schema.table,
        not_reverted(schema)
    );
    tx.query_rows(&sql, (), &list(names))
}

/// What references show of a target. Columns that the type lacks are NULL.
#[derive(store::Record)]
pub(crate) struct TargetRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) chain: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) asset: Option<String>,
}

/// What references show of their targets.
pub(crate) fn reference_names(
    tx: &mut Tx,
    schema: &'static Schema,
    ids: &[impl ToValue],
) -> Result<Vec<TargetRow>> {
    let column = |name: &str| {
        if schema.has(name) {
            format!("t.{name}")
        } else {
            "NULL".to_owned()
        }
    };
    let sql = format!(
        "WITH n(namespace, id) AS ({{ns_rows}})
         SELECT t.id, {}, {}, {}, {} FROM n JOIN {} t ON t.namespace = n.namespace AND t.id = n.id{}",
        if schema.has("name") { "t.name" } else { "t.id" },
        column("chain"),
        column("address"),
        column("asset_id"),
        schema.table,
        not_reverted(schema)
    );
    tx.query_rows(&sql, (), &list(ids))
}

/// Insert new objects. Returns how many were inserted; fewer if another object has one of the keys.
pub(crate) fn insert<'o>(
    tx: &mut Tx,
    schema: &'static Schema,
    objects: impl IntoIterator<Item = &'o Object>,
) -> Result<u64> {
    let sql = format!(
        "INSERT INTO {} (namespace, {}) {{ns_rows}} ON CONFLICT DO NOTHING",
        schema.table,
        columns(schema, "")
    );
    let rows: Vec<_> = objects.into_iter().map(Object::values).collect();
    tx.execute_rows(&sql, (), &rows)
}

/// Update all columns of existing objects except the row key. Returns how many were updated.
pub(crate) fn update<'o>(
    tx: &mut Tx,
    schema: &'static Schema,
    objects: impl IntoIterator<Item = &'o Object>,
) -> Result<u64> {
    let all: Vec<&str> = schema.stored().map(|field| field.column).collect();
    let changed = all.iter().filter(|column| !schema.row_key.contains(column));
    let set: Vec<String> = changed
        .map(|column| format!("{column} = n.{column}"))
        .collect();
    let same_row: Vec<String> = schema
        .row_key
        .iter()
        .map(|column| format!("t.{column} = n.{column}"))
        .collect();
    let sql = format!(
        "WITH n(namespace, {}) AS ({{ns_rows}}) UPDATE {} AS t SET {} FROM n WHERE t.namespace = n.namespace AND {}",
        all.join(", "),
        schema.table,
        set.join(", "),
        same_row.join(" AND ")
    );
    let rows: Vec<_> = objects.into_iter().map(Object::values).collect();
    tx.execute_rows(&sql, (), &rows)
}

/// Delete all rows of an id.
pub(crate) fn delete(tx: &mut Tx, schema: &'static Schema, id: &str) -> Result<u64> {
    tx.execute(
        &format!(
            "DELETE FROM {} WHERE namespace = ?ns AND id = ?1",
            schema.table
        ),
        (id,),
    )
}

/// Whether any row has this id in a referring column.
pub(crate) fn is_referenced(
    tx: &mut Tx,
    schema: &'static Schema,
    column: &str,
    id: &str,
) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE namespace = ?ns AND {column} = ?1 LIMIT 1",
        schema.table
    );
    tx.exists(&sql, (id,))
}

/// Whether any row is under this address.
pub(crate) fn exists_at_address(
    tx: &mut Tx,
    schema: &'static Schema,
    chain: &str,
    address: &str,
) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE namespace = ?ns AND chain = ?1 AND address = ?2 LIMIT 1",
        schema.table
    );
    tx.exists(&sql, (chain, address))
}

/// Reserve event sequences: add to each activity's counter. Returns the counters after that.
pub(crate) fn reserve_sequences(
    tx: &mut Tx,
    counts: &[(String, i64)],
) -> Result<Vec<(String, i64)>> {
    tx.query_rows(
        "WITH n(namespace, id, count) AS ({ns_rows})
         UPDATE activity SET next_sequence = activity.next_sequence + n.count FROM n
          WHERE activity.namespace = n.namespace AND activity.id = n.id
         RETURNING activity.id, activity.next_sequence",
        (),
        counts,
    )
}

/// Mark objects that a block introduced as reverted. `namespace
///
/// ''` keeps SQLite on the block index, as in `transfer::of_block`.
pub(crate) fn mark_reverted(
    tx: &mut Tx,
    schema: &'static Schema,
    chain: &str,
    height: i64,
    hash: &str,
) -> Result<u64> {
    let sql = format!(
        "UPDATE {} SET reverted = 1, version = version + 1
          WHERE namespace || '' = ?ns AND chain = ?1 AND height = ?2 AND block_hash = ?3 AND reverted = 0",
        schema.table
    );
    tx.execute(&sql, (chain, height, hash))
}
