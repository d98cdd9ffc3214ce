//! Signed tree heads and the leaves of their Merkle trees.

use crate::{Record as _, Result, UnscopedTable as _, UnscopedTx};
use serde::{Deserialize, Serialize};
use types::{Digest, Time};

/// The head of a partition at the time of a tree head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, store::Record)]
pub struct PartitionHead {
    pub partition: String,
    /// The last fact.
    pub seq: i64,
    /// The hash of that fact.
    pub hash: Digest,
}

/// A tree head to be stored.
#[derive(store::Record)]
#[record(table = "tree_head", global, write)]
pub(crate) struct NewTreeHead<'a> {
    pub(crate) number: i64,
    pub(crate) at: Time,
    pub(crate) line: &'a str,
    pub(crate) hash: Digest,
}

/// A tree head as it is exported.
#[derive(store::Record)]
#[record(table = "tree_head", read)]
pub(crate) struct StoredLine {
    pub(crate) number: i64,
    pub(crate) line: String,
}

#[derive(store::Record)]
#[record(table = "tree_head_leaf", global, write)]
struct Leaf<'a> {
    #[record(key)]
    partition: &'a str,
    #[record(update)]
    seq: i64,
    #[record(update)]
    hash: &'a Digest,
}

/// Read the lines of the tree heads after a number, in order.
pub(crate) fn lines_after(tx: &mut UnscopedTx, number: i64, limit: u32) -> Result<Vec<StoredLine>> {
    let sql = StoredLine::select("WHERE number > ?1 ORDER BY number LIMIT ?2");
    tx.rows(&sql, (number, limit))
}

/// Read the last tree head.
pub(crate) fn last(tx: &mut UnscopedTx) -> Result<Option<StoredLine>> {
    tx.row(&StoredLine::select("ORDER BY number DESC LIMIT 1"), ())
}

/// Insert a signed tree head.
pub(crate) fn insert(tx: &mut UnscopedTx, tree_head: NewTreeHead<'_>) -> Result<()> {
    NewTreeHead::insert_unscoped(tx, &[tree_head], "").map(drop)
}

/// List every head with its facts, for the next tree head.
pub(crate) fn heads(tx: &mut UnscopedTx) -> Result<Vec<PartitionHead>> {
    tx.rows(
        "SELECT partition, seq, hash FROM partition_head WHERE seq > 0 ORDER BY partition",
        (),
    )
}

/// List the leaves (every head) as of the last tree head.
pub(crate) fn leaves(tx: &mut UnscopedTx) -> Result<Vec<PartitionHead>> {
    tx.rows(
        "SELECT partition, seq, hash FROM tree_head_leaf ORDER BY partition",
        (),
    )
}

/// Store the heads that moved with a tree head.
pub(crate) fn put_leaves(tx: &mut UnscopedTx, heads: &[PartitionHead]) -> Result<()> {
    let leaves = heads.iter().map(|head| Leaf {
        partition: &head.partition,
        seq: head.seq,
        hash: &head.hash,
    });
    Leaf::upsert_unscoped(tx, &leaves.collect::<Vec<_>>()).map(drop)
}
