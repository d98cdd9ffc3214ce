//! What the verbs and the workers stand on.

use crate::expression::{Evaluators, Launch, Limits, Threads};
use crate::shelf::Shelf;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::secret::Keyring;
use store::{Db, Lease, On};
use streams::outbound::Outbound;
use types::{ChainId, Namespace, RunId};

/// Limits and pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Into how many shards runs and listeners are divided; each has a worker. Part of what is
    /// stored: it may only grow.
    pub shards: u32,
    /// Runs of a shard that are moved on at a time.
    pub in_flight: usize,
    /// Of these, runs of one namespace.
    pub in_flight_per_namespace: usize,
    /// Steps that a run takes before others have their turn.
    pub stretch: usize,
    /// Expressions that are evaluated at a time.
    pub expressions: usize,
    /// Of these, expressions of one namespace.
    pub expressions_per_namespace: usize,
    /// How long one expression may take.
    pub expression_ms: u64,
    /// How much memory a process that evaluates expressions may take, in mebibytes.
    pub expression_mb: u64,
    /// Bytes of one value: the input of a run, the data of a step, a result.
    pub value_bytes: usize,
    /// Bytes of all that the expressions of a step see.
    pub context_bytes: usize,
    /// How long a call to the outside may take where the step says nothing.
    pub http_timeout_ms: u64,
    /// A run that waits for a submission looks at it after this long, even if it heard nothing.
    pub look_again_ms: i64,
    /// Tasks, variable sets, bindings and listeners of a namespace: so many of each.
    pub things: usize,
    /// Versions of a task.
    pub versions: usize,
    /// Runs of a namespace that have not ended.
    pub open_runs: usize,
    /// Runs of one listener that wait for their turn.
    pub lane: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            in_flight: 64,
            in_flight_per_namespace: 16,
            stretch: 50,
            expressions: 4,
            expressions_per_namespace: 2,
            expression_ms: 1_000,
            expression_mb: 256,
            value_bytes: 1 << 20,
            context_bytes: 8 << 20,
            http_timeout_ms: 30_000,
            look_again_ms: 30_000,
            things: 10_000,
            versions: 10_000,
            open_runs: 100_000,
            lane: 100,
        }
    }
}

/// What tasks work with.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The partition of this process, for what people change; workers bring their own.
    pub lease: Lease,
    /// Chain transactions.
    pub submit: submit::Submit,
    /// The data model.
    pub data: data::Data,
    /// What the data model knows of chains: the default chain of a namespace.
    pub chains: Arc<dyn data::Chains>,
    /// Policies.
    pub policy: policy::Policy,
    /// Calls to addresses that tasks name.
    pub outbound: Outbound,
    /// What variable sets and open effects are sealed with.
    pub keyring: Arc<Keyring>,
}

/// Tasks, runs and listeners of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Workflow(Arc<Inner>);

struct Inner {
    parts: Parts,
    settings: Settings,
    threads: Threads,
    evaluators: Evaluators,
    shelf: Shelf,
}

impl Workflow {
    /// On these parts. Expressions are evaluated in this process, which a hostile one can end: for
    /// those that nobody else writes.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self::evaluating(parts, settings, Evaluators::default())
    }

    /// On these parts. Expressions are evaluated in processes of their own.
    pub fn apart(parts: Parts, settings: Settings, launch: Launch) -> Self {
        Self::evaluating(parts, settings, Evaluators::apart(launch))
    }

    fn evaluating(parts: Parts, settings: Settings, evaluators: Evaluators) -> Self {
        let threads = Threads::new(settings.expressions, settings.expressions_per_namespace);
        Self(Arc::new(Inner {
            parts,
            settings,
            threads,
            evaluators,
            shelf: Shelf::default(),
        }))
    }

    /// Limits and pauses.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.parts.db
    }

    /// Write on the partition of this process.
    pub(crate) fn on(&self) -> On<'_> {
        self.0.parts.db.on(&self.0.parts.lease)
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.0.threads
    }

    pub(crate) fn evaluators(&self) -> Evaluators {
        self.0.evaluators.clone()
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    pub(crate) fn home(&self, namespace: &Namespace) -> ChainId {
        self.0.parts.chains.home(namespace)
    }

    pub(crate) fn limits(&self) -> Limits {
        let Settings {
            expression_ms: time_ms,
            expression_mb: memory_mb,
            value_bytes: result_bytes,
            ..
        } = self.0.settings;
        Limits {
            time_ms,
            memory_mb,
            result_bytes,
        }
    }

    /// The shard of an id.
    pub(crate) fn shard_of(&self, id: &str) -> i64 {
        let digest = types::Digest::of(id.as_bytes());
        let number = u32::from_be_bytes([digest.0[0], digest.0[1], digest.0[2], digest.0[3]]);
        i64::from(number % self.0.settings.shards.max(1))
    }

    /// The shard of a run.
    pub(crate) fn shard_of_run(&self, id: &RunId) -> i64 {
        self.shard_of(&id.to_string())
    }
}
