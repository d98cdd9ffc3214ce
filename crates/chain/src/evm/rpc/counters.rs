//! What was asked of a node and how it went, for metrics.

use super::failure::Failure;
use super::wire::{Answer, Call};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start. They only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// HTTP requests sent.
    pub requests: u64,
    /// Calls in them.
    pub calls: u64,
    /// Calls asked again.
    pub retries: u64,
    /// Bytes of answers read.
    pub bytes: u64,
    /// Requests without an answer.
    pub silent: u64,
    /// Requests that the server throttled.
    pub throttled: u64,
    /// Answers that cannot be right.
    pub nonsense: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counting {
    requests: AtomicU64,
    calls: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    silent: AtomicU64,
    throttled: AtomicU64,
    nonsense: AtomicU64,
}

impl Counting {
    pub(super) fn read(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: get(&self.requests),
            calls: get(&self.calls),
            retries: get(&self.retries),
            bytes: get(&self.bytes),
            silent: get(&self.silent),
            throttled: get(&self.throttled),
            nonsense: get(&self.nonsense),
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
            Ok(_) => tracing::trace!(method, calls = calls.len(), "a node answered"),
            Err(failure) => self.failed(method, failure),
        }
    }

    fn failed(&self, method: &'static str, failure: &Failure) {
        match failure {
            Failure::Silent { why } => {
                add(&self.silent, 1);
                tracing::debug!(method, why, "a node does not answer");
            }
            Failure::Throttled { why, .. } => {
                add(&self.throttled, 1);
                tracing::debug!(method, why, "a node asks for patience");
            }
            Failure::Nonsense { why } => {
                add(&self.nonsense, 1);
                tracing::warn!(method, why, "a node gave an answer that cannot be right");
            }
            Failure::Rejected { status } => {
                tracing::warn!(method, status, "a node turned a request away")
            }
            Failure::Said(error) => {
                tracing::debug!(method, code = error.code, "a node said no to a whole batch")
            }
        }
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
}
