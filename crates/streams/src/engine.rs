//! The engine: its parts and settings, which verbs and workers share.

use crate::error::Result;
use crate::event::Expand;
use crate::table::subscription::{self, StoredSubscription};
use outbound::Outbound;
use secrets::Keyring;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb, Tx};
use tokio::sync::watch;
use types::{Digest, Entropy, Principal, SubscriptionId, Time};

/// The number of shards that subscriptions are divided into; each is served by the holder of its
/// lease. The shard is stored with each subscription, so this must never change.
pub const SHARDS: u32 = 4;

/// Limits per namespace, subscription and shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
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

impl Default for Settings {
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

/// What the engine needs.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The lease of the partition that the verbs write to; each [`Worker`](crate::Worker) has its
    /// own.
    pub lease: Lease,
    /// Expands facts that cover a batch into events.
    pub expand: Arc<dyn Expand>,
    /// Client for webhooks.
    pub outbound: Outbound,
    /// Encrypts the secrets of subscriptions.
    pub keyring: Keyring,
}

/// The streams engine of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    pub(crate) parts: Parts,
    pub(crate) settings: Settings,
    /// Incremented when this process made events ready, to wake sessions and workers.
    pub(crate) ready: Arc<watch::Sender<u64>>,
}

impl Streams {
    /// Build the engine.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self {
            parts,
            settings,
            ready: Arc::new(watch::channel(0).0),
        }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn now(&self) -> Time {
        self.db().clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.db().entropy().as_ref()
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }

    /// Read the row of a subscription of the principal's namespace.
    pub(crate) async fn find(
        &self,
        principal: &Principal,
        id: SubscriptionId,
    ) -> Result<StoredSubscription> {
        let read = move |tx: &mut Tx| subscription::find(tx, id);
        self.db().read(&principal.namespace, read).await
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
