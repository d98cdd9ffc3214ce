//! The worker of one shard: executes runs and feeds listeners.
//!
//! Each run is loaded, its step's effect takes place outside of any transaction, and the result is
//! recorded. Many runs are in flight at a time, with a share for each namespace. A turn waits for
//! the first that completes, so a slow run delays no other.

mod advance;
pub(crate) mod context;
pub(crate) mod expressions;
mod faults;
mod load;
pub(crate) mod record;
mod submission_wait;
mod wake;

use crate::effect::StepError;
use crate::listener::Feeder;
use crate::run::Failure;
use crate::table::run as table;
use crate::{Error, Result, Workflow};
use futures::FutureExt;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use store::Lease;
use tokio::task::JoinSet;
use types::{Namespace, RunId, Time};

/// Pause before a run is tried again after a database error.
const BACKOFF_MS: i64 = 1_000;

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Runs advanced.
    pub advanced: usize,
    /// Events that listeners delivered.
    pub delivered: usize,
    /// Runs still in flight.
    pub in_flight: usize,
}

/// Executes the runs of one shard and feeds its listeners. Holds the lease of `runs/<shard>`.
pub struct Worker {
    workflow: Workflow,
    shard: i64,
    lease: Lease,
    in_flight: HashSet<RunId>,
    backoff: HashMap<RunId, Time>,
    tasks: JoinSet<Finished>,
    feeder: Feeder,
}

struct Finished {
    namespace: Namespace,
    id: RunId,
    outcome: std::result::Result<Result<()>, String>,
}

impl Worker {
    /// Creates the worker of a shard.
    pub fn new(workflow: Workflow, shard: u32, lease: Lease) -> Self {
        let (in_flight, backoff) = (HashSet::new(), HashMap::new());
        Self {
            workflow,
            shard: i64::from(shard),
            lease,
            in_flight,
            backoff,
            tasks: JoinSet::new(),
            feeder: Feeder::default(),
        }
    }

    /// One turn: wakes runs whose submissions changed, feeds listeners, starts due runs, and waits
    /// for the first run to complete. An error means that the lease is lost or the database does
    /// not answer; a run that fails is not an error.
    pub async fn turn(&mut self) -> Result<Progress> {
        wake::wake_waiting_runs(&self.workflow, self.shard, &self.lease).await?;
        let delivered = self
            .feeder
            .feed(&self.workflow, self.shard, &self.lease)
            .await?;
        self.start_due().await?;
        let mut advanced = 0;
        let mut finished = self.tasks.join_next().await;
        while let Some(task) = finished {
            advanced += 1;
            self.complete(task).await?;
            finished = self.tasks.try_join_next();
        }
        Ok(Progress {
            advanced,
            delivered,
            in_flight: self.in_flight.len(),
        })
    }

    /// Stops immediately. Runs in flight are interrupted, as in a crash, and resumed by the next
    /// worker.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// When something is due next, if anything is.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let shard = self.shard;
        let runs = self
            .workflow
            .db()
            .read_unscoped(move |tx| table::next_due(tx, shard))
            .await?;
        let listeners = crate::listener::next_due(&self.workflow, shard).await?;
        Ok(runs.into_iter().chain(listeners).min())
    }

    async fn start_due(&mut self) -> Result<()> {
        let settings = *self.workflow.settings();
        let capacity = settings.in_flight.saturating_sub(self.in_flight.len());
        let now = self.workflow.now();
        self.backoff.retain(|_, until| *until > now);
        if capacity == 0
            || !self
                .lease
                .may_act(self.workflow.db().clock().monotonic_ms())
        {
            return Ok(());
        }
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // Runs in flight are still due in the database: read past them.
        let (per_namespace, limit) = (
            to_u32(settings.in_flight_per_namespace + self.in_flight.len()),
            to_u32(capacity + self.in_flight.len()),
        );
        let shard = self.shard;
        let due = self
            .workflow
            .db()
            .read_unscoped(move |tx| table::due(tx, shard, now, per_namespace, limit))
            .await?;
        for (namespace, id) in due
            .into_iter()
            .filter(|(_, id)| !self.in_flight.contains(id))
            .take(capacity)
            .collect::<Vec<_>>()
        {
            if !self.backoff.contains_key(&id) {
                self.spawn(namespace, id);
            }
        }
        Ok(())
    }

    fn spawn(&mut self, namespace: Namespace, id: RunId) {
        self.in_flight.insert(id);
        let (workflow, lease) = (self.workflow.clone(), self.lease.clone());
        self.tasks.spawn(async move {
            let task = advance::advance(&workflow, &lease, &namespace, id);
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            Finished {
                namespace,
                id,
                outcome: outcome.map_err(|_| "panic while advancing the run".to_owned()),
            }
        });
    }

    async fn complete(
        &mut self,
        task: std::result::Result<Finished, tokio::task::JoinError>,
    ) -> Result<()> {
        let Ok(Finished {
            namespace,
            id,
            outcome,
        }) = task
        else {
            return Ok(());
        };
        self.in_flight.remove(&id);
        match outcome {
            Ok(Ok(()) | Err(Error::VersionConflict)) => Ok(()),
            Ok(Err(Error::Store(error))) if error.ends_worker() => Err(error.into()),
            Ok(Err(error @ (Error::Store(_) | Error::Secrets(_)))) => {
                tracing::warn!(event = "run.write_failed", run = %id, %error, "run cannot be recorded and is retried");
                self.backoff
                    .insert(id, self.workflow.now().plus_millis(BACKOFF_MS));
                Ok(())
            }
            Ok(Err(error)) => self.abort_run(&namespace, id, error.into()).await,
            Err(reason) => {
                let error = StepError::InternalError(reason);
                self.abort_run(&namespace, id, error.into()).await
            }
        }
    }

    /// Fails a run that cannot be advanced; it can be retried.
    async fn abort_run(
        &mut self,
        namespace: &Namespace,
        id: RunId,
        failure: Failure,
    ) -> Result<()> {
        tracing::error!(event = "run.aborted", run = %id, reason = failure.message, "run cannot be advanced and is failed");
        let result = record::abort_run(&self.workflow, &self.lease, namespace, id, failure).await;
        if let Err(error) = result {
            tracing::warn!(event = "run.abort_failed", run = %id, %error, "run cannot be failed and is retried");
            self.backoff
                .insert(id, self.workflow.now().plus_millis(BACKOFF_MS));
        }
        Ok(())
    }
}
