//! The worker of a shard: reads facts, creates deliveries, and sends batches, one turn at a time.

mod claim;
mod dispatch;
mod gather;
mod record;

pub(crate) use claim::form_batch;
pub(crate) use record::{acknowledge, apply, rules};

use crate::engine::{SHARDS, Streams};
use crate::error::Result;
use crate::sink::{self, Attempt, DeliveryOutcome, OutgoingBatch};
use crate::table::progress;
use dispatch::{Dispatched, SubscriptionCache};
use std::collections::HashMap;
use std::time::Duration;
use store::Lease;
use telemetry::{DELIVERY_SECONDS, Timer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument as _;
use types::{Namespace, SubscriptionId, Time};

/// The result of a turn.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Events that were written as deliveries.
    pub dispatched: u64,
    /// Calls started in this turn.
    pub started: usize,
    /// Calls that ended since the previous turn.
    pub ended: usize,
    /// Calls in flight.
    pub in_flight: usize,
    /// Partitions that cannot be read further at the moment, with the reason.
    pub blocked: Vec<String>,
    /// Whether the next turn can start immediately.
    pub more: bool,
}

/// The worker of one shard: holds its lease and serves its subscriptions.
///
/// A turn runs [`Worker::dispatch`], then [`Worker::claim`], [`Worker::post`] and
/// [`Worker::record`] for the batches that are due. A crash between two of them loses nothing: a
/// batch that was claimed but not recorded is sent again, the same bytes under the same id.
pub struct Worker {
    streams: Streams,
    number: u32,
    lease: Lease,
    cache: SubscriptionCache,
    /// Subscriptions with a call in flight; at most one call each.
    busy: HashMap<SubscriptionId, Namespace>,
    calls: JoinSet<Ended>,
    /// The subscription of each call.
    tasks: HashMap<tokio::task::Id, SubscriptionId>,
    committed: watch::Receiver<u64>,
    ready: watch::Receiver<u64>,
}

type Ended = Result<bool>;
type Joined = std::result::Result<(tokio::task::Id, Ended), tokio::task::JoinError>;

/// Pass a fail point.
async fn pass(point: &'static str) -> Result<()> {
    Ok(fail::point(point).await.map_err(store::Error::from)?)
}

impl Worker {
    /// A worker for shard `number`, under the lease of [`crate::shard_partition`].
    pub fn new(streams: Streams, number: u32, lease: Lease) -> Self {
        assert!(number < SHARDS, "there are {SHARDS} shards");
        let (committed, ready) = (streams.db().commit_counter(), streams.ready.subscribe());
        Self {
            streams,
            number,
            lease,
            cache: SubscriptionCache::default(),
            busy: HashMap::new(),
            calls: JoinSet::new(),
            tasks: HashMap::new(),
            committed,
            ready,
        }
    }

    /// Run one turn. Its calls continue in the background, so that a slow receiver delays only its
    /// own subscription.
    pub async fn turn(&mut self) -> Result<Progress> {
        let ended = self.collect_ended()?;
        let dispatched = self.dispatch_all().await?;
        let outgoing = self.claim().await?;
        let started = outgoing.len();
        outgoing.into_iter().for_each(|batch| self.start(batch));
        Ok(Progress {
            dispatched: dispatched.events,
            started,
            ended,
            in_flight: self.calls.len(),
            blocked: dispatched.stuck,
            more: dispatched.moved || started > 0 || ended > 0,
        })
    }

    /// Wait until every call in flight has ended and its outcome is recorded.
    pub async fn wait_for_calls(&mut self) -> Result<()> {
        while let Some(ended) = self.calls.join_next_with_id().await {
            self.finish(ended)?;
        }
        Ok(())
    }

