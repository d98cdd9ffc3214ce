//! Take on batches that can go: the intent is written down before the call is made.

use super::shard::Shard;
use crate::error::Result;
use crate::event::with_sequence;
use crate::secrets::Secrets;
use crate::state::{self, Batch, Effect, Event, Phase, Rules};
use crate::subscription::Delivery;
use crate::table::delivery::{self, Waiting};
use crate::table::progress::{self, Due};
use crate::table::subscription::{self, Stored};
use crate::worker::record;
use std::collections::HashMap;
use store::{EngineKind, Tx};
use types::{Namespace, SubscriptionId};

/// Subscriptions that are looked at for a turn, so that one namespace with many cannot hide the
/// others.
const LOOK_AT: u32 = 1_000;
/// Bytes of events in one call, give or take one event.
const BATCH_BYTES: i64 = 1 << 20;

/// A batch that was claimed and is to be posted.
pub struct Outgoing {
    pub(super) namespace: Namespace,
    /// Whose it is.
    pub subscription: SubscriptionId,
    pub(super) generation: i64,
    pub(super) batch: Batch,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    pub(super) delivery: Delivery,
    /// None if they do not open.
    pub(super) secrets: Option<Secrets>,
    /// The exact bytes: the same for each attempt.
    pub body: Vec<u8>,
}

/// What was claimed, before its bytes are read.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    due: Due,
    generation: i64,
    batch: Batch,
    attempt: u32,
}

pub(super) async fn claim(shard: &mut Shard) -> Result<Vec<Outgoing>> {
    let (number, holder) = (shard.number, shard.streams.db.holder().to_owned());
    let sole = shard.streams.db.engine() == EngineKind::Sqlite;
    let look = shard
        .streams
        .db
        .read_unbound(move |tx| progress::due(tx, number, &holder, sole, LOOK_AT));
    let chosen = choose(shard, look.await?);
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let holder = shard.streams.db.holder().to_owned();
    let write = shard.streams.db.on(&shard.lease).write_unbound(move |tx| {
        let mut claimed = Vec::new();
        for due in &chosen {
            claimed.extend(claim_one(&mut tx.bound(&due.namespace), due, &holder)?);
        }
        Ok::<_, crate::Error>(claimed)
    });
    let mut outgoing = Vec::new();
    for claimed in write.await? {
        outgoing.extend(load(shard, claimed).await?);
    }
    Ok(outgoing)
}

/// As many as there is room for, namespace by namespace in turns, none that is under way.
fn choose(shard: &Shard, due: Vec<Due>) -> Vec<Due> {
    let limits = shard.streams.limits;
    let mut room = limits.in_flight.saturating_sub(shard.busy.len());
    let mut used: HashMap<Namespace, usize> = HashMap::new();
    shard
        .busy
        .values()
        .for_each(|namespace| *used.entry(namespace.clone()).or_default() += 1);
    let mut waiting: Vec<Due> = due
        .into_iter()
        .filter(|due| !shard.busy.contains_key(&due.id))
        .collect();
    let mut chosen = Vec::new();
    while room > 0 && !waiting.is_empty() {
        let mut seen = std::collections::HashSet::new();
        let (round, later): (Vec<Due>, Vec<Due>) = waiting
            .into_iter()
            .partition(|due| seen.insert(due.namespace.clone()));
        for due in round {
            let count = used.entry(due.namespace.clone()).or_default();
            if room > 0 && *count < limits.in_flight_per_namespace {
                (*count, room) = (*count + 1, room - 1);
                chosen.push(due);
            }
        }
        waiting = later;
    }
    chosen
}

