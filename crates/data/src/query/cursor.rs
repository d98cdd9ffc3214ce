//! Where a listing goes on: the values of its keys in the last row that was shown. Opaque to
//! callers, and bound to the order.

use super::filter::Query;
use crate::table::query::Keys;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use store::Cell;

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The type and order it belongs to.
    of: String,
    values: Vec<Option<Kept>>,
}

#[derive(Serialize, Deserialize)]
enum Kept {
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "b")]
    Bytes(#[serde(with = "hex")] Vec<u8>),
}

/// What a cursor belongs to.
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

/// The cursor behind a row with these values.
pub(crate) fn write(query: &Query, values: &[Cell]) -> String {
    let kept = |cell: &Cell| match cell {
        Cell::Null => None,
        Cell::Int(value) => Some(Kept::Int(*value)),
        Cell::Text(text) => Some(Kept::Text(text.clone())),
        Cell::Blob(bytes) => Some(Kept::Bytes(bytes.clone())),
    };
    let cursor = Cursor {
        of: order_of(query),
        values: values.iter().map(kept).collect(),
    };
    hex::encode(serde_json::to_vec(&cursor).expect("plain data always serializes"))
}

/// The values of a cursor, if it belongs to this query.
pub(crate) fn read(query: &Query, text: &str, keys: &Keys) -> Result<Vec<Cell>> {
    let invalid = || {
        Error::invalid(
            format!("{}.after", query.at),
            "is not a cursor of this query and order",
        )
    };
    let bytes = hex::decode(text).map_err(|_| invalid())?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if cursor.of != order_of(query) {
        return Err(invalid());
    }
    let cell = |kept: Option<Kept>| match kept {
        None => Ok(Cell::Null),
        Some(Kept::Int(value)) => Ok(Cell::Int(value)),
        Some(Kept::Text(text)) if text.contains('\0') => Err(invalid()),
        Some(Kept::Text(text)) => Ok(Cell::Text(text)),
        Some(Kept::Bytes(bytes)) => Ok(Cell::Blob(bytes)),
    };
    let values = cursor
        .values
        .into_iter()
        .map(cell)
        .collect::<Result<Vec<_>>>()?;
    if keys.fit(query.shape(), &values) {
        Ok(values)
    } else {
        Err(invalid())
    }
}
