//! The handle that verbs and workers share.

use crate::error::Result;
use crate::event::Expand;
use crate::table::subscription::{self, StoredSubscription};
use outbound::Outbound;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::secrets::Keyring;
use store::{Db, Lease, LeasedDb, Tx};
use tokio::sync::watch;
use types::{Digest, Entropy, Principal, SubscriptionId, Time};

/// The number of shards that subscriptions are divided into; each is served by the holder of its
/// lease. The shard is stored with each subscription, so this must never change.
pub const SHARDS: u32 = 4;

/// Limits per namespace, subscription and shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub subscriptions_per_namespace: u32,
    /// Waiting events of a subscription at which no further facts are read for it.
    pub backlog_per_subscription: u32,
    /// Dead letters of a subscription at which it is held.
    pub dead_letters_per_subscription: u32,
    /// Webhook calls in flight per shard.
    pub in_flight: usize,
    /// Webhook calls in flight per shard for one namespace.
    pub in_flight_per_namespace: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions_per_namespace: 200,
            backlog_per_subscription: 10_000,
            dead_letters_per_subscription: 10_000,
            in_flight: 64,
            in_flight_per_namespace: 16,
        }
    }
}

/// The streams engine of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    pub(crate) db: Db,
    /// The lease of the partition that the verbs write to.
    pub(crate) lease: Lease,
    pub(crate) expand: Arc<dyn Expand>,
    pub(crate) outbound: Outbound,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) limits: Limits,
    /// Incremented when this process made events ready, to wake sessions and workers.
    pub(crate) ready: Arc<watch::Sender<u64>>,
}

impl Streams {
    /// An engine over a database. Verbs write under `lease`; each [`Worker`](crate::Worker) has
    /// its own.
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

    /// Replace the default limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn now(&self) -> Time {
        self.db.clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.db.entropy().as_ref()
    }

    pub(crate) fn writer(&self) -> LeasedDb<'_> {
        self.db.on(&self.lease)
    }

    /// Write in the namespace of a principal.
    pub(crate) fn write<A, T, F>(
        &self,
        principal: &Principal,
        args: A,
        mut write: F,
    ) -> impl Future<Output = Result<T>> + use<A, T, F>
    where
        A: Send + 'static,
        T: Send + 'static,
        F: FnMut(&mut Tx<'_, '_>, &Principal, &A) -> Result<T> + Send + 'static,
    {
        let args = (principal.clone(), args);
        self.writer()
            .write_with(&principal.namespace, args, move |tx, (principal, args)| {
                write(tx, principal, args)
            })
    }

    /// Read the row of a subscription of the principal's namespace.
    pub(crate) async fn find(
        &self,
        principal: &Principal,
        id: SubscriptionId,
    ) -> Result<StoredSubscription> {
        self.db
            .read(&principal.namespace, move |tx| subscription::find(tx, id))
            .await
    }

    pub(crate) fn notify_ready(&self) {
        self.ready.send_modify(|count| *count += 1);
    }
}

/// The partition of a shard: `streams/0` to `streams/3`.
pub fn shard_partition(shard: u32) -> String {
    format!("streams/{shard}")
}

/// The shard that a new subscription is assigned to.
pub(crate) fn shard_of(id: SubscriptionId) -> u32 {
    u32::from(Digest::of(id.to_string().as_bytes()).0[0]) % SHARDS
}
