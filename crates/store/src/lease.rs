//! Leases: a partition has one writer at a time. Taking a lease increments its epoch, which is the
//! fencing token that every commit checks.

use crate::Error;
use crate::partition::Partition;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The right to write one partition, until it is released or not renewed in time.
#[derive(Debug, Clone)]
pub struct Lease {
    partition: Partition,
    ttl_ms: u64,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    renewed_at_ms: AtomicU64,
    lost: AtomicBool,
}

impl Lease {
    pub(crate) fn new(partition: Partition, ttl_ms: u64, now_ms: u64) -> Self {
        let state = Arc::new(State {
            renewed_at_ms: AtomicU64::new(now_ms),
            lost: AtomicBool::new(false),
        });
        Self {
            partition,
            ttl_ms,
            state,
        }
    }

    /// The partition that the lease covers.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// How long the lease lasts without renewal.
    pub fn ttl_ms(&self) -> u64 {
        self.ttl_ms
    }

    /// Whether the owner may still start an effect: the lease is not lost, and less than two thirds
    /// of it have passed by the owner's monotonic clock.
    pub fn may_act(&self, monotonic_ms: u64) -> bool {
        let age = monotonic_ms.saturating_sub(self.state.renewed_at_ms.load(Ordering::Acquire));
        !self.is_lost() && age <= self.ttl_ms / 3 * 2
    }

    /// Whether the lease was released or taken over.
    pub fn is_lost(&self) -> bool {
        self.state.lost.load(Ordering::Acquire)
    }

    pub(crate) fn renewed(&self, started_at_ms: u64) {
        self.state
            .renewed_at_ms
            .fetch_max(started_at_ms, Ordering::AcqRel);
    }

    /// The error of an owner that has lost it.
    pub(crate) fn fenced(&self) -> Error {
        Error::Fenced {
            partition: self.partition.name().to_owned(),
        }
    }

    pub(crate) fn lose(&self) {
        self.state.lost.store(true, Ordering::Release);
    }
}
