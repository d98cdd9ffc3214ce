//! Lanes.

use store::{Error, Record, Result, UnscopedTable as _, UnscopedTx};
use types::{ChainId, Time};

/// The ordered queue of one signer's submissions on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
#[record(table = "submission_lane", global)]
pub(crate) struct Lane {
    #[record(key)]
    pub(crate) chain: ChainId,
    #[record(key)]
    pub(crate) signer: String,
    pub(crate) shard: i64,
    /// The first nonce that was used here. Lower nonces were used before the key was managed here.
    #[record(update)]
    pub(crate) first_nonce: Option<u64>,
    /// The next nonce to use, on chains with nonces.
    #[record(update)]
    pub(crate) next_nonce: u64,
    pub(crate) next_lane_index: i64,
    /// Why the lane is paused; `null` if it is not.
    #[record(update)]
    pub(crate) paused: Option<String>,
    /// When the lane resumes without intervention.
    #[record(update)]
    pub(crate) paused_until: Option<Time>,
    #[record(version)]
    pub(crate) version: u64,
}

impl Lane {
    /// A lane without nonces, whose first `next_lane_index` indexes are taken.
    pub(crate) fn new(chain: ChainId, signer: String, shard: i64, next_lane_index: i64) -> Self {
        Self {
            chain,
            signer,
            shard,
            first_nonce: None,
            next_nonce: 0,
            next_lane_index,
            paused: None,
            paused_until: None,
            version: 1,
        }
    }

    /// Whether the lane is paused at `now`.
    pub(crate) fn is_paused(&self, now: Time) -> bool {
        self.paused.is_some() && self.paused_until.is_none_or(|until| until > now)
    }
}

/// A lane, if it exists.
pub(crate) fn get(tx: &mut UnscopedTx, chain: &ChainId, signer: &str) -> Result<Option<Lane>> {
    let sql = Lane::select("WHERE chain = ?1 AND signer = ?2");
    tx.row(&sql, (chain, signer))
}

/// Writes a lane. Returns false if it was changed since it was read.
pub(crate) fn update(tx: &mut UnscopedTx, lane: &Lane) -> Result<bool> {
    lane.update_unscoped(tx)
}

/// Takes `count` consecutive indexes at the end of a lane, which is created if it does not exist.
/// Returns the first.
pub(crate) fn take_indexes(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
    shard: i64,
    count: i64,
) -> Result<i64> {
    let new = Lane::new(*chain, signer.to_owned(), shard, count);
    let ends: Vec<(i64,)> = Lane::insert_unscoped_returning(
        tx,
        &[new],
        "ON CONFLICT (chain, signer) DO UPDATE
            SET next_lane_index = submission_lane.next_lane_index + excluded.next_lane_index
         RETURNING next_lane_index",
    )?;
    let (end,) = ends.first().ok_or(Error::UnexpectedValue {
        column: "next_lane_index",
        found: "no row",
        expected: "a lane",
    })?;
    Ok(end - count)
}
