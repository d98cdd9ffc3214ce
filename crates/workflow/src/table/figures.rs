//! Figures over all namespaces: counts, and nothing of what they count.

use crate::Result;
use store::Unbound;
use types::Time;

/// Runs that are not settled, by state.
pub(crate) fn count_live(tx: &mut Unbound<'_, '_>) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT state, COUNT(*) FROM run WHERE settled = 0 GROUP BY state ORDER BY state",
        (),
    )?)
}

/// Runs that are due.
pub(crate) fn count_due(tx: &mut Unbound<'_, '_>, now: Time) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM run WHERE next_at <= ?1 AND settled = 0",
        (now,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}
