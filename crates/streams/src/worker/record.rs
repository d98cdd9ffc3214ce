//! Record the outcome of a call.

use crate::engine::Streams;
use crate::error::Result;
use crate::filter::DELIVERY_EVENTS;
use crate::retry::{OnError, Rules};
use crate::sink::{DeliveryOutcome, OutgoingBatch};
use crate::state::{self, Batch, Effect, Event, Phase};

use crate::table::delivery::{self, DeliveryState};
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use store::{Lease, Tx};
use types::Principal;

/// Record an outcome. Returns false and ignores it if the batch was rewound, deleted or claimed by
/// another process in the meantime.
pub(super) async fn record(
    streams: &Streams,
    lease: &Lease,
    outgoing: &OutgoingBatch,
    outcome: &DeliveryOutcome,
) -> Result<bool> {
    let call = Call {
        generation: outgoing.generation,
        batch: outgoing.batch,
        attempt: outgoing.attempt,
        holder: streams.db().holder().to_owned(),
    };
    let dead_limit = streams.settings.dead_letters_per_subscription;
    let (id, args) = (outgoing.subscription, (call, outcome.clone()));
    let write =
        streams
            .db()
            .on(lease)
            .write_with(&outgoing.namespace, args, move |tx, (call, outcome)| {
                let Some(row) = subscription::find_readable(tx, id)? else {
                    return Ok(false);
                };
                let mut progress = progress::find(tx, id)?;
                if !call.is_current(&progress) {
                    return Ok(false);
                }
                apply_outcome(tx, &row, &mut progress, outcome, dead_limit)?;
                progress.save(tx)?;
                Ok(true)
            });
    write.await
}

/// What identifies a call.
struct Call {
    generation: i64,
    batch: Batch,
    attempt: u32,
    holder: String,
}

impl Call {
    fn is_current(&self, progress: &SubscriptionProgress) -> bool {
        let is_sending = matches!(progress.phase(), Phase::Sending { batch, attempts, .. }
            if batch == self.batch && attempts == self.attempt);
        is_sending && progress.generation == self.generation && progress.holder == self.holder
    }
}

fn apply_outcome(
    tx: &mut Tx,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    outcome: &DeliveryOutcome,
    dead_limit: u32,
) -> Result<()> {
    let (event, why) = match outcome {
        DeliveryOutcome::Delivered => (Event::Delivered, ""),
        DeliveryOutcome::Gone => (
            Event::Gone,
            "the receiver answered 410: it wants no further events",
        ),
        DeliveryOutcome::TooLarge => (Event::TooLarge, "the receiver answered 413: too large"),
        DeliveryOutcome::Failed {
            why,
            retry_after_ms,
        } => (
            Event::Failed {
                retry_after_ms: *retry_after_ms,
            },
            why.as_str(),
        ),
    };
    let (rules, now) = (rules(tx, row, dead_limit)?, tx.now());
    let mut jitter = [0u8; 8];
    tx.entropy().fill(&mut jitter);
    let jitter = u64::from_be_bytes(jitter);
    let Ok(step) = state::step(progress.phase(), event, now, &rules, jitter) else {
        return Ok(());
    };
    progress.enter(step.phase, now);
    progress.holder.clear();
    if event != Event::Delivered {
        progress.fail(why, now);
    }
    step.effect
        .map_or(Ok(()), |effect| apply(tx, row, progress, effect, why))
}

/// The rules of a subscription; at its limit of dead letters it is held instead of adding one.
pub(crate) fn rules(tx: &mut Tx, row: &StoredSubscription, dead_limit: u32) -> Result<Rules> {
    let dead = delivery::count(tx, row.id, DeliveryState::Dead, dead_limit)?;
    let mut rules = row.settings.rules();
    if dead >= i64::from(dead_limit) {
        rules.on_error = OnError::Hold;
    }
    Ok(rules)
}

/// Apply an internal effect.
pub(crate) fn apply(
    tx: &mut Tx,
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
    tx: &mut Tx,
    row: &StoredSubscription,
    progress: &mut SubscriptionProgress,
    batch: Batch,
) -> Result<()> {
    let count = delivery::acknowledge(tx, row.id, batch)?;
    progress.delivered += i64::try_from(count).unwrap_or(i64::MAX);
    progress.last_delivered_at = Some(tx.now());
    Ok(())
}

fn dead_letter(tx: &mut Tx, row: &StoredSubscription, batch: Batch, why: &str) -> Result<()> {
    let actor = Principal::system("streams", *tx.namespace());
    for event in delivery::dead_letter(tx, row.id, batch, why)? {
        // Otherwise two failing receivers that subscribe to delivery events would create dead
        // letters about each other without end.
        if !event.kind.starts_with(DELIVERY_EVENTS) {
            let payload = serde_json::json!({ "sequence": event.sequence, "event": event.event_id, "type": event.kind, "error": why });
            tx.append(row.fact("delivery.dead", &actor).payload(&payload));
        }
    }
    Ok(())
}

fn suspend(tx: &mut Tx, row: &StoredSubscription, why: &str) -> Result<()> {
    let mut next = row.clone();
    next.suspended = true;
    next.why = Some(why.to_owned());
    subscription::save(tx, &mut next)?;
    let actor = Principal::system("streams", *tx.namespace());
    let payload = serde_json::json!({ "why": why });
    tx.append(
        next.fact("subscription.suspended", &actor)
            .payload(&payload),
    );
    Ok(())
}
