//! The worker of one shard: it moves runs on, and feeds them from listeners.
//!
//! Each run is one flight: load it, do what its step asks for outside of any transaction, record.
//! Many are under way at a time, with a share for each namespace; a turn waits for the first that
//! lands, so a slow one delays no other.

mod advance;
mod faults;
mod hear;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod record;
mod wait;

use crate::effect::{Fault, Why};
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

/// A run that the database would not let us move on rests so long.
const REST_MS: i64 = 1_000;

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Runs that were moved on.
    pub moved: usize,
    /// Events that listeners took up.
    pub heard: usize,
    /// Runs that are still under way.
    pub under_way: usize,
}

/// Moves the runs of one shard on, and feeds its listeners. Holds the lease of `runs/<shard>`.
pub struct Worker {
    workflow: Workflow,
    shard: i64,
    lease: Lease,
    busy: HashSet<RunId>,
    resting: HashMap<RunId, Time>,
    flights: JoinSet<Landed>,
    feeder: Feeder,
}

struct Landed {
    namespace: Namespace,
    id: RunId,
    outcome: std::result::Result<Result<()>, String>,
}

impl Worker {
    /// The worker of a shard.
    pub fn new(workflow: Workflow, shard: u32, lease: Lease) -> Self {
        let (busy, resting) = (HashSet::new(), HashMap::new());
        Self {
            workflow,
            shard: i64::from(shard),
            lease,
            busy,
            resting,
            flights: JoinSet::new(),
            feeder: Feeder::default(),
        }
    }

    /// One turn: hear what submissions did, feed listeners, begin what is due, and wait for the
    /// first run that lands. An error means that the lease is lost or the database does not
    /// answer; one bad run is no error.
    pub async fn turn(&mut self) -> Result<Progress> {
        hear::submissions(&self.workflow, self.shard, &self.lease).await?;
        let heard = self
            .feeder
            .feed(&self.workflow, self.shard, &self.lease)
            .await?;
        self.begin_due().await?;
        let mut moved = 0;
        let mut landed = self.flights.join_next().await;
        while let Some(flight) = landed {
            moved += 1;
            self.land(flight).await?;
            landed = self.flights.try_join_next();
        }
        Ok(Progress {
            moved,
            heard,
            under_way: self.busy.len(),
        })
    }

    /// End at once: what is under way breaks off, as in a crash, and is found again by the next
    /// worker.
    pub async fn stop(mut self) {
        self.flights.shutdown().await;
    }

    /// When something is due next, if anything is.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let shard = self.shard;
        let runs = self
            .workflow
            .db()
            .read_unbound(move |tx| table::next_due(tx, shard))
            .await?;
        let listeners = crate::listener::next_due(&self.workflow, shard).await?;
        Ok(runs.into_iter().chain(listeners).min())
    }

    async fn begin_due(&mut self) -> Result<()> {
        let settings = *self.workflow.settings();
        let room = settings.in_flight.saturating_sub(self.busy.len());
        let now = self.workflow.db().clock().now();
        self.resting.retain(|_, until| *until > now);
        if room == 0
            || !self
                .lease
                .may_act(self.workflow.db().clock().monotonic_ms())
        {
            return Ok(());
        }
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // Those that are under way are still due in the database: look behind them.
        let (each, limit) = (
            small(settings.in_flight_per_namespace + self.busy.len()),
            small(room + self.busy.len()),
        );
        let shard = self.shard;
        let due = self
            .workflow
            .db()
            .read_unbound(move |tx| table::due(tx, shard, now, each, limit))
            .await?;
        for (namespace, id) in due
            .into_iter()
            .filter(|(_, id)| !self.busy.contains(id))
            .take(room)
            .collect::<Vec<_>>()
        {
            if !self.resting.contains_key(&id) {
                self.take_off(namespace, id);
            }
        }
        Ok(())
    }

    fn take_off(&mut self, namespace: Namespace, id: RunId) {
        self.busy.insert(id);
        let (workflow, lease) = (self.workflow.clone(), self.lease.clone());
        self.flights.spawn(async move {
            let flight = advance::advance(&workflow, &lease, &namespace, id);
            let outcome = AssertUnwindSafe(flight).catch_unwind().await;
            Landed {
                namespace,
                id,
                outcome: outcome.map_err(|_| "a mistake in Florin".to_owned()),
            }
        });
    }

    async fn land(
        &mut self,
        flight: std::result::Result<Landed, tokio::task::JoinError>,
    ) -> Result<()> {
        let Ok(Landed {
            namespace,
            id,
            outcome,
        }) = flight
        else {
            return Ok(());
        };
        self.busy.remove(&id);
        match outcome {
            Ok(Ok(()) | Err(Error::Stale)) => Ok(()),
            Ok(Err(Error::Store(error @ (store::Error::Fenced { .. } | store::Error::Closed)))) => {
                Err(error.into())
            }
            Ok(Err(Error::Store(error))) => {
                tracing::warn!(run = %id, %error, "a run could not be recorded and rests");
                self.resting
                    .insert(id, self.workflow.db().clock().now().plus_millis(REST_MS));
                Ok(())
            }
            Ok(Err(error)) => {
                self.set_aside(&namespace, id, Fault::of(&error).failure)
                    .await
            }
            Err(why) => {
                self.set_aside(&namespace, id, Why::Broken(why).failure())
                    .await
            }
        }
    }

    /// A run that cannot be moved on fails by itself; it can be retried.
    async fn set_aside(
        &mut self,
        namespace: &Namespace,
        id: RunId,
        failure: Failure,
    ) -> Result<()> {
        tracing::error!(run = %id, why = failure.message, "a run was set aside");
        let set = record::set_aside(&self.workflow, &self.lease, namespace, id, failure).await;
        if let Err(error) = set {
            tracing::warn!(run = %id, %error, "a run could not even be set aside and rests");
            self.resting
                .insert(id, self.workflow.db().clock().now().plus_millis(REST_MS));
        }
        Ok(())
    }
}
