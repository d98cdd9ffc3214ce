//! Counts of runs over all namespaces.

use crate::Result;
use store::UnscopedTx;
use types::Time;

/// Runs that are not closed, by state.
pub(crate) fn count_open(tx: &mut UnscopedTx) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT state, COUNT(*) FROM run WHERE closed = 0 GROUP BY state ORDER BY state",
        (),
    )?)
}

pub(crate) fn count_due(tx: &mut UnscopedTx, now: Time) -> Result<i64> {
    let due = tx.value(
        "SELECT COUNT(*) FROM run WHERE next_at <= ?1 AND closed = 0",
        (now,),
    )?;
    Ok(due.unwrap_or(0))
}
