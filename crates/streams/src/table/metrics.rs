//! Counts over all namespaces; no content.

use super::delivery::DeliveryState;
use crate::error::Result;
use store::UnscopedTx;

pub(crate) fn count_by_state(tx: &mut UnscopedTx) -> Result<Vec<(DeliveryState, i64)>> {
    Ok(tx.rows(
        "SELECT state, COUNT(*) FROM delivery GROUP BY state ORDER BY state",
        (),
    )?)
}

/// For each partition, the lowest cursor of all subscriptions that are not suspended.
pub(crate) fn slowest_cursors(tx: &mut UnscopedTx) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT c.partition, MIN(c.seq) FROM subscription_cursor c
           JOIN subscription s ON s.namespace = c.namespace AND s.id = c.id
          WHERE s.suspended = 0 GROUP BY c.partition ORDER BY c.partition",
        (),
    )?)
}
