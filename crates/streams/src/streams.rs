//! What the verbs and the worker stand on.

use crate::event::Expand;
use crate::outbound::Outbound;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::secret::Keyring;
use store::{Db, Lease, On};
use tokio::sync::watch;
use types::{Digest, SubscriptionId};

/// Into how many shards subscriptions are divided, each served by the holder of its lease. Part of
/// what is stored: it never changes.
pub const SHARDS: u32 = 4;

/// What one namespace, and one process, may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Subscriptions of a namespace.
    pub subscriptions: u32,
    /// Events of a subscription that may wait before it reads no further facts.
    pub backlog: u32,
    /// Dead letters of a subscription before it holds.
    pub dead: u32,
    /// Calls under way in a shard.
    pub in_flight: usize,
    /// Calls under way in a shard for one namespace.
    pub in_flight_per_namespace: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions: 200,
            backlog: 10_000,
            dead: 10_000,
            in_flight: 64,
            in_flight_per_namespace: 16,
        }
    }
}

/// The streams of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    pub(crate) db: Db,
    /// The partition that the verbs write on.
    pub(crate) lease: Lease,
    pub(crate) expand: Arc<dyn Expand>,
    pub(crate) outbound: Outbound,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) limits: Limits,
    /// Rises whenever this process made events ready: a hint for sessions to look.
    pub(crate) ready: Arc<watch::Sender<u64>>,
}

impl Streams {
    /// The streams of a database. The lease is that of the partition on which people's changes are
    /// written; shards bring their own.
    pub fn new(
        db: Db,
        lease: Lease,
        expand: Arc<dyn Expand>,
        outbound: Outbound,
        keyring: Arc<Keyring>,
    ) -> Self {
        let ready = Arc::new(watch::channel(0).0);
        Self {
            db,
            lease,
            expand,
            outbound,
            keyring,
            limits: Limits::default(),
            ready,
        }
    }

    /// The same within other limits.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn writer(&self) -> On<'_> {
        self.db.on(&self.lease)
    }

    pub(crate) fn announce(&self) {
        self.ready.send_modify(|count| *count += 1);
    }
}

/// The partition of a shard: `streams/0` to `streams/3`.
pub fn shard_partition(shard: u32) -> String {
    format!("streams/{shard}")
}

/// The shard that serves a subscription.
pub(crate) fn shard_of(id: SubscriptionId) -> u32 {
    u32::from(Digest::of(id.to_string().as_bytes()).0[0]) % SHARDS
}
