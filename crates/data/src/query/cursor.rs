//! Cursors: the sort key values of the last row of a page. Opaque to callers, and bound to the type
//! and order of the query.

use crate::filter::Query;
use crate::table::query::SortKeys;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Cell;

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The type and order of the query.
    order: String,
    values: Vec<Option<CursorValue>>,
}

#[derive(Serialize, Deserialize)]
enum CursorValue {
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "b")]
    Bytes(#[serde(with = "hex")] Vec<u8>),
}

/// The type and order of a query, as text.
fn order_of(query: &Query) -> String {
    let keys = query.sort.iter().map(|key| {
        format!(
            "{}{}",
            if key.descending { "-" } else { "+" },
            key.subject.name()
        )
    });
    format!(
        "{}:{}",
        query.kind.plural(),
        keys.collect::<Vec<_>>().join(",")
    )
}

/// Encode the cursor after a row with these key values.
pub(crate) fn write(query: &Query, values: &[Cell]) -> String {
    let encode = |cell: &Cell| match cell {
        Cell::Null => None,
        Cell::Int(value) => Some(CursorValue::Int(*value)),
        Cell::Text(text) => Some(CursorValue::Text(text.clone())),
        Cell::Blob(bytes) => Some(CursorValue::Bytes(bytes.clone())),
    };
    let cursor = Cursor {
        order: order_of(query),
        values: values.iter().map(encode).collect(),
    };
    hex::encode(serde_json::to_vec(&cursor).expect("plain data always serializes"))
}

/// Decode a cursor. Fails unless it belongs to this query and order.
pub(crate) fn read(query: &Query, text: &str, keys: &SortKeys) -> Result<Vec<Cell>> {
    let invalid = || {
        Error::invalid(
            format!("{}.after", query.path),
            "is not a cursor of this query and order",
        )
    };
    let bytes = hex::decode(text).map_err(|_| invalid())?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if cursor.order != order_of(query) {
        return Err(invalid());
    }
    let cell = |value: Option<CursorValue>| match value {
        None => Ok(Cell::Null),
        Some(CursorValue::Int(value)) => Ok(Cell::Int(value)),
        Some(CursorValue::Text(text)) if text.contains('\0') => Err(invalid()),
        Some(CursorValue::Text(text)) => Ok(Cell::Text(text)),
        Some(CursorValue::Bytes(bytes)) => Ok(Cell::Blob(bytes)),
    };
    let values = cursor
        .values
        .into_iter()
        .map(cell)
        .collect::<Result<Vec<_>>>()?;
    if keys.accept(query.schema(), &values) {
        Ok(values)
    } else {
        Err(invalid())
    }
}
