//! All encrypted columns of the crate, for key rotation.

use crate::Result;
use store::{UnscopedTx, params};
use types::Namespace;

/// Where an encrypted value is: namespace, row id, step number (0 if there is none).
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
pub(crate) struct ValuePosition {
    pub(crate) namespace: Namespace,
    pub(crate) id: String,
    pub(crate) seq: i64,
}

#[derive(store::Record)]
pub(crate) struct EncryptedValue {
    #[record(columns("namespace", "id", "seq"))]
    pub(crate) position: ValuePosition,
    pub(crate) ciphertext: Vec<u8>,
}

/// A re-encrypted value.
#[derive(store::Record)]
pub(crate) struct ReencryptedValue {
    #[record(columns("namespace", "id", "seq"))]
    pub(crate) position: ValuePosition,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

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

/// The row after which a batch starts; not necessarily one that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) namespace: String,
    pub(crate) id: String,
    pub(crate) seq: i64,
}

/// Values encrypted under an older data key than the one whose ciphertexts begin with `head`, in
/// all namespaces, after a row.
pub(crate) fn outdated(
    tx: &mut UnscopedTx,
    target: Column,
    head: &[u8],
    after: &Start,
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
          WHERE {column} IS NOT NULL AND {column} < ?head AND (namespace, {id}, {seq}) > (?after_namespace, ?after_id, ?after_seq)
          ORDER BY namespace, {id}, {seq} LIMIT ?limit"
    );
    let params = params! {
        head,
        after_namespace: after.namespace,
        after_id: after.id,
        after_seq: after.seq,
        limit,
    };
    Ok(tx.rows(&sql, params)?)
}

/// Number of values encrypted under an older data key.
pub(crate) fn count_outdated(tx: &mut UnscopedTx, target: Column, head: &[u8]) -> Result<u64> {
    let Column { table, column, .. } = target;
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {column} < ?1");
    Ok(tx.count(&sql, (head,))?)
}

/// Stores re-encrypted values. Values that changed concurrently are left alone.
pub(crate) fn put(tx: &mut UnscopedTx, target: Column, rows: &[ReencryptedValue]) -> Result<u64> {
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
