//! Claim batches that are due: the claim is committed before the call is made.

use super::Worker;
use crate::error::Result;
use crate::event::{trace_of, with_sequence};
use crate::secrets::Secrets;
use crate::sink::{OutgoingBatch, delivery_id};
use crate::state::{self, Batch, Effect, Event, Phase};
use crate::table::delivery::{self, WaitingEvent};
use crate::table::progress::{self, Due};
use crate::table::subscription::{self, StoredSubscription};
use crate::worker::record;
use std::collections::HashMap;
use store::{EngineKind, Tx};
use types::{Namespace, SubscriptionId};

/// Due subscriptions considered per turn; more than are claimed, so that a namespace with many of
/// them does not hide the others.
const MAX_CANDIDATES: u32 = 1_000;
/// Bytes of events per call, exceeded only by a single larger event.
const BATCH_BYTES: i64 = 1 << 20;

/// A claimed batch whose events are not loaded yet.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    due: Due,
    generation: i64,
    batch: Batch,
    attempt: u32,
}

pub(super) async fn claim(shard: &mut Worker) -> Result<Vec<OutgoingBatch>> {
    let db = shard.streams.db();
    let (number, sole) = (shard.number, db.engine() == EngineKind::Sqlite);
    let candidates = db.read_unscoped_with(db.holder().to_owned(), move |tx, holder| {
        progress::due(tx, number, holder, sole, MAX_CANDIDATES)
    });
    let chosen = choose(shard, candidates.await?);
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let args = (chosen, db.holder().to_owned());
    let write = db
        .on(&shard.lease)
        .write_unscoped_with(args, |tx, (chosen, holder)| {
            let mut claimed = Vec::new();
            for due in chosen {
                claimed.extend(claim_one(&mut tx.scoped(&due.namespace), *due, holder)?);
            }
            Ok::<_, crate::Error>(claimed)
        });
    let mut outgoing = Vec::new();
    for claimed in write.await? {
        outgoing.extend(load(shard, claimed).await?);
    }
    Ok(outgoing)
}

/// As many as the limits allow, round-robin over the namespaces, without subscriptions that have a
/// call in flight.
fn choose(shard: &Worker, due: Vec<Due>) -> Vec<Due> {
    let limits = shard.streams.settings;
    let mut free = limits.in_flight.saturating_sub(shard.busy.len());
    let mut used: HashMap<Namespace, usize> = HashMap::new();
    shard
        .busy
        .values()
        .for_each(|namespace| *used.entry(*namespace).or_default() += 1);
    let mut waiting: Vec<Due> = due
        .into_iter()
        .filter(|due| !shard.busy.contains_key(&due.id))
        .collect();
    let mut chosen = Vec::new();
    while free > 0 && !waiting.is_empty() {
        let mut namespaces = std::collections::HashSet::new();
        let (round, later): (Vec<Due>, Vec<Due>) = waiting
            .into_iter()
            .partition(|due| namespaces.insert(due.namespace));
        for due in round {
            let count = used.entry(due.namespace).or_default();
            if free > 0 && *count < limits.in_flight_per_namespace {
                (*count, free) = (*count + 1, free - 1);
                chosen.push(due);
            }
        }
        waiting = later;
    }
    chosen
}

fn claim_one(tx: &mut Tx, due: Due, holder: &str) -> Result<Option<Claimed>> {
    let Some(row) = subscription::find_readable(tx, due.id)? else {
        return Ok(None);
    };
    let (mut progress, now) = (progress::find(tx, due.id)?, tx.now());
    let Some(batch) = next_batch(tx, due.id, progress.phase(), &row)? else {
        // The events of the batch were skipped or rewound.
        progress.enter(Phase::Ready, now);
        progress.save(tx)?;
        return Ok(None);
    };
    let limits = row.settings.delivery.limits();
    let timeout_ms = i64::try_from(limits.timeout_ms).unwrap_or(i64::MAX);
    let claim = Event::Claimed { batch, timeout_ms };
    let rules = row.settings.rules();
    let Ok(step) = state::step(progress.phase(), claim, now, &rules, 0) else {
        return Ok(None);
    };
    progress.enter(step.phase, now);
    holder.clone_into(&mut progress.holder);
    let claimed = match step.effect {
        Some(Effect::Send { batch, attempt }) => Some(Claimed {
            due,
            generation: progress.generation,
            batch,
            attempt,
        }),
        Some(effect) => {
            let why = "its senders crashed repeatedly";
            record::apply(tx, &row, &mut progress, effect, why)?;
            None
        }
        None => None,
    };
    progress.save(tx)?;
    Ok(claimed)
}

/// The formed batch, as long as one of its events is waiting; otherwise the next events.
fn next_batch(
    tx: &mut Tx,
    id: SubscriptionId,
    phase: Phase,
    row: &StoredSubscription,
) -> Result<Option<Batch>> {
    match phase {
        Phase::Ready => {
            let limit = row.settings.delivery.limits().batch_size;
            let waiting = delivery::between(tx, id, 0, i64::MAX, limit)?;
            Ok(form_batch(&waiting))
        }
        Phase::Waiting { batch, .. } | Phase::Sending { batch, .. } => {
            Ok((!delivery::of_batch(tx, id, batch)?.is_empty()).then_some(batch))
        }
        Phase::Held { .. } => Ok(None),
    }
}

/// The longest prefix of the waiting events that can be sent as one batch.
pub(crate) fn form_batch(waiting: &[WaitingEvent]) -> Option<Batch> {
    let first = waiting.first()?;
    let mut batch = Batch {
        first: first.sequence,
        last: first.sequence,
    };
    let mut bytes = first.size;
    for next in waiting.iter().skip(1) {
        bytes = bytes.saturating_add(next.size);
        if first.isolated || next.isolated || bytes > BATCH_BYTES {
            break;
        }
        batch.last = next.sequence;
    }
    Some(batch)
}

/// Load the bytes and the delivery of a claimed batch; `None` if the subscription or its events
/// were deleted in the meantime.
async fn load(shard: &Worker, claimed: Claimed) -> Result<Option<OutgoingBatch>> {
    let (id, batch) = (claimed.due.id, claimed.batch);
    let read = shard.streams.db().read(&claimed.due.namespace, move |tx| {
        let events = delivery::of_batch(tx, id, batch)?;
        Ok::<_, crate::Error>((subscription::find_readable(tx, id)?, events))
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
    let trace = trace_of(events.iter().map(|event| event.body.as_str()));
    Ok((!events.is_empty()).then_some(OutgoingBatch {
        namespace: claimed.due.namespace,
        subscription: id,
        generation: claimed.generation,
        batch,
        attempt: claimed.attempt,
        secrets: Secrets::decrypt_waiting(&shard.streams.parts.keyring, id, &row.encrypted)
            .await
            .ok(),
        delivery: row.settings.delivery,
        body: body.into_bytes(),
        trace,
    }))
}
