//! A batch: one fact that stands for many rows, with the Merkle root over their immutable columns.

use crate::{Value, ValueKind};
use serde::Serialize;
use serde_json::{Map, Value as JsonValue};
use types::{Digest, merkle_root};

/// The member `batch` of a fact's payload. It lets a verifier find the rows and recompute the root.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    table: &'static str,
    columns: Vec<&'static str>,
    key: Map<String, JsonValue>,
    order: Vec<&'static str>,
    count: usize,
    root: Digest,
}

impl Batch {
    /// A batch of these rows of a table. `columns` are in the order of each row's values, `key` are
    /// the equality conditions that select the rows, `order` the columns by which `rows` is sorted.
    pub fn new(
        table: &'static str,
        columns: &[&'static str],
        key: &[(&str, JsonValue)],
        order: &[&'static str],
        rows: &[Vec<Value<'_>>],
    ) -> Self {
        let leaves: Vec<Vec<u8>> = rows.iter().map(|row| leaf(row)).collect();
        Self {
            table,
            columns: columns.to_vec(),
            key: key
                .iter()
                .map(|(column, value)| ((*column).to_owned(), value.clone()))
                .collect(),
            order: order.to_vec(),
            count: rows.len(),
            root: merkle_root(&leaves),
        }
    }
}

/// The leaf of a row: each value as a tag (0 null, 1 integer, 2 text, 3 bytes), then 8 bytes
/// big-endian, or a 4-byte length and the bytes.
fn leaf(row: &[Value<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in row {
        match value {
            Value::Null(ValueKind::Int | ValueKind::Text | ValueKind::Blob) => bytes.push(0),
            Value::Int(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Value::Text(text) => push(&mut bytes, 2, text.as_bytes()),
            Value::Blob(blob) => push(&mut bytes, 3, blob),
        }
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a stored value is shorter than 4 GiB");
    bytes.push(tag);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
}
