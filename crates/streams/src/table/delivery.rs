//! `delivery`: events on their way, waiting or dead.

use crate::error::Result;
use crate::state::Batch;
use store::{Tx, Unbound};
use types::{Namespace, SubscriptionId, Time};

/// What a waiting event says about its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) sequence: i64,
    pub(crate) size: i64,
    pub(crate) alone: bool,
}

/// An event to send.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) sequence: i64,
    pub(crate) body: String,
    pub(crate) attempts: u32,
}

/// An event that is to be delivered.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) namespace: Namespace,
    pub(crate) subscription: SubscriptionId,
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) partition: String,
    pub(crate) fact_seq: i64,
    pub(crate) body: std::sync::Arc<str>,
    /// Why it is dead from the start; none for one that waits.
    pub(crate) error: Option<String>,
}

/// A dead letter as stored.
pub(crate) type Dead = (i64, String, String, String, u32, Time, Option<String>);

/// Insert events.
pub(crate) fn insert(tx: &mut Unbound<'_, '_>, rows: &[New]) -> Result<()> {
    let now = tx.now();
    let columns = [
        "namespace",
        "subscription",
        "sequence",
        "state",
        "event_id",
        "type",
        "partition",
        "fact_seq",
        "body",
        "size",
        "alone",
        "attempts",
        "at",
        "error",
    ];
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let state = if row.error.is_some() {
                "dead"
            } else {
                "waiting"
            };
            let size = i64::try_from(row.body.len()).unwrap_or(i64::MAX);
            let (id, kind, partition) = (
                row.event_id.as_str(),
                row.kind.as_str(),
                row.partition.as_str(),
            );
            let head = (
                &row.namespace,
                row.subscription,
                row.sequence,
                state,
                id,
                kind,
                partition,
                row.fact_seq,
            );
            let (a, b, c, d, e, f, g, h) = head;
            (
                a, b, c, d, e, f, g, h, &*row.body, size, false, 0u32, now, &row.error,
            )
        })
        .collect();
    tx.bulk_insert("delivery", &columns, &rows)?;
    Ok(())
}

/// The waiting events of a batch.
pub(crate) fn of_batch(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    batch: Batch,
) -> Result<Vec<Parcel>> {
    let rows: Vec<(i64, String, u32)> = tx.rows(
        "SELECT sequence, body, attempts FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence >= ?2 AND sequence <= ?3
          ORDER BY sequence",
        (id, batch.first, batch.last),
    )?;
    Ok(rows
        .into_iter()
        .map(|(sequence, body, attempts)| Parcel {
            sequence,
            body,
            attempts,
        })
        .collect())
}

/// The first waiting events behind a sequence, up to another.
pub(crate) fn between(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    after: i64,
    to: i64,
    limit: u32,
) -> Result<Vec<Waiting>> {
    let rows: Vec<(i64, i64, bool)> = tx.rows(
        "SELECT sequence, size, alone FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence > ?2 AND sequence <= ?3
          ORDER BY sequence LIMIT ?4",
        (id, after, to, limit),
    )?;
    Ok(rows
        .into_iter()
        .map(|(sequence, size, alone)| Waiting {
            sequence,
            size,
            alone,
        })
        .collect())
}

/// Delete the waiting events of a batch; how many there were.
pub(crate) fn settle(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// From now on the waiting events of a batch are sent one by one, each with all its attempts.
pub(crate) fn part(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET alone = 1, attempts = 0 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// The waiting events of a batch become dead letters; which.
pub(crate) fn bury(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    batch: Batch,
    why: &str,
) -> Result<Vec<(i64, String, String)>> {
    let now = tx.now();
    Ok(tx.rows(
        "UPDATE delivery SET state = 'dead', error = ?4, at = ?5
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence >= ?2 AND sequence <= ?3
         RETURNING sequence, event_id, type",
        (id, batch.first, batch.last, why, now),
    )?)
}

/// Count an attempt for the waiting events of a batch that was not taken over a WebSocket.
pub(crate) fn count_attempt(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET attempts = attempts + 1 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Dead letters behind a sequence.
pub(crate) fn dead(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    after: i64,
    limit: u32,
    skip: u32,
) -> Result<Vec<Dead>> {
    Ok(tx.rows(
        "SELECT sequence, event_id, type, body, attempts, at, error FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'dead' AND sequence > ?2
          ORDER BY sequence LIMIT ?3 OFFSET ?4",
        (id, after, limit, skip),
    )?)
}

/// How many events are in a state, counted no further than a limit.
pub(crate) fn count(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    state: &str,
    limit: u32,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = ?2 LIMIT ?3) AS d",
        (id, state, limit),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Dead letters wait again, under new sequences.
pub(crate) fn requeue(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    renumbered: &[(i64, i64)],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(old, new) AS ({rows})
         UPDATE delivery SET state = 'waiting', sequence = n.new, attempts = 0, alone = 1, error = NULL FROM n
          WHERE delivery.namespace = ?ns AND delivery.subscription = ?1 AND delivery.state = 'dead'
            AND delivery.sequence = n.old",
        (id,),
        renumbered,
    )?)
}

/// Delete an event in a state; its id and type, if it was there.
pub(crate) fn drop_one(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    sequence: i64,
    state: &str,
) -> Result<Option<(String, String)>> {
    Ok(tx.row(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND sequence = ?2 AND state = ?3
         RETURNING event_id, type",
        (id, sequence, state),
    )?)
}

/// Delete the waiting events that come from behind a place of a partition.
pub(crate) fn drop_waiting_behind(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    partition: &str,
    seq: i64,
) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND partition = ?2
            AND fact_seq > ?3",
        (id, partition, seq),
    )?)
}

/// Delete all waiting events.
pub(crate) fn drop_waiting(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'",
        (id,),
    )?)
}

/// Delete everything of a subscription.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1",
        (id,),
    )?;
    Ok(())
}
