//! The only SQL of the index, one file per table.

pub(crate) mod block;
pub(crate) mod cursor;
pub(crate) mod event;
pub(crate) mod inclusion;
pub(crate) mod scope;
pub(crate) mod watch;

use store::{Result, UnscopedTx, Value};

/// Stores rows with their block.
fn insert_rows(
    tx: &mut UnscopedTx,
    table: &'static str,
    columns: &[&str],
    rows: &[Vec<Value<'_>>],
) -> Result<()> {
    let columns = [columns, &["ingest_id", "reverted"]].concat();
    tx.bulk_insert(table, &columns, &with_ingest_id(rows, ""))?;
    Ok(())
}

/// The statement that stores rows that were not watched yet when their block was ingested, and
/// returns the keys of those added. `key` is the column that names a row within its block.
fn insert_missing_sql(table: &str, columns: &[&str], key: &str) -> String {
    let columns = columns.join(", ");
    format!(
        "INSERT INTO {table} ({columns}, ingest_id, reverted)
         {{rows}} ON CONFLICT (chain, block_hash, {key}) DO NOTHING RETURNING {key}"
    )
}

/// Appends the columns that are not covered by a fact: the ingest id, and `reverted` = 0.
fn with_ingest_id<'a>(rows: &[Vec<Value<'a>>], ingest_id: &'a str) -> Vec<Vec<Value<'a>>> {
    let appended = [Value::Text(ingest_id.into()), Value::Int(0)];
    rows.iter()
        .map(|row| row.iter().chain(&appended).cloned().collect())
        .collect()
}
