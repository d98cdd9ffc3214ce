//! How far each shard has read the facts of each chain.

use store::{Record, Result, UnscopedTable as _, UnscopedTx};

#[derive(Record)]
#[record(table = "submission_cursor", global, write)]
struct ShardCursor<'a> {
    #[record(key)]
    shard: i64,
    #[record(key)]
    partition: &'a str,
    #[record(update)]
    seq: i64,
}

/// The position of a shard in the facts of a partition. A new shard starts at the lowest position
/// of all shards: its lanes came from them, and no fact may be skipped.
pub(crate) fn get(tx: &mut UnscopedTx, shard: i64, partition: &str) -> Result<i64> {
    let seq = tx.value(
        "SELECT COALESCE((SELECT seq FROM submission_cursor WHERE shard = ?1 AND partition = ?2),
                         (SELECT MIN(seq) FROM submission_cursor WHERE partition = ?2))",
        (shard, partition),
    )?;
    Ok(seq.unwrap_or(0))
}

/// Moves the position of a shard.
pub(crate) fn put(tx: &mut UnscopedTx, shard: i64, partition: &str, seq: i64) -> Result<()> {
    let cursor = ShardCursor {
        shard,
        partition,
        seq,
    };
    ShardCursor::upsert_unscoped(tx, &[cursor])?;
    Ok(())
}
