//! Lanes, and the shards' cursors in the facts of the chains.

use store::{Error, Result, UnscopedTx};
use types::{ChainId, Time};

/// A signer's lane on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    /// The first nonce that was used here. Lower nonces were used before the key was managed here.
    pub(crate) first_nonce: Option<u64>,
    pub(crate) next_nonce: u64,
    pub(crate) paused: Option<String>,
    pub(crate) paused_until: Option<Time>,
    pub(crate) version: i64,
}

impl Lane {
    /// Whether the lane is paused at `now`.
    pub(crate) fn is_paused(&self, now: Time) -> bool {
        self.paused.is_some() && self.paused_until.is_none_or(|until| until > now)
    }
}

/// A lane, if it exists.
pub(crate) fn lane(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<Lane>> {
    type Columns = (Option<i64>, i64, Option<String>, Option<Time>, i64);
    let row: Option<Columns> = tx.row(
        "SELECT first_nonce, next_nonce, paused, paused_until, version FROM submission_lane WHERE chain = ?1 AND signer = ?2",
        (chain, signer),
    )?;
    Ok(row.map(
        |(first_nonce, next_nonce, paused, paused_until, version)| Lane {
            chain: *chain,
            signer: signer.to_owned(),
            first_nonce: first_nonce.and_then(|nonce| u64::try_from(nonce).ok()),
            next_nonce: u64::try_from(next_nonce).unwrap_or(0),
            paused,
            paused_until,
            version,
        },
    ))
}

/// Writes a lane. Returns false if it was changed since it was read.
pub(crate) fn put_lane(tx: &mut UnscopedTx<'_, '_>, lane: &Lane) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE submission_lane SET next_nonce = ?3, paused = ?4, paused_until = ?5, first_nonce = ?7, version = version + 1
          WHERE chain = ?1 AND signer = ?2 AND version = ?6",
        (
            &lane.chain,
            &lane.signer,
            i64::try_from(lane.next_nonce).unwrap_or(i64::MAX),
            &lane.paused,
            lane.paused_until,
            lane.version,
            lane.first_nonce.map(|nonce| i64::try_from(nonce).unwrap_or(i64::MAX)),
        ),
    )?;
    Ok(changed == 1)
}

/// Takes `count` consecutive indexes at the end of a lane. Returns the first.
pub(crate) fn take_lane_indexes(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
    shard: i64,
    count: i64,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "INSERT INTO submission_lane (chain, signer, shard, next_nonce, next_lane_index, version) VALUES (?1, ?2, ?3, 0, ?4, 1)
         ON CONFLICT (chain, signer) DO UPDATE SET next_lane_index = submission_lane.next_lane_index + ?4
         RETURNING next_lane_index",
        (chain, signer, shard, count),
    )?;
    let (end,) = row.ok_or(Error::UnexpectedValue {
        column: "next_lane_index",
        found: "no row",
        expected: "a lane",
    })?;
    Ok(end - count)
}

/// The position of a shard in the facts of a partition. A new shard starts at the lowest position
/// of all shards: its lanes came from them, and no fact may be skipped.
pub(crate) fn cursor(tx: &mut UnscopedTx<'_, '_>, shard: i64, partition: &str) -> Result<i64> {
    let row: Option<(Option<i64>,)> = tx.row(
        "SELECT COALESCE((SELECT seq FROM submission_cursor WHERE shard = ?1 AND partition = ?2),
                         (SELECT MIN(seq) FROM submission_cursor WHERE partition = ?2))",
        (shard, partition),
    )?;
    Ok(row.and_then(|(seq,)| seq).unwrap_or(0))
}

/// Moves the position of a shard.
pub(crate) fn put_cursor(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    partition: &str,
    seq: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO submission_cursor (shard, partition, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT (shard, partition) DO UPDATE SET seq = ?3",
        (shard, partition, seq),
    )?;
    Ok(())
}
