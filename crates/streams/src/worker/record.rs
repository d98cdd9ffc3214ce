//! Write down what came of a call.

use super::claim::Outgoing;
use super::post::Answer;
use crate::error::Result;
use crate::state::{self, Batch, Effect, Event, Phase, Rules};
use crate::streams::Streams;
use crate::table::delivery;
use crate::table::progress::{self, Progress};
use crate::table::subscription::{self, Stored};
use store::{Fact, Lease, Tx};
use types::Principal;

/// Record an answer. False if the batch was rewound, deleted or taken by a successor meanwhile:
/// then the answer counts no more.
pub(super) async fn record(
    streams: &Streams,
    lease: &Lease,
    outgoing: &Outgoing,
    answer: &Answer,
) -> Result<bool> {
    let (id, generation, batch, attempt) = (
        outgoing.subscription,
        outgoing.generation,
        outgoing.batch,
        outgoing.attempt,
    );
    let (answer, limits, holder) = (
        answer.clone(),
        streams.limits,
        streams.db.holder().to_owned(),
    );
    let write = streams.db.on(lease).write(&outgoing.namespace, move |tx| {
        let Some(row) = subscription::legible(tx, id)? else { return Ok(false) };
        let mut found = progress::find(tx, id)?;
        let mine =
            matches!(found.phase, Phase::Sending { batch: same, attempts, .. } if same == batch && attempts == attempt);
        if !mine || found.generation != generation || found.holder != holder {
            return Ok(false);
        }
        settle(tx, &row, &mut found, &answer, i64::from(limits.dead))?;
        progress::save(tx, id, &found)?;
        Ok(true)
    });
    write.await
}

fn settle(
    tx: &mut Tx<'_, '_>,
    row: &Stored,
    found: &mut Progress,
    answer: &Answer,
    dead_limit: i64,
) -> Result<()> {
    let (event, why) = match answer {
        Answer::Taken => (Event::Taken, String::new()),
        Answer::Gone => (
            Event::Gone,
            "the receiver answered 410: it wants nothing any more".to_owned(),
        ),
        Answer::TooLarge => (
            Event::TooLarge,
            "the receiver answered 413: too large".to_owned(),
        ),
        Answer::Refused {
            why,
            retry_after_ms,
        } => (
            Event::Refused {
                retry_after_ms: *retry_after_ms,
            },
            why.clone(),
        ),
    };
    let rules = rules(tx, row, dead_limit)?;
    let mut chance = [0u8; 8];
    tx.entropy().fill(&mut chance);
    let step = state::step(
        found.phase,
        event,
        tx.now(),
        &rules,
        u64::from_be_bytes(chance),
    );
    let Ok(step) = step else { return Ok(()) };
    found.phase = step.phase;
    found.holder.clear();
    if event != Event::Taken {
        found.last_error = Some(why.clone());
        found.last_error_at = Some(tx.now());
    }
    step.effect
        .map_or(Ok(()), |effect| apply(tx, row, found, effect, &why))
}

/// The rules of a subscription; with as many dead letters as there may be, it holds.
pub(crate) fn rules(tx: &mut Tx<'_, '_>, row: &Stored, dead_limit: i64) -> Result<Rules> {
    let limit = u32::try_from(dead_limit).unwrap_or(u32::MAX);
    let full = delivery::count(tx, row.id, "dead", limit)? >= dead_limit;
    let on_error = if full {
        crate::subscription::OnError::Hold
    } else {
        row.settings.on_error
    };
    Ok(Rules {
        retry: row.settings.retry,
        on_error,
    })
}

/// Carry out an effect that is the database's.
pub(crate) fn apply(
    tx: &mut Tx<'_, '_>,
    row: &Stored,
    found: &mut Progress,
    effect: Effect,
    why: &str,
) -> Result<()> {
    match effect {
        Effect::Settle(batch) => delivered(tx, row, found, batch),
        Effect::Part(batch) => delivery::part(tx, row.id, batch).map(drop),
        Effect::Bury(batch) => bury(tx, row, batch, why),
        Effect::Suspend => suspend(tx, row, why),
        Effect::Send { .. } => Ok(()), // external, and the claim's
    }
}

pub(crate) fn delivered(
    tx: &mut Tx<'_, '_>,
    row: &Stored,
    found: &mut Progress,
    batch: Batch,
) -> Result<()> {
    let count = delivery::settle(tx, row.id, batch)?;
    found.delivered += i64::try_from(count).unwrap_or(i64::MAX);
    found.last_delivered_at = Some(tx.now());
    Ok(())
}

fn bury(tx: &mut Tx<'_, '_>, row: &Stored, batch: Batch, why: &str) -> Result<()> {
    let version = u64::try_from(row.version).unwrap_or_default();
    let who = Principal::system("streams", tx.namespace().clone());
    for (sequence, event, kind) in delivery::bury(tx, row.id, batch, why)? {
        // The end of a word about deliveries is not told in turn, or two dead receivers would talk
        // about each other for ever.
        if !kind.starts_with(crate::filter::ABOUT_DELIVERIES) {
            let says = serde_json::json!({ "sequence": sequence, "event": event, "type": kind, "error": why });
            tx.append(
                Fact::new("delivery.dead", 1)
                    .about(&row.id, version)
                    .by(&who)
                    .says(&says),
            );
        }
    }
    Ok(())
}

fn suspend(tx: &mut Tx<'_, '_>, row: &Stored, why: &str) -> Result<()> {
    let mut next = row.clone();
    next.suspended = true;
    next.why = Some(why.to_owned());
    subscription::save(tx, &mut next)?;
    let version = u64::try_from(next.version).unwrap_or_default();
    let who = Principal::system("streams", tx.namespace().clone());
    let says = serde_json::json!({ "why": why });
    tx.append(
        Fact::new("subscription.suspended", 1)
            .about(&row.id, version)
            .by(&who)
            .says(&says),
    );
    Ok(())
}
