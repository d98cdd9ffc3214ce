//! The only SQL of the index, one file per table.

pub(crate) mod block;
pub(crate) mod cursor;
pub(crate) mod event;
pub(crate) mod inclusion;
pub(crate) mod scope;
pub(crate) mod watch;

use store::Value;

/// Appends the columns that are not covered by a fact: the ingest id, and `reverted` = 0.
fn with_ingest_id<'a>(rows: &[Vec<Value<'a>>], ingest_id: &'a str) -> Vec<Vec<Value<'a>>> {
    let appended = [Value::Text(ingest_id.into()), Value::Int(0)];
    rows.iter()
        .map(|row| row.iter().chain(&appended).cloned().collect())
        .collect()
}
