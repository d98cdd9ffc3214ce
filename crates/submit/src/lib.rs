//! From a permitted intent to a final transaction: nonce, fees, bytes, sending, replacing,
//! completion.
//!
//! A submission is accepted under an idempotency key ([`enqueue`]), decided by policy, given a
//! place in the lane of its signer, planned and signed when the lane has room, stored, and only
//! then sent. What became of it is learnt from the indexed chain, never from a node's answer.
//!
//! What it never does: sign without a permit, take a nonce before policy has allowed, send bytes
//! that are not stored, take a time-out for a no, plan anew while the old bytes may still be mined.
//!
//! ```text
//! received ─▶ deciding ─▶ permitted ─▶ signed ─▶ accepted ─▶ mined ─▶ final
//!                │  │         │           ▲          ▲         │
//!                │  └▶ denied │           └──────────┴─ reorged ◀
//!                └▶ awaiting_approval     paused: any of permitted, signed, accepted, reorged
//!                             └▶ failed, expired         replaced, cancelled: another hash of its witness became final
//! ```
//!
//! Invariants, each with the test that holds it:
//! - a terminal state is never left, nothing is signed without a permit (`state::tests`);
//! - one witness, one payment, whatever crashes (`tests/it/crash`, and `cargo xtask torture`);
//! - a refusal burns neither key nor nonce (`tests/it/refusals`);
//! - every hash ever sent is watched (`tests/it/reorg`).

mod broadcast;
mod commit;
mod complete;
mod control;
mod decide;
mod enqueue;
mod error;
mod figures;
mod lane;
mod price;
mod read;
mod replace;
pub mod state;
mod submission;
mod table;
mod worker;

pub use control::{cancel, resume_lane};
pub use enqueue::{MAX_BATCH, Outcome, enqueue, enqueue_all};
pub use error::{Error, Result};
pub use figures::{Figures, figures};
pub use read::{Lane, get, lane as lane_status, list, sent};
pub use state::State;
pub use submission::{Context, Enqueue, Filter, Sent, Submission};
pub use worker::{Progress, Worker};

use chain::Connector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Db, Lease};
use types::{ChainId, Time};

/// What submissions are handled with.
#[derive(Clone)]
pub struct Submit(Arc<Inner>);

struct Inner {
    db: Db,
    lease: Lease,
    keys: keys::Keys,
    policy: policy::Policy,
    chains: BTreeMap<ChainId, Arc<dyn Connector>>,
    settings: Settings,
    last_arrival: AtomicI64,
}

/// Limits and pauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Into how many shards lanes are divided; each has a worker.
    pub shards: u32,
    /// Transactions of one signer under way at a time: signed and not yet mined.
    pub window: u32,
    /// Submissions of one signer that may wait.
    pub lane_limit: u32,
    /// Same bytes again after this long without a block.
    pub resubmit_ms: i64,
    /// First pause after a no that proves nothing; doubles to a minute.
    pub retry_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        // geth guarantees a sender 16 executable transactions; own nodes may allow more.
        Self {
            shards: 1,
            window: 16,
            lane_limit: 10_000,
            resubmit_ms: 30_000,
            retry_ms: 500,
        }
    }
}

impl Submit {
    /// On a database, with the partition that the facts of this process go to.
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
            .map(|chain| (chain.chain().clone(), chain))
            .collect();
        Self(Arc::new(Inner {
            db,
            lease,
            keys,
            policy,
            chains,
            settings,
            last_arrival: AtomicI64::new(0),
        }))
    }

    /// The chains that are configured.
    pub fn chains(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.0.chains.values()
    }

    /// The connector of a chain.
    pub fn chain(&self, chain: &ChainId) -> Result<&Arc<dyn Connector>> {
        self.0.chains.get(chain).ok_or_else(|| Error::UnknownChain {
            chain: chain.clone(),
        })
    }

    /// A place in the order of arrival: microseconds, or one more than the last where the clock is
    /// too coarse to tell two apart.
    pub(crate) fn arrival(&self, now: Time) -> i64 {
        let later = |last: i64| Some(now.micros().max(last + 1));
        let update = self
            .0
            .last_arrival
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        update.map_or(now.micros(), |last| now.micros().max(last + 1))
    }

    /// Which shard a lane belongs to.
    pub(crate) fn shard_of(&self, chain: &ChainId, signer: &str) -> i64 {
        let digest = types::Digest::of(format!("{chain}/{signer}").as_bytes());
        let number = u32::from_be_bytes([digest.0[0], digest.0[1], digest.0[2], digest.0[3]]);
        i64::from(number % self.0.settings.shards.max(1))
    }
}
