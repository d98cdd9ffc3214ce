//! What the crate keeps sealed, wherever it stands, for a new data key.

use crate::Result;
use store::Unbound;
use types::Namespace;

/// A sealed value: namespace, id of its row, number of the step (0 where there is none), bytes.
pub(crate) type Sealed = (Namespace, String, i64, Vec<u8>);

/// A value sealed anew: namespace, id, step, as it was, as it is to be.
pub(crate) type Anew = (Namespace, String, i64, Vec<u8>, Vec<u8>);

/// A column that holds sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    id: &'static str,
    /// The number of a step, or nought.
    seq: &'static str,
}

/// Every column that holds sealed values. Each of a run's has an index of the rows where there is
/// one.
pub(crate) const COLUMNS: [Column; 4] = [
    Column {
        table: "variable_set",
        column: "sealed",
        id: "id",
        seq: "CAST(0 AS BIGINT)",
    },
    Column {
        table: "run",
        column: "sealed",
        id: "id",
        seq: "CAST(0 AS BIGINT)",
    },
    Column {
        table: "run_step",
        column: "sealed",
        id: "run",
        seq: "seq",
    },
    Column {
        table: "run_step",
        column: "request",
        id: "run",
        seq: "seq",
    },
];

/// What is sealed under an older data key than that which begins with this head, of any namespace,
/// behind a row.
pub(crate) fn before(
    tx: &mut Unbound<'_, '_>,
    of: Column,
    head: &[u8],
    after: (&str, &str, i64),
    limit: u32,
) -> Result<Vec<Sealed>> {
    let Column {
        table,
        column,
        id,
        seq,
    } = of;
    let sql = format!(
        "SELECT namespace, {id}, {seq}, {column} FROM {table}
          WHERE {column} IS NOT NULL AND {column} < ?1 AND (namespace, {id}, {seq}) > (?2, ?3, ?4)
          ORDER BY namespace, {id}, {seq} LIMIT ?5"
    );
    Ok(tx.rows(&sql, (head, after.0, after.1, after.2, limit))?)
}

/// How many values are sealed under an older data key than that which begins with this head.
pub(crate) fn count_before(tx: &mut Unbound<'_, '_>, of: Column, head: &[u8]) -> Result<i64> {
    let Column { table, column, .. } = of;
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {column} < ?1");
    let row: Option<(i64,)> = tx.row(&sql, (head,))?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Put values in place that were sealed anew. Those that changed meanwhile stay as they are.
pub(crate) fn put(tx: &mut Unbound<'_, '_>, of: Column, rows: &[Anew]) -> Result<u64> {
    let Column {
        table,
        column,
        id,
        seq,
    } = of;
    let seq = if seq == "seq" { "run_step.seq" } else { seq };
    let sql = format!(
        "WITH n(namespace, id, seq, old, new) AS ({{rows}})
         UPDATE {table} SET {column} = n.new FROM n
          WHERE {table}.namespace = n.namespace AND {table}.{id} = n.id AND {seq} = n.seq AND {table}.{column} = n.old"
    );
    Ok(tx.execute_rows(&sql, (), rows)?)
}
