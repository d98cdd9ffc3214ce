//! A consumer that fetches: what stands behind a WebSocket.
//!
//! One consumer at a time: who opens a subscription takes it over, and the one before is told so at
//! its next step. Batch numbers belong to the session and mean nothing on another. With a window of
//! one the order is strict; with more, a batch that was refused comes again behind those already
//! under way.

use crate::error::{Error, Result};
use crate::event::with_sequence;
use crate::state::{self, Event, Phase};
use crate::streams::Streams;
use crate::subscription::Delivery;
use crate::table::progress::Progress;
use crate::table::subscription::Stored;
use crate::table::{delivery, progress, subscription};
use crate::worker::{apply, delivered, make_up, rules};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use store::{Fact, Tx};
use tokio::sync::watch;
use types::{Json, Principal, SubscriptionId, Ulid};

/// Events that wait for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Counts from 1 in each session.
    pub number: u64,
    /// How often these events were refused before.
    pub refused: u32,
    /// The events, in order.
    pub events: Vec<Json>,
}

/// One consumer's hold on a subscription.
pub struct Session {
    streams: Streams,
    who: Principal,
    id: SubscriptionId,
    connection: String,
    next_number: u64,
    /// Behind this sequence nothing was sent yet.
    sent: i64,
    generation: i64,
    under_way: BTreeMap<u64, state::Batch>,
    /// Refused batches that go again, in the order of their sequences.
    again: VecDeque<state::Batch>,
    ready: watch::Receiver<u64>,
}

/// Open a subscription that is delivered over WebSockets, and take it over from whoever had it.
/// What that one had not acknowledged comes again here.
///
/// Errors: `streams.unknown_subscription`, `streams.kind`.
pub async fn open(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Session> {
    let connection = Ulid::new(streams.db.clock().now(), streams.db.entropy().as_ref()).to_string();
    let (me, principal) = (connection.clone(), who.clone());
    let write = streams.writer().write(&who.namespace, move |tx| {
        let row = subscription::find(tx, id)?;
        if !matches!(row.settings.delivery, Delivery::WebSocket { .. }) {
            return Err(Error::Kind {
                expected: "websocket",
            });
        }
        let mut found = progress::find(tx, id)?;
        found.consumer = Some(me.clone());
        progress::save(tx, id, &found)?;
        let version = u64::try_from(row.version).unwrap_or_default();
        let says = serde_json::json!({ "connection": me });
        tx.append(
            Fact::new("subscription.opened", 1)
                .about(&id, version)
                .by(&principal)
                .says(&says),
        );
        Ok(found.generation)
    });
    let generation = write.await?;
    Ok(Session {
        streams: streams.clone(),
        who: who.clone(),
        id,
        connection,
        next_number: 1,
        sent: 0,
        generation,
        under_way: BTreeMap::new(),
        again: VecDeque::new(),
        ready: streams.ready.subscribe(),
    })
}

/// How the subscription stands, and what there is to send.
struct Found {
    row: Stored,
    progress: Progress,
    batch: Option<state::Batch>,
    events: Vec<delivery::Parcel>,
}

impl Session {
    /// The next batch; none if nothing waits, the window is full, or the subscription is suspended
    /// or holds.
    ///
    /// Errors: `streams.taken_over`, `streams.unknown_subscription`.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            let found = self.look().await?;
            if found.progress.generation != self.generation {
                self.start_over(found.progress.generation);
                continue;
            }
            let stopped = found.row.suspended || matches!(found.progress.phase, Phase::Held { .. });
            if stopped || self.under_way.len() >= window(&found.row.settings.delivery) {
                return Ok(None);
            }
            match (found.batch, self.again.front()) {
                (Some(batch), _) => return Ok(Some(self.send(batch, &found.events))),
                // What was to go again was skipped, or has become a dead letter.
                (None, Some(_)) => drop(self.again.pop_front()),
                (None, None) => return Ok(None),
            }
        }
    }

    fn send(&mut self, batch: state::Batch, events: &[delivery::Parcel]) -> Batch {
        match self.again.pop_front() {
            Some(range) if batch.last < range.last => {
                self.again.push_front(state::Batch {
                    first: batch.last + 1,
                    last: range.last,
                });
            }
            Some(_) => {}
            None => self.sent = batch.last,
        }
        let number = self.next_number;
        self.next_number += 1;
        self.under_way.insert(number, batch);
        let refused = events.iter().map(|event| event.attempts).max().unwrap_or(0);
        let text =
            |event: &delivery::Parcel| Json::parse(&with_sequence(&event.body, event.sequence));
        Batch {
            number,
            refused,
            events: events.iter().filter_map(text).collect(),
        }
    }

    /// The consumer has a batch: its events are delivered.
    ///
    /// Errors: `streams.unknown_batch`, `streams.taken_over`; after any other error the batch is
    /// still under way.
    pub async fn ack(&mut self, number: u64) -> Result<()> {
        self.answer(number, delivered).await
    }

    /// The consumer does not take a batch. It comes again at once, under another number; refused
    /// for the last time it is parted, and a single event becomes a dead letter or makes the
    /// subscription hold.
    ///
    /// Errors: as [`Session::ack`].
    pub async fn nack(&mut self, number: u64, why: &str) -> Result<()> {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        let why = if why.is_empty() {
            "the consumer refused it".to_owned()
        } else {
            why
        };
        let (limit, batch) = (i64::from(self.streams.limits.dead), self.batch(number)?);
        self.answer(number, move |tx, row, found, batch| {
            refuse(tx, row, found, batch, &why, limit)
        })
        .await?;
        let place = self
            .again
            .partition_point(|other| other.first < batch.first);
        self.again.insert(place, batch);
        Ok(())
    }

    /// Wait until there may be something to fetch, for at most so long.
    pub async fn changed(&mut self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.ready.changed()).await;
    }

    /// The consumer leaves. What it did not acknowledge waits for the next one.
    pub async fn close(self) -> Result<()> {
        let (id, me) = (self.id, self.connection);
        let write = self.streams.writer().write(&self.who.namespace, move |tx| {
            let mut found = match progress::find(tx, id) {
                Err(Error::Unknown { .. }) => return Ok(()), // deleted meanwhile
                other => other?,
            };
            if found.consumer.as_deref() == Some(&me) {
                found.consumer = None;
                progress::save(tx, id, &found)?;
            }
            Ok::<_, Error>(())
        });
        write.await
    }

    fn batch(&self, number: u64) -> Result<state::Batch> {
        self.under_way
            .get(&number)
            .copied()
            .ok_or(Error::UnknownBatch { number })
    }

    /// A rewind makes void what is under way.
    fn start_over(&mut self, generation: i64) {
        self.generation = generation;
        self.sent = 0;
        self.under_way.clear();
        self.again.clear();
    }

    async fn look(&self) -> Result<Found> {
        let (id, me, sent, again) = (
            self.id,
            self.connection.clone(),
            self.sent,
            self.again.front().copied(),
        );
        let read = self.streams.db.read(&self.who.namespace, move |tx| {
            let row = subscription::find(tx, id)?;
            let progress = held_by(tx, id, &me)?;
            let (after, until) =
                again.map_or((sent, i64::MAX), |range| (range.first - 1, range.last));
            let batch = make_up(&delivery::between(
                tx,
                id,
                after,
                until,
                row.settings.delivery.batch_size(),
            )?);
            let events = batch.map_or(Ok(Vec::new()), |batch| delivery::of_batch(tx, id, batch))?;
            Ok(Found {
                row,
                progress,
                batch,
                events,
            })
        });
        read.await
    }

    /// Write an answer down; then the batch is under way no more.
    async fn answer(
        &mut self,
        number: u64,
        act: impl Fn(&mut Tx<'_, '_>, &Stored, &mut Progress, state::Batch) -> Result<()>
        + Send
        + 'static,
    ) -> Result<()> {
        let batch = self.batch(number)?;
        let (id, me, generation) = (self.id, self.connection.clone(), self.generation);
        let write = self.streams.writer().write(&self.who.namespace, move |tx| {
            let row = subscription::find(tx, id)?;
            let mut found = held_by(tx, id, &me)?;
            if found.generation == generation {
                let before = std::mem::replace(&mut found.phase, Phase::Ready);
                act(tx, &row, &mut found, batch)?;
                if matches!(before, Phase::Held { .. }) {
                    found.phase = before; // an answer to another batch resumes nothing
                }
                progress::save(tx, id, &found)?;
            }
            Ok::<_, Error>(())
        });
        write.await?;
        self.under_way.remove(&number);
        Ok(())
    }
}

