//! Leases: a partition has one writer at a time. Taking a lease increments its epoch, which is the
//! fencing token that every commit checks.

use crate::db::Db;
use crate::partition::Partition;
use crate::table::lease::{self as table, LeaseRequest};
use crate::{Error, Result};
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

    fn fenced(&self) -> Error {
        Error::Fenced {
            partition: self.partition.name().to_owned(),
        }
    }

    pub(crate) fn lose(&self) {
        self.state.lost.store(true, Ordering::Release);
    }
}

impl Db {
    /// Take the lease of a partition; none while another owner holds it.
    pub async fn lease(&self, name: &str, ttl_ms: u64) -> Result<Option<Lease>> {
        let request = LeaseRequest {
            partition: name.to_owned(),
            holder: self.holder().to_owned(),
            ttl_ms,
            sole: self.is_sole_process(),
        };
        let started_at_ms = self.clock().monotonic_ms();
        let taken = self.unfenced(move |tx| table::take(tx, &request)).await?;
        Ok(taken.map(|partition| Lease::new(partition, ttl_ms, started_at_ms)))
    }

    /// Take the first free partition of `name/0`, `name/1`, … `name/(slots-1)`.
    pub async fn lease_slot(&self, name: &str, slots: u32, ttl_ms: u64) -> Result<Option<Lease>> {
        for slot in 0..slots {
            if let Some(lease) = self.lease(&format!("{name}/{slot}"), ttl_ms).await? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    /// Renew a lease. [`Error::Fenced`] once another owner has taken it or it was released; the
    /// lease is then lost for good.
    pub async fn renew(&self, lease: &Lease) -> Result<()> {
        if lease.is_lost() {
            return Err(lease.fenced());
        }
        let (partition, ttl_ms) = (lease.partition.clone(), lease.ttl_ms);
        let started_at_ms = self.clock().monotonic_ms();
        let held = self
            .unfenced(move |tx| table::renew(tx, &partition, ttl_ms))
            .await?;
        if held {
            lease.renewed(started_at_ms);
            return Ok(());
        }
        lease.lose();
        Err(lease.fenced())
    }

    /// Release a lease, so that another process can take it at once.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        lease.lose();
        let partition = lease.partition.clone();
        self.unfenced(move |tx| table::release(tx, &partition))
            .await
    }
}