fn claim_one(tx: &mut Tx<'_, '_>, due: &Due, holder: &str) -> Result<Option<Claimed>> {
    let Some(row) = subscription::legible(tx, due.id)? else {
        return Ok(None);
    };
    let mut found = progress::find(tx, due.id)?;
    let Some(batch) = next_batch(tx, due.id, found.phase, &row)? else {
        // What was to be tried again is gone: skipped, or rewound.
        found.phase = Phase::Ready;
        progress::save(tx, due.id, &found)?;
        return Ok(None);
    };
    let Delivery::Webhook { timeout_ms, .. } = row.settings.delivery else {
        return Ok(None);
    };
    let timeout_ms = i64::try_from(timeout_ms).unwrap_or(i64::MAX);
    let rules = Rules {
        retry: row.settings.retry,
        on_error: row.settings.on_error,
    };
    let Ok(step) = state::step(
        found.phase,
        Event::Claimed { batch, timeout_ms },
        tx.now(),
        &rules,
        0,
    ) else {
        return Ok(None);
    };
    found.phase = step.phase;
    holder.clone_into(&mut found.holder);
    let claimed = match step.effect {
        Some(Effect::Send { batch, attempt }) => Some(Claimed {
            due: due.clone(),
            generation: found.generation,
            batch,
            attempt,
        }),
        Some(effect) => {
            record::apply(
                tx,
                &row,
                &mut found,
                effect,
                "its senders died again and again",
            )?;
            None
        }
        None => None,
    };
    progress::save(tx, due.id, &found)?;
    Ok(claimed)
}

/// The batch that is in care, as long as something of it waits; else the next events.
fn next_batch(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    phase: Phase,
    row: &Stored,
) -> Result<Option<Batch>> {
    match phase {
        Phase::Ready => Ok(make_up(&delivery::between(
            tx,
            id,
            0,
            i64::MAX,
            row.settings.delivery.batch_size(),
        )?)),
        Phase::Waiting { batch, .. } | Phase::Sending { batch, .. } => {
            Ok((!delivery::of_batch(tx, id, batch)?.is_empty()).then_some(batch))
        }
        Phase::Held { .. } => Ok(None),
    }
}

/// The longest run of events that may go together.
pub(crate) fn make_up(waiting: &[Waiting]) -> Option<Batch> {
    let first = waiting.first()?;
    let mut batch = Batch {
        first: first.sequence,
        last: first.sequence,
    };
    let mut bytes = first.size;
    for next in waiting.iter().skip(1) {
        bytes = bytes.saturating_add(next.size);
        if first.alone || next.alone || bytes > BATCH_BYTES {
            break;
        }
        batch.last = next.sequence;
    }
    Some(batch)
}

/// The bytes and where they go. Nothing if the subscription went meanwhile, or its events did.
async fn load(shard: &Shard, claimed: Claimed) -> Result<Option<Outgoing>> {
    let (id, batch) = (claimed.due.id, claimed.batch);
    let read = shard.streams.db.read(&claimed.due.namespace, move |tx| {
        let events = delivery::of_batch(tx, id, batch)?;
        Ok::<_, crate::Error>((subscription::legible(tx, id)?, events))
    });
    let (Some(row), events) = read.await? else {
        return Ok(None);
    };
    let bodies: Vec<String> = events
        .iter()
        .map(|event| with_sequence(&event.body, event.sequence))
        .collect();
    let head =
        serde_json::json!({ "subscription": id, "delivery": delivery_id(id, batch) }).to_string();
    let body = format!(
        "{},\"events\":[{}]}}",
        head.trim_end_matches('}'),
        bodies.join(",")
    );
    Ok((!events.is_empty()).then_some(Outgoing {
        namespace: claimed.due.namespace,
        subscription: id,
        generation: claimed.generation,
        batch,
        attempt: claimed.attempt,
        secrets: Secrets::open_soon(&shard.streams.keyring, id, &row.sealed)
            .await
            .ok(),
        delivery: row.settings.delivery,
        body: body.into_bytes(),
    }))
}

/// The id of a delivery: the same for each of its attempts.
pub(super) fn delivery_id(id: SubscriptionId, batch: Batch) -> String {
    format!("{id}/{}-{}", batch.first, batch.last)
}
