//! Statements that serve every type alike.

use super::{columns, live};
use crate::field::Shape;
use crate::object::Object;
use store::{Result, Row, Tx, Value};

fn objects(shape: &'static Shape, rows: Vec<Row>) -> Vec<Object> {
    rows.into_iter()
        .map(|row| Object::from_row(shape, row))
        .collect()
}

/// Objects of these ids, in no promised order. Transfers: only those that are not reverted.
pub(crate) fn by_ids(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    ids: &[(String,)],
) -> Result<Vec<Object>> {
    let sql = format!(
        "WITH n(namespace, id) AS ({{ns_rows}}) SELECT {} FROM n JOIN {} t ON t.namespace = n.namespace AND t.id = n.id{}",
        columns(shape, "t."),
        shape.table,
        live(shape)
    );
    Ok(objects(shape, tx.query_rows(&sql, (), ids)?))
}

/// Objects of these keys, in no promised order. Transfers: only those that are not reverted.
pub(crate) fn by_keys(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    keys: &[Vec<String>],
) -> Result<Vec<Object>> {
    let names: Vec<String> = (0..shape.key.len())
        .map(|place| format!("k{place}"))
        .collect();
    let joined: Vec<String> = shape
        .key
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("t.{column} = n.{name}"))
        .collect();
    let sql = format!(
        "WITH n(namespace, {}) AS ({{ns_rows}}) SELECT {} FROM n JOIN {} t ON t.namespace = n.namespace AND {}{}",
        names.join(", "),
        columns(shape, "t."),
        shape.table,
        joined.join(" AND "),
        live(shape)
    );
    let rows: Vec<Vec<Value<'_>>> = keys
        .iter()
        .map(|key| {
            key.iter()
                .map(|part| Value::Text(part.as_str().into()))
                .collect()
        })
        .collect();
    Ok(objects(shape, tx.query_rows(&sql, (), &rows)?))
}

/// For each name that some object has: the lowest and the highest id, which are one where the name
/// is nobody else's.
pub(crate) fn by_names(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    names: &[(String,)],
) -> Result<Vec<(String, String, String)>> {
    let column = if shape.has("protocol_id") {
        "protocol_id"
    } else {
        "name"
    };
    let sql = format!(
        "WITH n(namespace, name) AS ({{ns_rows}}) SELECT n.name, MIN(t.id), MAX(t.id) FROM n
           JOIN {} t ON t.namespace = n.namespace AND t.{column} = n.name{} GROUP BY n.name",
        shape.table,
        live(shape)
    );
    tx.query_rows(&sql, (), names)
}

/// What references show of their targets: id, name, chain, address, asset; what a type lacks is
/// missing.
pub(crate) fn shown_names(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    ids: &[(String,)],
) -> Result<Vec<Row>> {
    let column = |name: &str| {
        if shape.has(name) {
            format!("t.{name}")
        } else {
            "NULL".to_owned()
        }
    };
    let sql = format!(
        "WITH n(namespace, id) AS ({{ns_rows}})
         SELECT t.id, {}, {}, {}, {} FROM n JOIN {} t ON t.namespace = n.namespace AND t.id = n.id{}",
        if shape.has("name") { "t.name" } else { "t.id" },
        column("chain"),
        column("address"),
        column("asset_id"),
        shape.table,
        live(shape)
    );
    tx.query_rows(&sql, (), ids)
}

/// Insert new objects; how many were. Fewer than given: another has one of the keys.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    objects: &[&Object],
) -> Result<u64> {
    let sql = format!(
        "INSERT INTO {} (namespace, {}) {{ns_rows}} ON CONFLICT DO NOTHING",
        shape.table,
        columns(shape, "")
    );
    let rows: Vec<Vec<Value<'_>>> = objects.iter().map(|object| object.values()).collect();
    tx.execute_rows(&sql, (), &rows)
}

/// Write known objects anew, all columns but those that name the row; how many were.
pub(crate) fn update(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    objects: &[&Object],
) -> Result<u64> {
    let all: Vec<&str> = shape.stored().map(|field| field.column).collect();
    let changed = all.iter().filter(|column| !shape.row.contains(column));
    let set: Vec<String> = changed
        .map(|column| format!("{column} = n.{column}"))
        .collect();
    let found: Vec<String> = shape
        .row
        .iter()
        .map(|column| format!("t.{column} = n.{column}"))
        .collect();
    let sql = format!(
        "WITH n(namespace, {}) AS ({{ns_rows}}) UPDATE {} AS t SET {} FROM n WHERE t.namespace = n.namespace AND {}",
        all.join(", "),
        shape.table,
        set.join(", "),
        found.join(" AND ")
    );
    let rows: Vec<Vec<Value<'_>>> = objects.iter().map(|object| object.values()).collect();
    tx.execute_rows(&sql, (), &rows)
}

/// Delete all rows of an id.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, shape: &'static Shape, id: &str) -> Result<u64> {
    tx.execute(
        &format!(
            "DELETE FROM {} WHERE namespace = ?ns AND id = ?1",
            shape.table
        ),
        (id,),
    )
}

/// Whether some row has this value in a column that refers to others.
pub(crate) fn refers(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    column: &str,
    id: &str,
) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE namespace = ?ns AND {column} = ?1 LIMIT 1",
        shape.table
    );
    Ok(tx.row::<(i64,)>(&sql, (id,))?.is_some())
}

/// Whether some row stands at this address.
pub(crate) fn stands_at(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    chain: &str,
    address: &str,
) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE namespace = ?ns AND chain = ?1 AND address = ?2 LIMIT 1",
        shape.table
    );
    Ok(tx.row::<(i64,)>(&sql, (chain, address))?.is_some())
}

/// Hand out sequences: add to each activity's counter; the counters after that.
pub(crate) fn hand_out(
    tx: &mut Tx<'_, '_>,
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

/// Mark what a block showed first as gone with it. By the index of blocks, as in
/// `transfer::of_block`.
pub(crate) fn mark_reverted(
    tx: &mut Tx<'_, '_>,
    shape: &'static Shape,
    chain: &str,
    height: i64,
    hash: &str,
) -> Result<u64> {
    let sql = format!(
        "UPDATE {} SET reverted = 1, version = version + 1
          WHERE namespace || '' = ?ns AND chain = ?1 AND height = ?2 AND block_hash = ?3 AND reverted = 0",
        shape.table
    );
    tx.execute(&sql, (chain, height, hash))
}