    /// Wait until there may be work, at most `timeout`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wait of an idle worker ends early when there is work"
    )]
    pub async fn idle(&mut self, timeout: Duration) {
        tokio::select! {
            _ = self.committed.changed() => {}
            _ = self.ready.changed() => {}
            Some(ended) = self.calls.join_next_with_id(), if !self.calls.is_empty() => {
                if let Err(error) = self.finish(ended) {
                    tracing::warn!(event = "delivery.not_recorded", %error, "an outcome was not recorded; the batch is sent again");
                }
            }
            () = tokio::time::sleep(timeout) => {}
        }
    }

    /// When the next retry of the shard is due.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let number = self.number;
        self.streams
            .db()
            .read_unscoped(move |tx| progress::next_due(tx, number))
            .await
    }

    /// First step of a turn: read facts, and commit deliveries and cursors together. Returns the
    /// number of events.
    pub async fn dispatch(&mut self) -> Result<u64> {
        Ok(self.dispatch_all().await?.events)
    }

    /// Second step: commit claims for the batches that are due. Claims nothing once two thirds of
    /// the lease have passed.
    pub async fn claim(&mut self) -> Result<Vec<OutgoingBatch>> {
        if !self.lease.may_act(self.streams.db().clock().monotonic_ms()) {
            return Ok(Vec::new());
        }
        let claimed = claim::claim(self).await?;
        pass("streams.claimed").await?;
        Ok(claimed)
    }

    /// Third step: make the call.
    pub async fn post(&self, outgoing: &OutgoingBatch) -> DeliveryOutcome {
        send(&self.streams, outgoing).await
    }

    /// Fourth step: commit the outcome. Returns false if it is ignored, because the batch was
    /// rewound, deleted or claimed by another process.
    pub async fn record(
        &self,
        outgoing: &OutgoingBatch,
        outcome: &DeliveryOutcome,
    ) -> Result<bool> {
        record::record(&self.streams, &self.lease, outgoing, outcome).await
    }

    async fn dispatch_all(&mut self) -> Result<Dispatched> {
        let dispatched = dispatch::dispatch(self).await?;
        pass("streams.dispatched").await?;
        Ok(dispatched)
    }

    fn start(&mut self, outgoing: OutgoingBatch) {
        let id = outgoing.subscription;
        self.busy.insert(id, outgoing.namespace);
        let (streams, lease) = (self.streams.clone(), self.lease.clone());
        let task = self.calls.spawn(async move {
            let outcome = send(&streams, &outgoing).await;
            tracing::debug!(event = "delivery.attempted", subscription = %id, attempt = outgoing.attempt, ?outcome, "a batch was sent");
            pass("streams.posted").await?;
            let recorded = record::record(&streams, &lease, &outgoing, &outcome).await?;
            crate::metrics::count_outcome(&outcome);
            pass("streams.recorded").await?;
            Ok(recorded)
        });
        self.tasks.insert(task.id(), id);
    }

    fn collect_ended(&mut self) -> Result<usize> {
        let mut count = 0;
        while let Some(ended) = self.calls.try_join_next_with_id() {
            self.finish(ended)?;
            count += 1;
        }
        Ok(count)
    }

    /// A call whose outcome is not recorded is not lost: its claim expires, and the batch is sent
    /// again as another attempt.
    fn finish(&mut self, joined: Joined) -> Result<()> {
        let task = joined
            .as_ref()
            .map_or_else(tokio::task::JoinError::id, |(task, _)| *task);
        let id = self.tasks.remove(&task);
        id.and_then(|id| self.busy.remove(&id));
        match joined {
            Ok((_, recorded)) => recorded.map(drop),
            Err(error) => {
                tracing::error!(event = "delivery.task_failed", subscription = ?id, %error, "the task of a call panicked or was cancelled");
                Ok(())
            }
        }
    }
}

async fn send(streams: &Streams, outgoing: &OutgoingBatch) -> DeliveryOutcome {
    let (outbound, now) = (&streams.parts.outbound, streams.now());
    let OutgoingBatch {
        subscription,
        namespace,
        attempt,
        ..
    } = outgoing;
    let (id, trace) = (outgoing.delivery_id(), tracing::field::Empty);
    let span = tracing::info_span!("delivery", id, %subscription, %namespace, attempt, trace);
    let trace = telemetry::continue_trace(&span, outgoing.trace);
    let timer = Timer::start();
    let send = sink::send(outbound, outgoing, Attempt { now, trace });
    let outcome = send.instrument(span).await;
    DELIVERY_SECONDS.record(timer.seconds(), []);
    outcome
}
