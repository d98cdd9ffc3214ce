//! Interfaces by the hash of their text.

use store::{Result, ScopedTable as _, Tx};
use types::{Digest, Json};

#[derive(store::Record)]
#[record(table = "contract_interface", write)]
pub(crate) struct NewRow<'i> {
    pub(crate) hash: Digest,
    pub(crate) text: &'i str,
}

#[derive(store::Record)]
pub(crate) struct Row {
    pub(crate) hash: Digest,
    pub(crate) text: Json,
}

pub(crate) fn exists(tx: &mut Tx, hash: &Digest) -> Result<bool> {
    tx.exists(
        "SELECT 1 FROM contract_interface WHERE namespace = ?ns AND hash = ?1 LIMIT 1",
        (hash,),
    )
}

pub(crate) fn get(tx: &mut Tx, hashes: &[Digest]) -> Result<Vec<Row>> {
    tx.query_rows(
        "SELECT hash, text FROM contract_interface WHERE namespace = ?ns AND hash IN ({rows})",
        (),
        &store::list(hashes),
    )
}

pub(crate) fn count(tx: &mut Tx) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM contract_interface WHERE namespace = ?ns",
        (),
    )
}

/// Returns false if it is stored already.
pub(crate) fn insert(tx: &mut Tx, row: &NewRow<'_>) -> Result<bool> {
    let rows = std::slice::from_ref(row);
    Ok(NewRow::insert(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}
