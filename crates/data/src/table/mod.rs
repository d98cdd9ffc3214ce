//! The only SQL of the crate, one statement per function. Table and column names come from
//! `schema.rs`, never from a request.

pub(crate) mod balance;
pub(crate) mod label;
pub(crate) mod metadata;
pub(crate) mod object;
pub(crate) mod pool;
pub(crate) mod query;
#[cfg(test)]
mod tests;
pub(crate) mod token;
pub(crate) mod transfer;

use crate::field::Schema;
use crate::object::Object;
use store::RowCells;

/// Rows of all stored columns as objects.
fn objects(schema: &'static Schema, rows: impl IntoIterator<Item = RowCells>) -> Vec<Object> {
    let rows = rows.into_iter();
    rows.map(|row| Object::from_row(schema, row)).collect()
}

/// The stored columns, each with `prefix`.
fn columns(schema: &Schema, prefix: &str) -> String {
    let names: Vec<String> = schema
        .stored()
        .map(|field| format!("{prefix}{}", field.column))
        .collect();
    names.join(", ")
}

/// The condition that excludes reverted transfers; empty for other types.
fn not_reverted(schema: &Schema) -> &'static str {
    if schema.table == "transfer" {
        " AND t.reverted = 0"
    } else {
        ""
    }
}
