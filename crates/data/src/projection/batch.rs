//! One fact per block: the Merkle root over the immutable columns of its transfers, from which a
//! verifier can check the rows.

use crate::object::Object;
use serde::Serialize;
use store::Cell;
use types::{Digest, merkle_root};

/// The columns that come from the chain and never change. They are part of the hashed form.
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

/// The rows that a fact commits to.
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
    /// The batch of rows of one block that were inserted together.
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

/// The bytes of a row: for each column a tag (0 NULL, 1 integer, 2 text, 3 bytes), then 8 bytes
/// big-endian, or a 4-byte length and the content.
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
