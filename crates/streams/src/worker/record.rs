//! Record the outcome of a call.

use super::claim::OutgoingBatch;
use super::post::DeliveryOutcome;
use crate::error::Result;
use crate::state::{self, Batch, Effect, Event, Phase, Rules};
use crate::streams::Streams;
use crate::table::delivery;
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use store::{Fact, Lease, Tx};
use types::Principal;

/// Record an outcome. Returns false and ignores it if the batch was rewound, deleted or claimed by
/// another process in the meantime.
pub(super) async fn record(
    streams: &Streams,
    lease: &Lease,
    outgoing: &OutgoingBatch,
    outcome: &DeliveryOutcome,
) -> Result<bool> {
    let (id, generation, batch, attempt) = (
        outgoing.subscription,
        outgoing.generation,
        outgoing.batch,
        outgoing.attempt,
    );
    let (outcome, limits, holder) = (
        outcome.clone(),
        streams.limits,
        streams.db.holder().to_owned(),
    );
    let write = streams.db.on(lease).write(&outgoing.namespace, move |tx| {
        let Some(row) = subscription::find_readable(tx, id)? else { return Ok(false) };
        let mut progress = progress::find(tx, id)?;
        let is_current =
            matches!(progress.phase, Phase::Sending { batch: same, attempts, .. } if same == batch && attempts == attempt);
        if !is_current || progress.generation != generation || progress.holder != holder {
            return Ok(false);
        }
        apply_outcome(tx, &row, &mut progress, &outcome, i64::from(limits.dead_letters_per_subscription))?;
        progress::save(tx, id, &progress)?;
        Ok(true)
    });
    write.await
}

fn apply_outcome(
    tx: &mut Tx<'_, '_>,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    outcome: &DeliveryOutcome,
    dead_limit: i64,
) -> Result<()> {
    let (event, why) = match outcome {
        DeliveryOutcome::Delivered => (Event::Delivered, String::new()),
        DeliveryOutcome::Gone => (
            Event::Gone,
            "the receiver answered 410: it wants no further events".to_owned(),
        ),
        DeliveryOutcome::TooLarge => (
            Event::TooLarge,
            "the receiver answered 413: too large".to_owned(),
        ),
        DeliveryOutcome::Failed {
            why,
            retry_after_ms,
        } => (
            Event::Failed {
                retry_after_ms: *retry_after_ms,
            },
            why.clone(),
        ),
    };
    let rules = rules(tx, row, dead_limit)?;
    let mut jitter = [0u8; 8];
    tx.entropy().fill(&mut jitter);
    let step = state::step(
        progress.phase,
        event,
        tx.now(),
        &rules,
        u64::from_be_bytes(jitter),
    );
    let Ok(step) = step else { return Ok(()) };
    progress.phase = step.phase;
    progress.holder.clear();
    if event != Event::Delivered {
        progress.last_error = Some(why.clone());
        progress.last_error_at = Some(tx.now());
    }
    step.effect
        .map_or(Ok(()), |effect| apply(tx, row, progress, effect, &why))
}

/// The rules of a subscription; at its limit of dead letters it is held instead of adding one.
pub(crate) fn rules(
    tx: &mut Tx<'_, '_>,
    row: &StoredSubscription,
    dead_limit: i64,
) -> Result<Rules> {
    let limit = u32::try_from(dead_limit).unwrap_or(u32::MAX);
    let is_full = delivery::count(tx, row.id, "dead", limit)? >= dead_limit;
    let on_error = if is_full {
        crate::subscription::OnError::Hold
    } else {
        row.settings.on_error
    };
    Ok(Rules {
        retry: row.settings.retry,
        on_error,
    })
}

/// Apply an internal effect.
pub(crate) fn apply(
    tx: &mut Tx<'_, '_>,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    effect: Effect,
    why: &str,
) -> Result<()> {
    match effect {
        Effect::Acknowledge(batch) => acknowledge(tx, row, progress, batch),
        Effect::Split(batch) => delivery::split(tx, row.id, batch).map(drop),
        Effect::DeadLetter(batch) => dead_letter(tx, row, batch, why),
        Effect::Suspend => suspend(tx, row, why),
        Effect::Send { .. } => Ok(()), // external: done by the claim
    }
}

pub(crate) fn acknowledge(
    tx: &mut Tx<'_, '_>,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    batch: Batch,
) -> Result<()> {
    let count = delivery::acknowledge(tx, row.id, batch)?;
    progress.delivered += i64::try_from(count).unwrap_or(i64::MAX);
    progress.last_delivered_at = Some(tx.now());
    Ok(())
}

fn dead_letter(
    tx: &mut Tx<'_, '_>,
    row: &StoredSubscription,
    batch: Batch,
    why: &str,
) -> Result<()> {
    let version = u64::try_from(row.version).unwrap_or_default();
    let actor = Principal::system("streams", *tx.namespace());
    for (sequence, event, kind) in delivery::dead_letter(tx, row.id, batch, why)? {
        // Otherwise two failing receivers that subscribe to delivery events would create dead
        // letters about each other without end.
        if !kind.starts_with(crate::filter::DELIVERY_EVENTS) {
            let payload = serde_json::json!({ "sequence": sequence, "event": event, "type": kind, "error": why });
            tx.append(
                Fact::new("delivery.dead", 1)
                    .subject(&row.id, version)
                    .actor(&actor)
                    .payload(&payload),
            );
        }
    }
    Ok(())
}

fn suspend(tx: &mut Tx<'_, '_>, row: &StoredSubscription, why: &str) -> Result<()> {
    let mut next = row.clone();
    next.suspended = true;
    next.why = Some(why.to_owned());
    subscription::save(tx, &mut next)?;
    let version = u64::try_from(next.version).unwrap_or_default();
    let actor = Principal::system("streams", *tx.namespace());
    let payload = serde_json::json!({ "why": why });
    tx.append(
        Fact::new("subscription.suspended", 1)
            .subject(&row.id, version)
            .actor(&actor)
            .payload(&payload),
    );
    Ok(())
}
