//! One fact for a whole block: the Merkle root over the columns that never change, so that a
//! verifier can hold the rows to it.

use crate::object::Object;
use serde::Serialize;
use store::Cell;
use types::{Digest, merkle_root};

/// What the chain said, and nothing that a person may add.
const COLUMNS: [&str; 11] = [
    "id",
    "chain",
    "transaction_id",
    "path",
    "block_hash",
    "height",
    "block_time",
    "source",
    "from_address",
    "to_address",
    "amount",
];
const ORDER: [&str; 2] = ["transaction_id", "path"];

/// Which rows a fact stands for.
#[derive(Debug, Serialize)]
pub(super) struct Batch {
    table: &'static str,
    columns: [&'static str; COLUMNS.len()],
    key: serde_json::Value,
    order: [&'static str; ORDER.len()],
    count: usize,
    root: Digest,
}

impl Batch {
    /// Over the rows of one block that were entered together.
    pub(super) fn of(
        namespace: &str,
        chain: &str,
        height: i64,
        batch: &str,
        rows: &[&Object],
    ) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| ORDER.map(|column| row.text(column).unwrap_or_default().to_owned()));
        let leaves: Vec<Vec<u8>> = rows.iter().map(|row| leaf(row)).collect();
        Self {
            table: "transfer",
            columns: COLUMNS,
            key: serde_json::json!({ "namespace": namespace, "chain": chain, "height": height, "batch": batch }),
            order: ORDER,
            count: leaves.len(),
            root: merkle_root(&leaves),
        }
    }
}

/// A row: for each column a tag (0 nothing, 1 integer, 2 text, 3 bytes), then 8 bytes big-endian,
/// or a length of 4 bytes and the bytes.
fn leaf(row: &Object) -> Vec<u8> {
    let mut bytes = Vec::new();
    for column in COLUMNS {
        match row.get(column) {
            Cell::Null => bytes.push(0),
            Cell::Int(value) => {
                bytes.push(1);
                bytes.extend_from_slice(&value.to_be_bytes());
            }
            Cell::Text(text) => push_sized(&mut bytes, 2, text.as_bytes()),
            Cell::Blob(blob) => push_sized(&mut bytes, 3, blob),
        }
    }
    bytes
}

fn push_sized(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    bytes.push(tag);
    bytes.extend_from_slice(
        &u32::try_from(content.len())
            .expect("a column is shorter than 4 GiB")
            .to_be_bytes(),
    );
    bytes.extend_from_slice(content);
}
