//! Dead letters: what never arrived.

use super::rewind::version;
use crate::error::{Error, Result};
use crate::event::with_sequence;
use crate::state::Phase;
use crate::streams::Streams;
use crate::table::{delivery, progress, subscription};
use serde::Serialize;
use store::{Fact, Tx};
use types::{Json, Page, Principal, SubscriptionId, Time};

/// Dead letters that one call can put back.
const MAX_AT_ONCE: u32 = 1_000;

/// An event that never arrived, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its place in the subscription.
    pub sequence: i64,
    /// The event's id.
    pub id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event as it would have been delivered.
    pub event: Option<Json>,
    /// When it was given up.
    pub at: Time,
    /// What the last attempt came to.
    pub error: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letters {
    /// The oldest thousand, or all if there are fewer.
    All,
    /// These, by sequence; at most a thousand.
    These(Vec<i64>),
}

/// Dead letters, oldest first; `page.after` is the sequence of the last one seen. Errors:
/// `streams.unknown_subscription`.
pub async fn dead_letters(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    page: &Page,
) -> Result<Vec<DeadLetter>> {
    let after = page.after.as_deref().map_or(Ok(0), |text| {
        text.parse::<i64>()
            .map_err(|_| Error::invalid("after", "expected the sequence of a dead letter"))
    })?;
    let (limit, skip) = (page.limit, page.skip);
    let read = streams.db.read(&who.namespace, move |tx| {
        subscription::find(tx, id)?;
        delivery::dead(tx, id, after, limit, skip)
    });
    Ok(read.await?.into_iter().map(letter).collect())
}

fn letter((sequence, id, kind, body, _, at, error): delivery::Dead) -> DeadLetter {
    let event = Json::parse(&with_sequence(&body, sequence));
    DeadLetter {
        sequence,
        id,
        kind,
        event,
        at,
        error,
    }
}

/// Put dead letters back, behind all that waits: each goes alone, with a new sequence and all its
/// attempts. How many there were.
///
/// Errors: `streams.unknown_subscription`, `streams.unknown_letter`; then none is put back.
pub async fn retry_dead(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    letters: Letters,
) -> Result<u64> {
    if let Letters::These(these) = &letters
        && these.len() > MAX_AT_ONCE as usize
    {
        return Err(Error::invalid("sequences", "at most 1,000"));
    }
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write(&namespace, move |tx| {
        let row = subscription::find(tx, id)?;
        let old = chosen(tx, id, &letters)?;
        if old.is_empty() {
            return Ok(0);
        }
        let first = progress::take_sequences(tx, id, i64::try_from(old.len()).unwrap_or(i64::MAX))?;
        let renumbered: Vec<(i64, i64)> = old.into_iter().zip(first..).collect();
        let count = delivery::requeue(tx, id, &renumbered)?;
        assert_eq!(
            count,
            renumbered.len() as u64,
            "letters that were read in this transaction are still there"
        );
        let says = serde_json::json!({ "sequences": renumbered });
        tx.append(
            Fact::new("delivery.retried", 1)
                .about(&id, version(&row))
                .by(&who)
                .says(&says),
        );
        Ok::<_, Error>(count)
    });
    let count = write.await?;
    streams.announce();
    Ok(count)
}

/// The sequences that are meant, oldest first, each once.
fn chosen(tx: &mut Tx<'_, '_>, id: SubscriptionId, letters: &Letters) -> Result<Vec<i64>> {
    let Letters::These(these) = letters else {
        return Ok(delivery::dead(tx, id, 0, MAX_AT_ONCE, 0)?
            .into_iter()
            .map(|dead| dead.0)
            .collect());
    };
    let mut these = these.clone();
    these.sort_unstable();
    these.dedup();
    for sequence in &these {
        if delivery::dead(tx, id, sequence.saturating_sub(1), 1, 0)?
            .first()
            .map(|dead| dead.0)
            != Some(*sequence)
        {
            return Err(Error::UnknownLetter {
                sequence: *sequence,
            });
        }
    }
    Ok(these)
}

/// Give an event up for good: a dead letter, or the one that the subscription holds at (which then
/// goes on).
///
/// Errors: `streams.unknown_subscription`, `streams.unknown_letter`.
pub async fn skip(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    sequence: i64,
) -> Result<()> {
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write(&namespace, move |tx| {
        let row = subscription::find(tx, id)?;
        let dropped = match delivery::drop_one(tx, id, sequence, "dead")? {
            Some(letter) => Some(letter),
            None => skip_held(tx, id, sequence)?,
        };
        let (event, kind) = dropped.ok_or(Error::UnknownLetter { sequence })?;
        let says = serde_json::json!({ "sequence": sequence, "event": event, "type": kind });
        tx.append(
            Fact::new("delivery.skipped", 1)
                .about(&id, version(&row))
                .by(&who)
                .says(&says),
        );
        Ok::<_, Error>(())
    });
    write.await?;
    streams.announce();
    Ok(())
}

fn skip_held(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    sequence: i64,
) -> Result<Option<(String, String)>> {
    let mut found = progress::find(tx, id)?;
    match found.phase {
        Phase::Held { batch } if batch.first == sequence => {}
        _ => return Ok(None),
    }
    let dropped = delivery::drop_one(tx, id, sequence, "waiting")?;
    found.phase = Phase::Ready;
    progress::save(tx, id, &found)?;
    Ok(dropped)
}
