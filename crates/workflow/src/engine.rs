//! The engine handle, its dependencies and its settings.

use crate::definition::Definition;
use crate::expression::{EvaluationPool, EvaluatorCommand, Evaluators, Limits};
use outbound::Outbound;
use secrets::Keyring;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb};
use types::{Cache, ChainId, Namespace, RunId, Time, VersionId};

/// Parsed definitions that stay in memory.
const CACHED_DEFINITIONS: usize = 500;

/// Limits and intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Number of shards for runs and listeners; each shard has a worker. Stored with the data: it
    /// may only grow.
    pub shards: u32,
    /// Runs of one shard that execute concurrently.
    pub in_flight: usize,
    /// Of these, at most this many of one namespace.
    pub in_flight_per_namespace: usize,
    /// Steps a run executes before it yields to other runs.
    pub steps_per_turn: usize,
    /// Expressions evaluated concurrently.
    pub expressions: usize,
    /// Of these, at most this many of one namespace.
    pub expressions_per_namespace: usize,
    /// Time limit of one expression.
    pub expression_ms: u64,
    /// Memory limit of an evaluator process, in mebibytes.
    pub expression_mb: u64,
    /// Size limit in bytes of one value: the input of a run, the data of a step, a result.
    pub value_bytes: usize,
    /// Size limit in bytes of everything that the expressions of one step see.
    pub context_bytes: usize,
    /// Default timeout of an outbound call.
    pub http_timeout_ms: u64,
    /// Interval at which a waiting run checks its submission when no fact wakes it earlier.
    pub poll_submission_ms: i64,
    /// Limit for each of: tasks, variable sets, bindings, listeners.
    pub named_objects_per_namespace: usize,
    pub versions_per_task: usize,
    /// Runs of one namespace that have not ended.
    pub open_runs_per_namespace: usize,
    /// Runs of one listener that have not ended.
    pub queued_runs_per_listener: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            in_flight: 64,
            in_flight_per_namespace: 16,
            steps_per_turn: 50,
            expressions: 4,
            expressions_per_namespace: 2,
            expression_ms: 1_000,
            expression_mb: 256,
            value_bytes: 1 << 20,
            context_bytes: 8 << 20,
            http_timeout_ms: 30_000,
            poll_submission_ms: 30_000,
            named_objects_per_namespace: 10_000,
            versions_per_task: 10_000,
            open_runs_per_namespace: 100_000,
            queued_runs_per_listener: 100,
        }
    }
}

/// The engines and services that tasks use.
pub struct Parts {
    pub db: Db,
    /// The lease for verbs; workers bring their own.
    pub lease: Lease,
    pub submit: submit::Submit,
    pub contracts: contracts::Contracts,
    pub data: data::Data,
    /// Resolves the default chain of a namespace.
    pub chains: Arc<dyn data::Chains>,
    pub policy: policy::Policy,
    /// Client for calls to addresses named by tasks.
    pub outbound: Outbound,
    /// Encrypts variable sets, open effects and masked values.
    pub keyring: Keyring,
}

/// The workflow engine of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Workflow {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    settings: Settings,
    evaluation_pool: EvaluationPool,
    evaluators: Evaluators,
    definitions: Cache<VersionId, Definition>,
}

impl Workflow {
    /// Creates an engine that evaluates expressions in this process. A hostile expression can end
    /// the process: use it only with trusted definitions.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self::with_evaluators(parts, settings, Evaluators::default())
    }

    /// Creates an engine that evaluates expressions in sandbox processes.
    pub fn sandboxed(parts: Parts, settings: Settings, command: EvaluatorCommand) -> Self {
        Self::with_evaluators(parts, settings, Evaluators::sandboxed(command))
    }

    fn with_evaluators(parts: Parts, settings: Settings, evaluators: Evaluators) -> Self {
        let evaluation_pool =
            EvaluationPool::new(settings.expressions, settings.expressions_per_namespace);
        let inner = Arc::new(Inner {
            parts,
            settings,
            evaluation_pool,
            evaluators,
            definitions: Cache::new(CACHED_DEFINITIONS),
        });
        Self { inner }
    }

    /// The limits and intervals of this engine.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts().db
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts().lease)
    }

    pub(crate) fn now(&self) -> Time {
        self.db().clock().now()
    }

    pub(crate) fn evaluation_pool(&self) -> &EvaluationPool {
        &self.inner.evaluation_pool
    }

    pub(crate) fn evaluators(&self) -> Evaluators {
        self.inner.evaluators.clone()
    }

    /// Parsed definitions. Versions are immutable, so an entry never expires.
    pub(crate) fn definitions(&self) -> &Cache<VersionId, Definition> {
        &self.inner.definitions
    }

    pub(crate) fn default_chain(&self, namespace: &Namespace) -> ChainId {
        self.parts().chains.default_chain(namespace)
    }

    pub(crate) fn limits(&self) -> Limits {
        let Settings {
            expression_ms: time_ms,
            expression_mb: memory_mb,
            value_bytes: result_bytes,
            ..
        } = *self.settings();
        Limits {
            time_ms,
            memory_mb,
            result_bytes,
        }
    }

    pub(crate) fn shard_of(&self, id: &str) -> i64 {
        let digest = types::Digest::of(id.as_bytes());
        let [a, b, c, d, ..] = digest.0;
        let number = u32::from_be_bytes([a, b, c, d]);
        i64::from(number % self.settings().shards.max(1))
    }

    pub(crate) fn shard_of_run(&self, id: &RunId) -> i64 {
        self.shard_of(&id.to_string())
    }
}

/// The partition of a shard: `runs/0` and so on.
pub fn shard_partition(shard: u32) -> String {
    format!("runs/{shard}")
}
