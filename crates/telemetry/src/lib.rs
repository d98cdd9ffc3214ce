//! The metrics of Florin, each declared once: name, kind, labels, unit and help. The recorder, the
//! code that sets a metric and `docs/metrics.md` all use the declaration.
//!
//! What it never does: influence a result. [`Timer`] reads a clock, but only a histogram sees the
//! duration.
//!
//! Invariants, each with the test that checks it: names are unique and end with their unit; the
//! buckets of a histogram rise (`declared.rs`).

mod declared;
mod metric;

pub use declared::{
    ALL, CHAIN_FINAL_HEIGHT, CHAIN_HALTED, CHAIN_HEIGHT, CHAIN_UNFINAL_BLOCKS, COMMIT_SECONDS,
    DEAD_LETTERS, DELIVERIES, DELIVERIES_WAITING, DELIVERY_SECONDS, LANE_DEPTH, REQUEST_SECONDS,
    REQUESTS, RPC_CALLS, RPC_FAILURES, RPC_RECEIVED_BYTES, RPC_REQUESTS, RPC_RETRIES, RPC_SECONDS,
    RUNS, RUNS_DUE, RUNS_ENDED, SIGNING_SECONDS, STEPS, SUBMISSIONS, SUBSCRIPTION_LAG,
};
pub use metric::{Counter, Gauge, Histogram, Kind, Metric, Timer, Unit, describe};
