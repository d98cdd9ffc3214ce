//! Dead letters: events whose last attempt failed.

use crate::engine::Streams;
use crate::error::{Error, Result};
use crate::event::with_sequence;
use crate::state::Phase;
use crate::table::delivery::{self, DeliveryState, EventRef, StoredDeadLetter};
use crate::table::{progress, subscription};
use serde::Serialize;
use store::Tx;
use types::{Json, Page, Principal, SubscriptionId, Time};
use utoipa::ToSchema;

/// Dead letters that one call can retry.
const MAX_RETRIED: u32 = 1_000;

/// An event that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// The sequence number of the event in the subscription.
    pub sequence: i64,
    /// The event's id.
    pub id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event as it would have been delivered.
    pub event: Option<Json>,
    /// When the delivery was abandoned.
    pub at: Time,
    /// The error of the last attempt.
    pub error: Option<String>,
}

/// Which dead letters to retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterSelection {
    /// The oldest 1,000, or all if there are fewer.
    All,
    /// By sequence, at most 1,000.
    Sequences(Vec<i64>),
}

/// List dead letters, oldest first; `page.after` is the sequence of the last one of the previous
/// page. Errors: `streams.unknown_subscription`.
pub async fn dead_letters(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    page: &Page,
) -> Result<Vec<DeadLetter>> {
    let after = page.after.as_deref().map_or(Ok(0), |text| {
        text.parse::<i64>()
            .map_err(|_| Error::invalid("after", "expected the sequence of a dead letter"))
    })?;
    let (limit, skip) = (page.limit, page.skip);
    let read = streams.db().read(&principal.namespace, move |tx| {
        subscription::find(tx, id)?;
        delivery::dead_letters(tx, id, after, limit, skip)
    });
    Ok(read.await?.into_iter().map(DeadLetter::from).collect())
}

impl From<StoredDeadLetter> for DeadLetter {
    fn from(row: StoredDeadLetter) -> Self {
        Self {
            sequence: row.sequence,
            event: Json::parse(&with_sequence(&row.body, row.sequence)),
            id: row.event_id,
            kind: row.kind,
            at: row.at,
            error: row.error,
        }
    }
}

/// Retry dead letters after all waiting events: each is sent on its own, with a new sequence and
/// its attempts reset. Returns how many are retried; on error none is.
///
/// Errors: `streams.unknown_subscription`, `streams.unknown_dead_letter`.
pub async fn retry_dead_letters(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    selection: DeadLetterSelection,
) -> Result<u64> {
    if let DeadLetterSelection::Sequences(sequences) = &selection
        && sequences.len() > MAX_RETRIED as usize
    {
        return Err(Error::invalid("sequences", "at most 1,000"));
    }
    let write = streams
        .on()
        .write_as(principal, selection, move |tx, principal, selection| {
            let row = subscription::find(tx, id)?;
            let old = selected(tx, id, selection)?;
            if old.is_empty() {
                return Ok(0);
            }
            let first =
                progress::reserve_sequences(tx, id, i64::try_from(old.len()).unwrap_or(i64::MAX))?;
            let renumbered: Vec<(i64, i64)> = old.into_iter().zip(first..).collect();
            let count = delivery::requeue(tx, id, &renumbered)?;
            assert_eq!(
                count,
                renumbered.len() as u64,
                "dead letters that were read in this transaction are not deleted"
            );
            let payload = serde_json::json!({ "sequences": renumbered });
            tx.append(row.fact("delivery.retried", principal).payload(&payload));
            Ok::<_, Error>(count)
        });
    let count = write.await?;
    streams.notify_ready();
    Ok(count)
}

/// The selected sequences, oldest first, without duplicates.
fn selected(tx: &mut Tx, id: SubscriptionId, selection: &DeadLetterSelection) -> Result<Vec<i64>> {
    let DeadLetterSelection::Sequences(sequences) = selection else {
        return delivery::oldest_dead_letters(tx, id, MAX_RETRIED);
    };
    let mut sequences = sequences.clone();
    sequences.sort_unstable();
    sequences.dedup();
    for &sequence in &sequences {
        if !delivery::is_dead_letter(tx, id, sequence)? {
            return Err(Error::UnknownDeadLetter { sequence });
        }
    }
    Ok(sequences)
}

/// Discard an event: a dead letter, or the event at which the subscription is held, which then
/// continues.
///
/// Errors: `streams.unknown_subscription`, `streams.unknown_dead_letter`.
pub async fn skip_event(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    sequence: i64,
) -> Result<()> {
    let write = streams.on().write_as(principal, id, move |tx, principal, &id| {
        let row = subscription::find(tx, id)?;
        let deleted = match delivery::delete_one(tx, id, sequence, DeliveryState::Dead)? {
            Some(letter) => Some(letter),
            None => skip_held(tx, id, sequence)?,
        };
        let event = deleted.ok_or(Error::UnknownDeadLetter { sequence })?;
        let payload =
            serde_json::json!({ "sequence": sequence, "event": event.event_id, "type": event.kind });
        tx.append(row.fact("delivery.skipped", principal).payload(&payload));
        Ok::<_, Error>(())
    });
    write.await?;
    streams.notify_ready();
    Ok(())
}

fn skip_held(tx: &mut Tx, id: SubscriptionId, sequence: i64) -> Result<Option<EventRef>> {
    let mut progress = progress::find(tx, id)?;
    match progress.phase() {
        Phase::Held { batch } if batch.first == sequence => {}
        _ => return Ok(None),
    }
    let deleted = delivery::delete_one(tx, id, sequence, DeliveryState::Waiting)?;
    progress.enter(Phase::Ready, tx.now());
    progress.save(tx)?;
    Ok(deleted)
}
