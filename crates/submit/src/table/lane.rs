//! Lanes.

use crate::lane::Lane;
use store::{Error, Record as _, Result, UnscopedTable as _, UnscopedTx};
use types::ChainId;

/// A lane, if it exists.
pub(crate) fn get(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<Lane>> {
    let sql = Lane::select("WHERE chain = ?1 AND signer = ?2");
    tx.row(&sql, (chain, signer))
}

/// Writes a lane. Returns false if it was changed since it was read.
pub(crate) fn update(tx: &mut UnscopedTx<'_, '_>, lane: &Lane) -> Result<bool> {
    lane.update_unscoped(tx)
}

/// Takes `count` consecutive indexes at the end of a lane, which is created if it does not exist.
/// Returns the first.
pub(crate) fn take_indexes(
    tx: &mut UnscopedTx<'_, '_>,
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
