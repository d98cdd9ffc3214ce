//! The engine: the submissions of an installation, and what they need.

use crate::{Error, Result};
use chain::Connector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Db, Lease, LeasedDb};
use types::{ChainId, Time};

/// The submission engine. Cheap to clone.
#[derive(Clone)]
pub struct Submit {
    inner: Arc<Inner>,
}

/// What the engine needs.
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of this process; workers bring their own.
    pub lease: Lease,
    pub keys: keys::Keys,
    pub policy: policy::Policy,
    /// Stores the interfaces that callers give.
    pub contracts: contracts::Contracts,
    /// The connectors of the configured chains.
    pub chains: Vec<Arc<dyn Connector>>,
}

struct Inner {
    parts: Parts,
    connectors: BTreeMap<ChainId, Arc<dyn Connector>>,
    settings: Settings,
    last_received_seq: AtomicI64,
}

/// Limits and intervals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Number of shards that lanes are divided into. Each shard has one worker.
    pub shards: u32,
    /// Transactions of one signer that may be in flight at a time: signed and not yet mined.
    pub in_flight_per_lane: u32,
    /// Submissions of one signer that a namespace may have between received and mined; also its
    /// statements that have not ended.
    pub waiting_per_lane: u32,
    /// The same bytes are broadcast again after this long without a block.
    pub rebroadcast_ms: i64,
    /// First backoff after an inconclusive response. Doubles up to a minute.
    pub retry_backoff_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        // geth guarantees each sender 16 executable pool slots. A private node may allow more.
        Self {
            shards: 1,
            in_flight_per_lane: 16,
            waiting_per_lane: 10_000,
            rebroadcast_ms: 30_000,
            retry_backoff_ms: 500,
        }
    }
}

impl Submit {
    /// Creates the engine.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let by_chain = |connector: &Arc<dyn Connector>| (*connector.chain(), connector.clone());
        let inner = Inner {
            connectors: parts.chains.iter().map(by_chain).collect(),
            parts,
            settings,
            last_received_seq: AtomicI64::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The connectors of the configured chains.
    pub fn chains(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.inner.connectors.values()
    }

    /// The connector of a chain. Error: `submit.unknown_chain`.
    pub fn chain(&self, chain: &ChainId) -> Result<&Arc<dyn Connector>> {
        let connector = self.inner.connectors.get(chain);
        connector.ok_or(Error::UnknownChain { chain: *chain })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.parts.db
    }

    pub(crate) fn keys(&self) -> &keys::Keys {
        &self.inner.parts.keys
    }

    pub(crate) fn policy(&self) -> &policy::Policy {
        &self.inner.parts.policy
    }

    pub(crate) fn contracts(&self) -> &contracts::Contracts {
        &self.inner.parts.contracts
    }

    pub(crate) fn now(&self) -> Time {
        self.db().clock().now()
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.inner.parts.lease)
    }

    /// The next sequence number of a received submission: the time in microseconds, or the previous
    /// number plus one where the clock is too coarse to separate two submissions.
    pub(crate) fn next_received_seq(&self, now: Time) -> i64 {
        let after = |last: i64| now.micros().max(last + 1);
        let seq = &self.inner.last_received_seq;
        let previous =
            seq.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(after(last)));
        previous.map_or(now.micros(), after)
    }

    /// The shard that owns a lane. Stable as long as `shards` does not change.
    pub(crate) fn shard_of(&self, chain: &ChainId, signer: &str) -> i64 {
        let digest = types::Digest::of(format!("{chain}/{signer}").as_bytes());
        let [a, b, c, d, ..] = digest.0;
        i64::from(u32::from_be_bytes([a, b, c, d]) % self.settings().shards.max(1))
    }
}

/// What the name of the partition of each shard begins with.
pub const SHARD_PARTITIONS: &str = "lanes/";

/// The partition of a shard: `lanes/0` and so on.
pub fn shard_partition(shard: u32) -> String {
    format!("{SHARD_PARTITIONS}{shard}")
}
