//! The declarations. The doc comment of a metric is its help text.

use crate::{Counter, Gauge, Histogram, Kind, Metric, Unit};

/// Upper bounds in seconds for work of this process: signing, a commit.
const LOCAL: &[f64] = &[
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds in seconds for a request and its response.
const NETWORK: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

macro_rules! declare {
    ($(
        #[doc = $help:literal]
        $kind:ident $ident:ident = $name:literal {$($label:literal),*} $unit:ident $($buckets:ident)?;
    )*) => {
        $(
            #[doc = $help]
            pub static $ident: $kind<{ [$($label,)* ""].len() - 1 }> = $kind {
                metric: Metric {
                    name: $name,
                    kind: Kind::$kind $({ buckets: $buckets })?,
                    unit: Unit::$unit,
                    labels: &[$($label),*],
                    help: $help,
                },
                labels: [$($label),*],
            };
        )*
        /// Every metric, in the order of the documentation.
        pub static ALL: &[&Metric] = &[$(&$ident.metric),*];
    };
}

declare! {
    /// requests handled, by route pattern
    Counter REQUESTS = "florin_requests_total" {"method", "route", "status"} Count;
    /// duration of a request
    Histogram REQUEST_SECONDS = "florin_request_seconds" {"method", "route"} Seconds NETWORK;
    /// task steps that ended: `done`, `skipped`, `failed`, `parked`
    Counter STEPS = "florin_steps_total" {"type", "outcome"} Count;
    /// runs that ended or are parked for an operator: `succeeded`, `failed`, `parked`, `cancelled`
    Counter RUNS_ENDED = "florin_runs_ended_total" {"state"} Count;
    /// runs that are not closed; `failed` counts runs that block others of their listener
    Gauge RUNS = "florin_runs" {"state"} Count;
    /// runs that are due and not started yet: if it grows, there are too few workers
    Gauge RUNS_DUE = "florin_runs_due" {} Count;
    /// calls of push sinks: `delivered`, `failed`, `too_large`, `gone`
    Counter DELIVERIES = "florin_deliveries_total" {"outcome"} Count;
    /// duration of a call of a push sink
    Histogram DELIVERY_SECONDS = "florin_delivery_seconds" {} Seconds NETWORK;
    /// events that are not delivered yet
    Gauge DELIVERIES_WAITING = "florin_deliveries_waiting" {} Count;
    /// events that could not be delivered and need an operator
    Gauge DEAD_LETTERS = "florin_dead_letters" {} Count;
    /// unread facts of the subscription that lags most
    Gauge SUBSCRIPTION_LAG = "florin_subscription_lag_facts" {} Count;
    /// unfinished submissions, by state
    Gauge SUBMISSIONS = "florin_submissions" {"chain", "state"} Count;
    /// requests to sign a message, typed data or an authorization that have not ended, by state
    Gauge STATEMENTS = "florin_statements" {"chain", "state"} Count;
    /// unfinished submissions of the signer that has most
    Gauge LANE_DEPTH = "florin_lane_depth" {"chain"} Count;
    /// duration of one signature, from the key in memory to the signed bytes
    Histogram SIGNING_SECONDS = "florin_signing_seconds" {} Seconds LOCAL;
    /// signature requests that were not signed, because someone changed their row
    Counter SIGNATURE_REQUESTS_REJECTED = "florin_signature_requests_rejected_total" {} Count;
    /// newest stored block: if it stops rising, the node or the index worker is stuck
    Gauge CHAIN_HEIGHT = "florin_chain_height" {"chain"} Count;
    /// final watermark
    Gauge CHAIN_FINAL_HEIGHT = "florin_chain_final_height" {"chain"} Count;
    /// stored blocks that are not final
    Gauge CHAIN_UNFINAL_BLOCKS = "florin_chain_unfinal_blocks" {"chain"} Count;
    /// 1 while the chain is halted and needs an operator
    Gauge CHAIN_HALTED = "florin_chain_halted" {"chain"} Count;
    /// duration of a request to a node
    Histogram RPC_SECONDS = "florin_rpc_seconds" {} Seconds NETWORK;
    /// requests to the node
    Counter RPC_REQUESTS = "florin_rpc_requests_total" {"chain"} Count;
    /// calls in these requests
    Counter RPC_CALLS = "florin_rpc_calls_total" {"chain"} Count;
    /// calls that were repeated
    Counter RPC_RETRIES = "florin_rpc_retries_total" {"chain"} Count;
    /// requests that failed: `unanswered`, `throttled`, `invalid`
    Counter RPC_FAILURES = "florin_rpc_failures_total" {"chain", "reason"} Count;
    /// size of the responses of the node
    Counter RPC_RECEIVED_BYTES = "florin_rpc_received_bytes_total" {"chain"} Bytes;
    /// duration of a transaction that writes, from begin to commit; it may serve several calls
    Histogram COMMIT_SECONDS = "florin_commit_seconds" {} Seconds LOCAL;
}

/// Give the installed recorder the help and the unit of every metric.
pub fn describe() {
    for metric in ALL {
        let unit = match metric.unit {
            Unit::Bytes => metrics::Unit::Bytes,
            Unit::Count => metrics::Unit::Count,
            Unit::Seconds => metrics::Unit::Seconds,
        };
        let help = metric.help();
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, help),
            Kind::Histogram { .. } => metrics::describe_histogram!(metric.name, unit, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_end_with_their_unit() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            assert!(name.starts_with("florin_"), "{name}");
            let plain = name.trim_end_matches("_total");
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            let is_seconds = metric.unit == Unit::Seconds;
            assert_eq!(plain.ends_with("_seconds"), is_seconds, "{name}");
            let is_bytes = metric.unit == Unit::Bytes;
            assert_eq!(plain.ends_with("_bytes"), is_bytes, "{name}");
            assert!(!metric.labels.contains(&"namespace"), "{name}: unbounded");
        }
    }

    #[test]
    fn the_buckets_of_a_histogram_rise() {
        for metric in ALL {
            if let Kind::Histogram { buckets } = metric.kind {
                assert!(buckets.is_sorted() && buckets.len() > 5, "{}", metric.name);
            }
        }
    }
}
