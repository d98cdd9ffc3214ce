//! The handle of the verbs: the first argument of each. And the settings of the worker.

use contracts::Contracts;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use store::{Db, Lease, LeasedDb};
use types::ChainId;

/// How many blocks a worker may fetch and commit per turn. A part of them is committed first if all
/// exceed the budget of one transaction.
pub const BLOCKS_PER_TURN: RangeInclusive<u64> = 1..=1_000;

/// Where the index of a chain starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the head of the chain when it is indexed for the first time.
    Latest,
    /// At this height.
    Height(u64),
}

/// Settings of the worker of a chain. The verbs have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub start: Start,
    /// Whether every event is stored, or only those of watched sources and topics.
    pub store_all_events: bool,
    /// The largest number of blocks fetched and committed per turn, in [`BLOCKS_PER_TURN`].
    pub blocks_per_turn: u64,
}

/// What the verbs work with.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of the verbs.
    pub lease: Lease,
    /// The registry that tracked sources name their contracts in.
    pub contracts: Contracts,
}

/// The index as callers other than its worker see it.
#[derive(Clone)]
pub struct Index {
    parts: Parts,
}

impl Index {
    /// Build the engine.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn contracts(&self) -> &Contracts {
        &self.parts.contracts
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }
}

/// The partition of a chain: `chain/eip155:1`, for example.
pub fn partition(chain: &ChainId) -> String {
    format!("chain/{chain}")
}
