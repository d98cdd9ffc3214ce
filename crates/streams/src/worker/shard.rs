//! A shard and its turns.

use super::claim::{self, Outgoing};
use super::dispatch::{self, Memory};
use super::post::{self, Answer};
use super::record;
use crate::error::Result;
use crate::streams::{SHARDS, Streams};
use crate::table::progress;
use std::collections::HashMap;
use std::time::Duration;
use store::Lease;
use tokio::sync::watch;
use tokio::task::JoinSet;
use types::{Namespace, SubscriptionId, Time};

/// What a turn came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Events that were made ready for their subscriptions.
    pub dispatched: u64,
    /// Calls that were begun.
    pub started: usize,
    /// Calls that ended since the turn before.
    pub ended: usize,
    /// Calls under way.
    pub in_flight: usize,
    /// Partitions that cannot be read on now, each with the reason.
    pub stuck: Vec<String>,
    /// There may be more to do at once.
    pub more: bool,
}

/// The worker of one shard: holds its lease, and serves its subscriptions turn by turn.
///
/// A turn is: [`Shard::dispatch`], then for what can go [`Shard::claim`], [`Shard::post`],
/// [`Shard::record`]. A crash between any two of them loses nothing: what was claimed and not
/// recorded goes again, the same bytes under the same id.
pub struct Shard {
    pub(super) streams: Streams,
    pub(super) number: u32,
    pub(super) lease: Lease,
    pub(super) memory: Memory,
    /// Subscriptions with a call under way, each one at most.
    pub(super) busy: HashMap<SubscriptionId, Namespace>,
    calls: JoinSet<Ended>,
    /// Whose call a task is.
    tasks: HashMap<tokio::task::Id, SubscriptionId>,
    committed: watch::Receiver<u64>,
    ready: watch::Receiver<u64>,
}

type Ended = Result<bool>;
type Joined = std::result::Result<(tokio::task::Id, Ended), tokio::task::JoinError>;

impl Shard {
    /// Serve a shard under the lease of its partition, [`crate::shard_partition`].
    pub fn new(streams: Streams, number: u32, lease: Lease) -> Self {
        assert!(number < SHARDS, "there are {SHARDS} shards");
        let (committed, ready) = (streams.db.committed(), streams.ready.subscribe());
        Self {
            streams,
            number,
            lease,
            memory: Memory::default(),
            busy: HashMap::new(),
            calls: JoinSet::new(),
            tasks: HashMap::new(),
            committed,
            ready,
        }
    }

    /// One turn. Calls that it begins go on behind it, so that a slow receiver holds up only
    /// itself.
    pub async fn turn(&mut self) -> Result<Progress> {
        let ended = self.harvest()?;
        let (dispatched, stuck, moved) = self.dispatch_all().await?;
        let outgoing = self.claim().await?;
        let started = outgoing.len();
        outgoing.into_iter().for_each(|one| self.start(one));
        let more = moved || started > 0 || ended > 0;
        Ok(Progress {
            dispatched,
            started,
            ended,
            in_flight: self.calls.len(),
            stuck,
            more,
        })
    }

    /// Wait until every call under way has ended and was recorded.
    pub async fn rest(&mut self) -> Result<()> {
        while let Some(ended) = self.calls.join_next_with_id().await {
            self.note(ended)?;
        }
        Ok(())
    }

    /// Wait until there may be something to do, for at most so long.
    pub async fn idle(&mut self, at_most: Duration) {
        tokio::select! {
            _ = self.committed.changed() => {}
            _ = self.ready.changed() => {}
            Some(ended) = self.calls.join_next_with_id(), if !self.calls.is_empty() => {
                if let Err(error) = self.note(ended) {
                    tracing::warn!(%error, "an answer was not recorded; its batch goes again");
                }
            }
            () = tokio::time::sleep(at_most) => {}
        }
    }

    /// When the next refused batch of the shard goes again.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let number = self.number;
        self.streams
            .db
            .read_unbound(move |tx| progress::next_due(tx, number))
            .await
    }

    /// First part of a turn: read facts, and commit deliveries and cursors together. How many
    /// events.
    pub async fn dispatch(&mut self) -> Result<u64> {
        Ok(self.dispatch_all().await?.0)
    }

    /// Second part: commit which batches go now. Nothing is claimed once two thirds of the lease
    /// have passed.
    pub async fn claim(&mut self) -> Result<Vec<Outgoing>> {
        if !self.lease.may_act(self.streams.db.clock().monotonic_ms()) {
            return Ok(Vec::new());
        }
        let claimed = claim::claim(self).await?;
        fail::point("streams.claimed")
            .await
            .map_err(store::Error::from)?;
        Ok(claimed)
    }

    /// Third part: make the call.
    pub async fn post(&self, outgoing: &Outgoing) -> Answer {
        post::post(
            &self.streams.outbound,
            outgoing,
            self.streams.db.clock().now(),
        )
        .await
    }

    /// Fourth part: commit what came of it. False if it counts no more.
    pub async fn record(&self, outgoing: &Outgoing, answer: &Answer) -> Result<bool> {
        record::record(&self.streams, &self.lease, outgoing, answer).await
    }

    async fn dispatch_all(&mut self) -> Result<(u64, Vec<String>, bool)> {
        let done = dispatch::dispatch(self).await?;
        fail::point("streams.dispatched")
            .await
            .map_err(store::Error::from)?;
        Ok((done.events, done.stuck, done.moved))
    }

    fn start(&mut self, outgoing: Outgoing) {
        let id = outgoing.subscription;
        self.busy.insert(id, outgoing.namespace.clone());
        let (streams, lease) = (self.streams.clone(), self.lease.clone());
        let task = self.calls.spawn(async move {
            let now = streams.db.clock().now();
            let answer = post::post(&streams.outbound, &outgoing, now).await;
            tracing::debug!(subscription = %id, attempt = outgoing.attempt, ?answer, "posted");
            fail::point("streams.posted")
                .await
                .map_err(store::Error::from)?;
            let counts = record::record(&streams, &lease, &outgoing, &answer).await?;
            crate::figures::count(&answer);
            fail::point("streams.recorded")
                .await
                .map_err(store::Error::from)?;
            Ok(counts)
        });
        self.tasks.insert(task.id(), id);
    }

    fn harvest(&mut self) -> Result<usize> {
        let mut count = 0;
        while let Some(ended) = self.calls.try_join_next_with_id() {
            self.note(ended)?;
            count += 1;
        }
        Ok(count)
    }

    /// A call that was not recorded is not lost: its claim runs out, and the batch goes again, as
    /// one more attempt.
    fn note(&mut self, joined: Joined) -> Result<()> {
        let task = joined
            .as_ref()
            .map_or_else(tokio::task::JoinError::id, |(task, _)| *task);
        let id = self.tasks.remove(&task);
        id.and_then(|id| self.busy.remove(&id));
        match joined {
            Ok((_, recorded)) => recorded.map(drop),
            Err(error) => {
                tracing::error!(subscription = ?id, %error, "a call ended without an answer");
                Ok(())
            }
        }
    }
}
