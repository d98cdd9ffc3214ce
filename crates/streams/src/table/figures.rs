//! Figures over all namespaces: counts, and nothing of what they count.

use crate::error::Result;
use store::Unbound;

/// Events on their way and dead, by state.
pub(crate) fn count(tx: &mut Unbound<'_, '_>) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT state, COUNT(*) FROM delivery GROUP BY state ORDER BY state",
        (),
    )?)
}

/// Each partition, and up to where the slowest of the subscriptions that are not suspended has read
/// it.
pub(crate) fn slowest(tx: &mut Unbound<'_, '_>) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT c.partition, MIN(c.seq) FROM subscription_cursor c
           JOIN subscription s ON s.namespace = c.namespace AND s.id = c.id
          WHERE s.suspended = 0 GROUP BY c.partition ORDER BY c.partition",
        (),
    )?)
}
