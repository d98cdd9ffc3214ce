//! Delivery metrics: waiting events, dead letters, lag, and the outcomes of webhook calls.

use crate::engine::Streams;
use crate::error::Result;
use crate::sink::DeliveryOutcome;
use crate::table::delivery::DeliveryState;
use crate::table::metrics as table;
use std::collections::BTreeMap;
use store::UnscopedTx;

/// Delivery counts over all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Events waiting for delivery.
    pub waiting: i64,
    pub dead_letters: i64,
    /// Facts not yet read by the subscription that is furthest behind.
    pub max_lag: i64,
}

/// Current delivery counts. The cost grows with the number of waiting events.
pub async fn metrics(streams: &Streams) -> Result<Metrics> {
    let read = |tx: &mut UnscopedTx| {
        let counts = table::count_by_state(tx)?;
        let heads: BTreeMap<String, i64> = store::partitions(tx)?
            .into_iter()
            .map(|head| (head.partition, head.seq))
            .collect();
        let lag =
            |(partition, seq): (String, i64)| heads.get(&partition).map_or(0, |head| head - seq);
        let max_lag = table::slowest_cursors(tx)?
            .into_iter()
            .map(lag)
            .max()
            .unwrap_or(0);
        let count = |state| {
            let entry = counts.iter().find(|(other, _)| *other == state);
            entry.map_or(0, |(_, count)| *count)
        };
        Ok(Metrics {
            waiting: count(DeliveryState::Waiting),
            dead_letters: count(DeliveryState::Dead),
            max_lag,
        })
    };
    streams.db().read_unscoped(read).await
}

/// Count a webhook call by its outcome.
pub(crate) fn count_outcome(outcome: &DeliveryOutcome) {
    telemetry::DELIVERIES.increment([<&str>::from(outcome).into()]);
}