/// The progress, if this connection still has the subscription.
fn held_by(tx: &mut Tx<'_, '_>, id: SubscriptionId, connection: &str) -> Result<Progress> {
    let found = progress::find(tx, id)?;
    if found.consumer.as_deref() == Some(connection) {
        Ok(found)
    } else {
        Err(Error::TakenOver)
    }
}

fn window(delivery: &Delivery) -> usize {
    match delivery {
        Delivery::WebSocket { window, .. } => *window as usize,
        Delivery::Webhook { .. } => 0,
    }
}

/// A refusal is judged by the same states as a webhook's, but that it comes again at once.
fn refuse(
    tx: &mut Tx<'_, '_>,
    row: &Stored,
    found: &mut Progress,
    batch: state::Batch,
    why: &str,
    dead_limit: i64,
) -> Result<()> {
    let before = delivery::of_batch(tx, row.id, batch)?
        .iter()
        .map(|event| event.attempts)
        .max()
        .unwrap_or(0);
    let sending = Phase::Sending {
        batch,
        attempts: before + 1,
        until: tx.now(),
    };
    let rules = rules(tx, row, dead_limit)?;
    let Ok(step) = state::step(
        sending,
        Event::Refused {
            retry_after_ms: None,
        },
        tx.now(),
        &rules,
        0,
    ) else {
        return Ok(());
    };
    found.last_error = Some(why.to_owned());
    found.last_error_at = Some(tx.now());
    match (step.effect, step.phase) {
        (Some(effect), _) => apply(tx, row, found, effect, why),
        (None, Phase::Held { .. }) => {
            found.phase = step.phase;
            Ok(())
        }
        (None, _) => delivery::count_attempt(tx, row.id, batch).map(drop),
    }
}
