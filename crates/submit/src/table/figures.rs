//! Figures over all namespaces: counts, and nothing of what they count.

use crate::Result;
use store::Unbound;
use types::ChainId;

/// Submissions of these shards, chains and states, by chain and state.
pub(crate) fn count(
    tx: &mut Unbound<'_, '_>,
    of: &[(i64, ChainId, String)],
) -> Result<Vec<(ChainId, String, i64)>> {
    Ok(tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows})
         SELECT n.chain, n.state, COUNT(*) FROM n
           JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
          GROUP BY n.chain, n.state",
        (),
        of,
    )?)
}

/// The most submissions of these shards, chains and states that one signer has, by chain.
pub(crate) fn deepest(
    tx: &mut Unbound<'_, '_>,
    of: &[(i64, ChainId, String)],
) -> Result<Vec<(ChainId, i64)>> {
    Ok(tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows}), lane(chain, depth) AS (
           SELECT n.chain, COUNT(*) FROM n
             JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
            GROUP BY n.chain, submission.signer)
         SELECT chain, MAX(depth) FROM lane GROUP BY chain",
        (),
        of,
    )?)
}
