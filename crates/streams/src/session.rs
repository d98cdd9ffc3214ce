//! A consumer session, in which a pulled subscription is delivered, independent of the transport.
//!
//! A subscription has one consumer at a time: opening it takes it over, and the previous session
//! gets an error at its next call. Batch numbers are local to a session. With a window of one the
//! order is strict; with more, a rejected batch is sent again after those already in flight.

use crate::engine::Streams;
use crate::error::{Error, Result};
use crate::event::with_sequence;
use crate::sink::{self, Mode};
use crate::state::{self, Event, Phase};
use crate::table::progress::SubscriptionProgress;
use crate::table::subscription::StoredSubscription;
use crate::table::{delivery, progress, subscription};
use crate::worker::{acknowledge, apply, form_batch, rules};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use store::Tx;
use tokio::sync::watch;
use types::{Json, Principal, SubscriptionId, Ulid, clip};

/// Characters of the reason of a rejection.
const MAX_WHY: usize = 200;

/// A batch of events to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Starts at 1 in each session.
    pub number: u64,
    /// How often these events were rejected before.
    pub rejections: u32,
    pub events: Vec<Json>,
}

/// The session of a consumer.
pub struct Session {
    streams: Streams,
    principal: Principal,
    id: SubscriptionId,
    connection: Arc<str>,
    next_number: u64,
    /// The last sequence that was sent.
    sent: i64,
    generation: i64,
    in_flight: BTreeMap<u64, state::Batch>,
    /// Rejected batches to send again, ordered by sequence.
    rejected: VecDeque<state::Batch>,
    ready: watch::Receiver<u64>,
}

