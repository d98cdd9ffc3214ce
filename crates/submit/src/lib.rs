//! Takes an intent from acceptance to a final transaction: policy decision, nonce, fees, signing,
//! broadcast, replacement and completion.
//!
//! A submission is accepted under an idempotency key ([`enqueue`]), decided by policy, appended to
//! the lane of its signer, planned and signed when the lane has capacity, stored, and only then
//! broadcast. Its outcome is read from the indexed chain, never from a node's response.
//!
//! It never signs without a permit, assigns a nonce before policy has allowed the intent,
//! broadcasts bytes that are not stored, treats a timeout as a rejection, or uses another replay
//! key while the bytes already sent may still be mined.
//!
//! ```text
//! received ─▶ deciding ─▶ permitted ─▶ signed ─▶ accepted ─▶ mined ─▶ final
//!                │  │         │           ▲          ▲         │
//!                │  └▶ denied │           └──────────┴─ reorged ◀
//!                └▶ awaiting_approval     paused: any of permitted, signed, accepted, reorged
//!                             └▶ failed, expired         replaced, cancelled: another transaction
//!                                                        on its replay key became final
//! ```
//!
//! Invariants, each with the test that checks it:
//! - a terminal state is never left, and nothing is signed without a permit (`state::tests`);
//! - one replay key pays once, whatever crashes (`tests/it/crash`, and `cargo xtask torture`);
//! - a rejection consumes neither idempotency key nor nonce (`tests/it/rejections`);
//! - every hash ever signed stays watched (`tests/it/reorg`).

mod broadcast;
mod chain_facts;
mod commit;
mod control;
mod decide;
mod enqueue;
mod error;
mod lane;
mod metrics;
mod price;
mod read;
mod replacement;
pub mod state;
mod submission;
mod table;
mod worker;

pub use control::{cancel, resume_lane};
pub use enqueue::{MAX_BATCH, Outcome, enqueue, enqueue_all};
pub use error::{Error, Result};
pub use metrics::{Metrics, metrics};
pub use read::{Lane, get, lane as lane_status, list, transactions};
pub use state::State;
pub use submission::{Context, Enqueue, Filter, Submission, SubmissionTransaction};
pub use worker::{Progress, Worker};

use chain::Connector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Db, Lease};
use types::{ChainId, Time};

/// The submission engine: database, keys, policy and the connectors of the configured chains.
#[derive(Clone)]
pub struct Submit(Arc<Inner>);

struct Inner {
    db: Db,
    lease: Lease,
    keys: keys::Keys,
    policy: policy::Policy,
    chains: BTreeMap<ChainId, Arc<dyn Connector>>,
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
    /// Submissions of one signer that a namespace may have between received and mined.
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
    /// Creates the engine. `lease` is the partition that receives the facts of this process.
    pub fn new(
        db: Db,
        lease: Lease,
        keys: keys::Keys,
        policy: policy::Policy,
        chains: Vec<Arc<dyn Connector>>,
        settings: Settings,
    ) -> Self {
        let chains = chains
            .into_iter()
            .map(|chain| (*chain.chain(), chain))
            .collect();
        Self(Arc::new(Inner {
            db,
            lease,
            keys,
            policy,
            chains,
            settings,
            last_received_seq: AtomicI64::new(0),
        }))
    }

    /// The connectors of the configured chains.
    pub fn chains(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.0.chains.values()
    }

    /// The connector of a chain. Error: `submit.unknown_chain`.
    pub fn chain(&self, chain: &ChainId) -> Result<&Arc<dyn Connector>> {
        self.0
            .chains
            .get(chain)
            .ok_or_else(|| Error::UnknownChain { chain: *chain })
    }

    /// The next sequence number of a received submission: the time in microseconds, or the previous
    /// number plus one where the clock is too coarse to separate two submissions.
    pub(crate) fn next_received_seq(&self, now: Time) -> i64 {
        let after = |last: i64| Some(now.micros().max(last + 1));
        let previous =
            self.0
                .last_received_seq
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, after);
        previous.map_or(now.micros(), |last| now.micros().max(last + 1))
    }

    /// The shard that owns a lane. Stable as long as `shards` does not change.
    pub(crate) fn shard_of(&self, chain: &ChainId, signer: &str) -> i64 {
        let digest = types::Digest::of(format!("{chain}/{signer}").as_bytes());
        let number = u32::from_be_bytes([digest.0[0], digest.0[1], digest.0[2], digest.0[3]]);
        i64::from(number % self.0.settings.shards.max(1))
    }
}
