//! Counts over all namespaces, without any content of the submissions.

use crate::{State, StatementState};
use store::{Result, UnscopedTx};
use types::ChainId;

/// Submissions of one shard, chain and state.
type Group = (i64, ChainId, State);

/// Number of submissions by chain and state, for the given groups.
pub(crate) fn count(tx: &mut UnscopedTx, groups: &[Group]) -> Result<Vec<(ChainId, State, i64)>> {
    tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows})
         SELECT n.chain, n.state, COUNT(*) FROM n
           JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
          GROUP BY n.chain, n.state",
        (),
        groups,
    )
}

/// Number of statements by chain and state, for the given shards, chains and states.
pub(crate) fn count_statements(
    tx: &mut UnscopedTx,
    groups: &[(i64, ChainId, StatementState)],
) -> Result<Vec<(ChainId, StatementState, i64)>> {
    tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows})
         SELECT n.chain, n.state, COUNT(*) FROM n
           JOIN statement ON statement.shard = n.shard AND statement.chain = n.chain AND statement.state = n.state
          GROUP BY n.chain, n.state",
        (),
        groups,
    )
}

/// The largest number of submissions of one signer by chain, for the given groups.
pub(crate) fn deepest_lanes(tx: &mut UnscopedTx, groups: &[Group]) -> Result<Vec<(ChainId, i64)>> {
    tx.query_rows(
        "WITH n(shard, chain, state) AS ({rows}), lane(chain, depth) AS (
           SELECT n.chain, COUNT(*) FROM n
             JOIN submission ON submission.shard = n.shard AND submission.chain = n.chain AND submission.state = n.state
            GROUP BY n.chain, submission.signer)
         SELECT chain, MAX(depth) FROM lane GROUP BY chain",
        (),
        groups,
    )
}
