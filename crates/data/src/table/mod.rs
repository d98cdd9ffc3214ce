//! The only SQL of the crate, one statement a function. Texts are put together from the names in
//! `shape.rs`, never from a request.

pub(crate) mod balance;
pub(crate) mod label;
pub(crate) mod metadata;
pub(crate) mod object;
pub(crate) mod query;
pub(crate) mod transfer;

use crate::field::Shape;

/// The stored columns, each behind `prefix`.
fn columns(shape: &Shape, prefix: &str) -> String {
    let names: Vec<String> = shape
        .stored()
        .map(|field| format!("{prefix}{}", field.column))
        .collect();
    names.join(", ")
}

/// What tells live rows from evidence, where a type has evidence.
fn live(shape: &Shape) -> &'static str {
    if shape.table == "transfer" {
        " AND t.reverted = 0"
    } else {
        ""
    }
}
