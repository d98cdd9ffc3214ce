//! Counts over all namespaces, without any content of the submissions.

use crate::Result;
use store::UnscopedTx;
use types::ChainId;

/// Number of submissions by chain and state, for the given groups of shard, chain and state.
pub(crate) fn count(
    tx: &mut UnscopedTx<'_, '_>,
    groups: &[(i64, ChainId, String)],
) -> Result<Vec<(ChainId, String, i64)>> {
    Ok(tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows})
         SELECT n.chain, n.state, COUNT(*) FROM n
           JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
          GROUP BY n.chain, n.state",
        (),
        groups,
    )?)
}

/// The largest number of submissions of one signer by chain, for the given groups of shard, chain
/// and state.
pub(crate) fn deepest_lanes(
    tx: &mut UnscopedTx<'_, '_>,
    groups: &[(i64, ChainId, String)],
) -> Result<Vec<(ChainId, i64)>> {
    Ok(tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows}), lane(chain, depth) AS (
           SELECT n.chain, COUNT(*) FROM n
             JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
            GROUP BY n.chain, submission.signer)
         SELECT chain, MAX(depth) FROM lane GROUP BY chain",
        (),
        groups,
    )?)
}
