//! Metrics, spans and traces.
//!
//! Each metric is declared once: name, kind, labels, unit and help. The recorder, the code that
//! sets a metric and `docs/metrics.md` all use the declaration.
//!
//! A unit of work opens a `tracing` span with its ids as fields and calls [`continue_trace`] with
//! the trace context that its row, message or request carries. What the unit then stores or sends
//! carries the returned context. With the feature `otlp` spans are exported.
//!
//! What it never does: influence a result. [`Timer`] reads a clock, but only a histogram sees the
//! duration; a trace context, which the caller chooses, decides nothing. Spans contain no payloads,
//! secrets or bodies.
//!
//! Invariants, each with the test that checks it:
//! - names of metrics are unique and end with their unit; the buckets of a histogram rise
//!   (`declared.rs`);
//! - an exported span has the trace id of its context and the context's span as its parent
//!   (`tests/it/otlp`);
//! - without an exporter the context is passed on unchanged (`tests/it`).

mod declared;
mod metric;
#[cfg(feature = "otlp")]
pub mod otlp;
mod trace;

pub use declared::{
    ALL, CHAIN_FINAL_HEIGHT, CHAIN_HALTED, CHAIN_HEIGHT, CHAIN_UNFINAL_BLOCKS, COMMIT_SECONDS,
    DEAD_LETTERS, DELIVERIES, DELIVERIES_WAITING, DELIVERY_SECONDS, LANE_DEPTH, REQUEST_SECONDS,
    REQUESTS, RPC_CALLS, RPC_FAILURES, RPC_RECEIVED_BYTES, RPC_REQUESTS, RPC_RETRIES, RPC_SECONDS,
    RUNS, RUNS_DUE, RUNS_ENDED, SIGNATURE_REQUESTS_REJECTED, SIGNING_SECONDS, STATEMENTS, STEPS,
    SUBMISSIONS, SUBSCRIPTION_LAG, describe,
};
pub use metric::{Counter, Gauge, Histogram, Kind, Metric, Timer, Unit};
pub use trace::continue_trace;