/// Open a subscription with WebSocket delivery, and take it over from the current consumer. Batches
/// that the previous session did not acknowledge are sent again.
///
/// Errors: `streams.unknown_subscription`, `streams.delivery_type_mismatch`.
pub async fn open_session(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Session> {
    let connection: Arc<str> = Ulid::new(streams.now(), streams.entropy())
        .to_string()
        .into();
    let write = streams.on().write_as(
        principal,
        Arc::clone(&connection),
        move |tx, principal, connection| {
            let row = subscription::find(tx, id)?;
            if row.pushes {
                return Err(Error::DeliveryTypeMismatch {
                    expected: sink::names(|sink| sink.mode == Mode::Pull),
                });
            }
            let mut progress = progress::find(tx, id)?;
            progress.consumer = Some(connection.to_string());
            progress.save(tx)?;
            let payload = serde_json::json!({ "connection": **connection });
            tx.append(row.fact("subscription.opened", principal).payload(&payload));
            Ok(progress.generation)
        },
    );
    let generation = write.await?;
    Ok(Session {
        streams: streams.clone(),
        principal: principal.clone(),
        id,
        connection,
        next_number: 1,
        sent: 0,
        generation,
        in_flight: BTreeMap::new(),
        rejected: VecDeque::new(),
        ready: streams.ready.subscribe(),
    })
}

/// The state of the subscription and the next batch to send.
struct Snapshot {
    row: StoredSubscription,
    progress: SubscriptionProgress,
    batch: Option<state::Batch>,
    events: Vec<delivery::QueuedEvent>,
}

impl Session {
    /// The next batch; `None` if no event is waiting, the window is full, or the subscription is
    /// suspended or held.
    ///
    /// Errors: `streams.taken_over`, `streams.unknown_subscription`.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            let snapshot = self.load().await?;
            if snapshot.progress.generation != self.generation {
                self.reset(snapshot.progress.generation);
                continue;
            }
            let stopped =
                snapshot.row.suspended || matches!(snapshot.progress.phase(), Phase::Held { .. });
            if stopped || self.in_flight.len() >= snapshot.row.settings.delivery.limits().window {
                return Ok(None);
            }
            match (snapshot.batch, self.rejected.front()) {
                (Some(batch), _) => return Ok(Some(self.send(batch, &snapshot.events))),
                // The rejected events were skipped or became dead letters.
                (None, Some(_)) => drop(self.rejected.pop_front()),
                (None, None) => return Ok(None),
            }
        }
    }

    fn send(&mut self, batch: state::Batch, events: &[delivery::QueuedEvent]) -> Batch {
        match self.rejected.pop_front() {
            // Not all of the rejected events fit into this batch: the others stay queued.
            Some(range) if batch.last < range.last => {
                self.rejected.push_front(state::Batch {
                    first: batch.last + 1,
                    last: range.last,
                });
            }
            Some(_) => {}
            None => self.sent = batch.last,
        }
        let number = self.next_number;
        self.next_number += 1;
        self.in_flight.insert(number, batch);
        let rejections = events.iter().map(|event| event.attempts).max().unwrap_or(0);
        let text = |event: &delivery::QueuedEvent| {
            Json::parse(&with_sequence(&event.body, event.sequence))
        };
        Batch {
            number,
            rejections,
            events: events.iter().filter_map(text).collect(),
        }
    }

    /// Acknowledge a batch: its events are delivered.
    ///
    /// Errors: `streams.unknown_batch`, `streams.taken_over`; after any other error the batch is
    /// still in flight.
    pub async fn ack(&mut self, number: u64) -> Result<()> {
        self.record_answer(number, acknowledge).await
    }

    /// Reject a batch. It is sent again immediately, under a new number. When its last attempt is
    /// rejected it is split; a single event becomes a dead letter, or the subscription is held.
    ///
    /// Errors: as [`Session::ack`].
    pub async fn nack(&mut self, number: u64, why: &str) -> Result<()> {
        let why = match clip(&why.replace(char::is_control, ""), MAX_WHY) {
            empty if empty.is_empty() => "the consumer rejected it".to_owned(),
            why => why,
        };
        let limit = self.streams.settings.dead_letters_per_subscription;
        let batch = self.batch(number)?;
        self.record_answer(number, move |tx, row, progress, batch| {
            reject(tx, row, progress, batch, &why, limit)
        })
        .await?;
        let index = self
            .rejected
            .partition_point(|other| other.first < batch.first);
        self.rejected.insert(index, batch);
        Ok(())
    }

    /// Wait until events may be available, at most `timeout`.
    pub async fn wait_for_events(&mut self, timeout: Duration) {
        let _ = tokio::time::timeout(timeout, self.ready.changed()).await;
    }

    /// Close the session. Unacknowledged events wait for the next consumer.
    pub async fn close(self) -> Result<()> {
        let (id, connection) = (self.id, self.connection);
        let write =
            self.streams
                .on()
                .write_as(&self.principal, connection, move |tx, _, connection| {
                    let mut progress = match progress::find(tx, id) {
                        // Deleted in the meantime.
                        Err(Error::UnknownSubscription { .. }) => return Ok(()),
                        other => other?,
                    };
                    if progress.consumer.as_deref() == Some(&**connection) {
                        progress.consumer = None;
                        progress.save(tx)?;
                    }
                    Ok(())
                });
        write.await
    }

    fn batch(&self, number: u64) -> Result<state::Batch> {
        self.in_flight
            .get(&number)
            .copied()
            .ok_or(Error::UnknownBatch { number })
    }

    /// Forget the batches in flight: a rewind makes them void.
    fn reset(&mut self, generation: i64) {
        self.generation = generation;
        self.sent = 0;
        self.in_flight.clear();
        self.rejected.clear();
    }

    async fn load(&self) -> Result<Snapshot> {
        let (id, sent) = (self.id, self.sent);
        let rejected = self.rejected.front().copied();
        let connection = Arc::clone(&self.connection);
        let read = self
            .streams
            .db()
            .read(&self.principal.namespace, move |tx| {
                let row = subscription::find(tx, id)?;
                let progress = own_progress(tx, id, &connection)?;
                let (after, until) =
                    rejected.map_or((sent, i64::MAX), |range| (range.first - 1, range.last));
                let limit = row.settings.delivery.limits().batch_size;
                let batch = form_batch(&delivery::between(tx, id, after, until, limit)?);
                let events =
                    batch.map_or(Ok(Vec::new()), |batch| delivery::of_batch(tx, id, batch))?;
                Ok(Snapshot {
                    row,
                    progress,
                    batch,
                    events,
                })
            });
        read.await
    }

    /// Record the consumer's answer to a batch; the batch is then no longer in flight.
    async fn record_answer(
        &mut self,
        number: u64,
        act: impl Fn(
            &mut Tx,
            &StoredSubscription,
            &mut SubscriptionProgress,
            state::Batch,
        ) -> Result<()>
        + Send
        + 'static,
    ) -> Result<()> {
        let batch = self.batch(number)?;
        let (id, generation) = (self.id, self.generation);
        let connection = Arc::clone(&self.connection);
        let write =
            self.streams
                .on()
                .write_as(&self.principal, connection, move |tx, _, connection| {
                    let row = subscription::find(tx, id)?;
                    let mut progress = own_progress(tx, id, connection)?;
                    if progress.generation == generation {
                        let (before, now) = (progress.phase(), tx.now());
                        progress.enter(Phase::Ready, now);
                        act(tx, &row, &mut progress, batch)?;
                        if matches!(before, Phase::Held { .. }) {
                            // An answer to another batch must not resume a held subscription.
                            progress.enter(before, now);
                        }
                        progress.save(tx)?;
                    }
                    Ok::<_, Error>(())
                });
        write.await?;
        self.in_flight.remove(&number);
        Ok(())
    }
}

/// The progress, if this connection still has the subscription open.
fn own_progress(tx: &mut Tx, id: SubscriptionId, connection: &str) -> Result<SubscriptionProgress> {
    let progress = progress::find(tx, id)?;
    if progress.consumer.as_deref() == Some(connection) {
        Ok(progress)
    } else {
        Err(Error::TakenOver)
    }
}

/// A rejection uses the same state machine as a failed webhook call, but is retried immediately.
fn reject(
    tx: &mut Tx,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    batch: state::Batch,
    why: &str,
    dead_limit: u32,
) -> Result<()> {
    let attempts = delivery::of_batch(tx, row.id, batch)?
        .iter()
        .map(|event| event.attempts)
        .max()
        .unwrap_or(0);
    let now = tx.now();
    let sending = Phase::Sending {
        batch,
        attempts: attempts + 1,
        until: now,
    };
    let failed = Event::Failed {
        retry_after_ms: None,
    };
    let rules = rules(tx, row, dead_limit)?;
    let Ok(step) = state::step(sending, failed, now, &rules, 0) else {
        return Ok(());
    };
    progress.fail(why, now);
    match (step.effect, step.phase) {
        (Some(effect), _) => apply(tx, row, progress, effect, why),
        (None, held @ Phase::Held { .. }) => {
            progress.enter(held, now);
            Ok(())
        }
        (None, _) => delivery::count_attempt(tx, row.id, batch).map(drop),
    }
}
