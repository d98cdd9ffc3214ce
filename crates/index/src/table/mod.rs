//! The only SQL of the index: one file a table.

pub(crate) mod block;
pub(crate) mod cursor;
pub(crate) mod event;
pub(crate) mod included;
pub(crate) mod scope;
pub(crate) mod watch;

use store::Value;

/// Rows with the two columns behind those that never change: the intake that they came with, and
/// that they count.
fn with_intake<'a>(rows: &[Vec<Value<'a>>], intake: &'a str) -> Vec<Vec<Value<'a>>> {
    let behind = [Value::Text(intake.into()), Value::Int(0)];
    rows.iter()
        .map(|row| row.iter().chain(&behind).cloned().collect())
        .collect()
}
