//! Counts of requests to a node, for metrics.

use super::codec::{Answer, Call};
use super::failure::Failure;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// HTTP requests sent.
    pub requests: u64,
    /// Calls in them.
    pub calls: u64,
    /// Retried calls.
    pub retries: u64,
    /// Bytes of answers read.
    pub bytes: u64,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Requests rejected by a rate limit.
    pub throttled: u64,
    /// Invalid answers.
    pub invalid: u64,
}

#[derive(Debug, Default)]
pub(super) struct AtomicCounters {
    requests: AtomicU64,
    calls: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    unanswered: AtomicU64,
    throttled: AtomicU64,
    invalid: AtomicU64,
}

impl AtomicCounters {
    pub(super) fn read(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: get(&self.requests),
            calls: get(&self.calls),
            retries: get(&self.retries),
            bytes: get(&self.bytes),
            unanswered: get(&self.unanswered),
            throttled: get(&self.throttled),
            invalid: get(&self.invalid),
        }
    }

    pub(super) fn retried(&self, calls: usize) {
        add(&self.retries, calls);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.bytes, bytes);
    }

    pub(super) fn exchanged(&self, calls: &[Call], outcome: &Result<Vec<Answer>, Failure>) {
        add(&self.requests, 1);
        add(&self.calls, calls.len());
        let method = calls.first().map_or("", |call| call.method);
        match outcome {
            Ok(_) => tracing::trace!(
                event = "rpc.answered",
                method,
                calls = calls.len(),
                "the node answered"
            ),
            Err(failure) => self.failed(method, failure),
        }
    }

    fn failed(&self, method: &'static str, failure: &Failure) {
        match failure {
            Failure::NoResponse { why } => {
                add(&self.unanswered, 1);
                tracing::debug!(
                    event = "rpc.unanswered",
                    method,
                    why,
                    "the node does not answer"
                );
            }
            Failure::Throttled { why, .. } => {
                add(&self.throttled, 1);
                tracing::debug!(
                    event = "rpc.throttled",
                    method,
                    why,
                    "the node's rate limit is reached"
                );
            }
            Failure::InvalidResponse { why } => {
                add(&self.invalid, 1);
                tracing::warn!(
                    event = "rpc.invalid_response",
                    method,
                    why,
                    "the node gave an invalid answer"
                );
            }
            Failure::HttpStatus { status } => tracing::warn!(
                event = "rpc.rejected",
                method,
                status,
                "the node rejected a request"
            ),
            Failure::RpcError(error) => tracing::debug!(
                event = "rpc.batch_rejected",
                method,
                code = error.code,
                "the node rejected a whole batch"
            ),
        }
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}
