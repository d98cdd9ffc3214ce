//! All encrypted columns of the crate, for key rotation.

use crate::Result;
use store::UnscopedTx;
use types::Namespace;

/// An encrypted value: namespace, row id, step number (0 if there is none), ciphertext.
pub(crate) type EncryptedValue = (Namespace, String, i64, Vec<u8>);

/// A re-encrypted value: namespace, row id, step number, old ciphertext, new ciphertext.
pub(crate) type ReencryptedValue = (Namespace, String, i64, Vec<u8>, Vec<u8>);

/// A column that holds ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    id: &'static str,
    /// The step number column, or zero.
    seq: &'static str,
}

/// Every encrypted column. Those of runs have partial indexes over the rows that are not null.
pub(crate) const COLUMNS: [Column; 4] = [
    Column {
        table: "variable_set",
        column: "encrypted",
        id: "id",
        seq: "CAST(0 AS BIGINT)",
    },
    Column {
        table: "run",
        column: "encrypted_input",
        id: "id",
        seq: "CAST(0 AS BIGINT)",
    },
    Column {
        table: "run_step",
        column: "encrypted_output",
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

/// Values encrypted under an older data key than the one whose ciphertexts begin with `head`, in
/// all namespaces, after a row.
pub(crate) fn outdated(
    tx: &mut UnscopedTx<'_, '_>,
    target: Column,
    head: &[u8],
    after: (&str, &str, i64),
    limit: u32,
) -> Result<Vec<EncryptedValue>> {
    let Column {
        table,
        column,
        id,
        seq,
    } = target;
    let sql = format!(
        "SELECT namespace, {id}, {seq}, {column} FROM {table}
          WHERE {column} IS NOT NULL AND {column} < ?1 AND (namespace, {id}, {seq}) > (?2, ?3, ?4)
          ORDER BY namespace, {id}, {seq} LIMIT ?5"
    );
    Ok(tx.rows(&sql, (head, after.0, after.1, after.2, limit))?)
}

/// Number of values encrypted under an older data key.
pub(crate) fn count_outdated(
    tx: &mut UnscopedTx<'_, '_>,
    target: Column,
    head: &[u8],
) -> Result<i64> {
    let Column { table, column, .. } = target;
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {column} < ?1");
    let row: Option<(i64,)> = tx.row(&sql, (head,))?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Stores re-encrypted values. Values that changed concurrently are left alone.
pub(crate) fn put(
    tx: &mut UnscopedTx<'_, '_>,
    target: Column,
    rows: &[ReencryptedValue],
) -> Result<u64> {
    let Column {
        table,
        column,
        id,
        seq,
    } = target;
    let seq = if seq == "seq" { "run_step.seq" } else { seq };
    let sql = format!(
        "WITH n(namespace, id, seq, old, new) AS ({{rows}})
         UPDATE {table} SET {column} = n.new FROM n
          WHERE {table}.namespace = n.namespace AND {table}.{id} = n.id AND {seq} = n.seq AND {table}.{column} = n.old"
    );
    Ok(tx.execute_rows(&sql, (), rows)?)
}
