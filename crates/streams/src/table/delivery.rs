//! `delivery`: waiting events and dead letters.

use crate::error::Result;
use crate::state::Batch;
use store::{Tx, UnscopedTx};
use types::{Namespace, SubscriptionId, Time};

/// The properties of a waiting event that decide how batches are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitingEvent {
    pub(crate) sequence: i64,
    pub(crate) size: i64,
    pub(crate) isolated: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct QueuedEvent {
    pub(crate) sequence: i64,
    pub(crate) body: String,
    pub(crate) attempts: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    pub(crate) namespace: Namespace,
    pub(crate) subscription: SubscriptionId,
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) partition: String,
    pub(crate) fact_seq: i64,
    pub(crate) body: std::sync::Arc<str>,
    /// Set for a dead letter: why its fact could not be expanded.
    pub(crate) error: Option<String>,
}

/// A dead letter: sequence, event id, type, body, attempts, time, error.
pub(crate) type DeadRow = (i64, String, String, String, u32, Time, Option<String>);

pub(crate) fn insert(tx: &mut UnscopedTx<'_, '_>, rows: &[NewDelivery]) -> Result<()> {
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
        "isolated",
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

pub(crate) fn of_batch(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    batch: Batch,
) -> Result<Vec<QueuedEvent>> {
    let rows: Vec<(i64, String, u32)> = tx.rows(
        "SELECT sequence, body, attempts FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence >= ?2 AND sequence <= ?3
          ORDER BY sequence",
        (id, batch.first, batch.last),
    )?;
    Ok(rows
        .into_iter()
        .map(|(sequence, body, attempts)| QueuedEvent {
            sequence,
            body,
            attempts,
        })
        .collect())
}

/// The first waiting events after a sequence, up to and including another.
pub(crate) fn between(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    after: i64,
    to: i64,
    limit: u32,
) -> Result<Vec<WaitingEvent>> {
    let rows: Vec<(i64, i64, bool)> = tx.rows(
        "SELECT sequence, size, isolated FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence > ?2 AND sequence <= ?3
          ORDER BY sequence LIMIT ?4",
        (id, after, to, limit),
    )?;
    Ok(rows
        .into_iter()
        .map(|(sequence, size, isolated)| WaitingEvent {
            sequence,
            size,
            isolated,
        })
        .collect())
}

/// Delete the waiting events of a batch; returns how many there were.
pub(crate) fn acknowledge(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Mark the waiting events of a batch to be sent one by one, with their attempts reset.
pub(crate) fn split(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET isolated = 1, attempts = 0 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Turn the waiting events of a batch into dead letters; returns sequence, id and type of each.
pub(crate) fn dead_letter(
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

/// Count an attempt for the waiting events of a batch that a WebSocket consumer rejected.
pub(crate) fn count_attempt(tx: &mut Tx<'_, '_>, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET attempts = attempts + 1 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Dead letters after a sequence.
pub(crate) fn dead_letters(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    after: i64,
    limit: u32,
    skip: u32,
) -> Result<Vec<DeadRow>> {
    Ok(tx.rows(
        "SELECT sequence, event_id, type, body, attempts, at, error FROM delivery
          WHERE namespace = ?ns AND subscription = ?1 AND state = 'dead' AND sequence > ?2
          ORDER BY sequence LIMIT ?3 OFFSET ?4",
        (id, after, limit, skip),
    )?)
}

/// Count the events in a state, up to a limit.
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

/// Turn dead letters into waiting events with new sequences.
pub(crate) fn requeue(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    renumbered: &[(i64, i64)],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(old, new) AS ({rows})
         UPDATE delivery SET state = 'waiting', sequence = n.new, attempts = 0, isolated = 1, error = NULL FROM n
          WHERE delivery.namespace = ?ns AND delivery.subscription = ?1 AND delivery.state = 'dead'
            AND delivery.sequence = n.old",
        (id,),
        renumbered,
    )?)
}

/// Delete an event in a state; returns its id and type.
pub(crate) fn delete_one(
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

/// Delete the waiting events of facts after a position of a partition.
pub(crate) fn delete_waiting_after(
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

pub(crate) fn delete_waiting(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'",
        (id,),
    )?)
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1",
        (id,),
    )?;
    Ok(())
}
