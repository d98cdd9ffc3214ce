//! `delivery`: waiting events and dead letters.

use crate::error::Result;
use crate::state::Batch;
use store::{Record as _, Tx, UnscopedTable as _, UnscopedTx, params};
use types::{Namespace, SubscriptionId, Time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum DeliveryState {
    Waiting,
    /// A dead letter.
    Dead,
}

store::text_columns! { DeliveryState }

/// The properties of a waiting event that decide how batches are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, store::Record)]
#[record(table = "delivery")]
pub(crate) struct WaitingEvent {
    pub(crate) sequence: i64,
    pub(crate) size: i64,
    pub(crate) isolated: bool,
}

#[derive(Debug, Clone, store::Record)]
#[record(table = "delivery")]
pub(crate) struct QueuedEvent {
    pub(crate) sequence: i64,
    pub(crate) body: String,
    pub(crate) attempts: u32,
}

/// What facts about an event say of it.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
pub(crate) struct EventRef {
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    #[record(column = "type")]
    pub(crate) kind: String,
}

#[derive(Debug, store::Record)]
#[record(table = "delivery")]
pub(crate) struct StoredDeadLetter {
    pub(crate) sequence: i64,
    pub(crate) event_id: String,
    #[record(column = "type")]
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) at: Time,
    pub(crate) error: Option<String>,
}

#[derive(Debug, store::Record)]
#[record(table = "delivery", write)]
pub(crate) struct NewDelivery<'a> {
    pub(crate) namespace: Namespace,
    pub(crate) subscription: SubscriptionId,
    pub(crate) sequence: i64,
    pub(crate) state: DeliveryState,
    pub(crate) event_id: &'a str,
    #[record(column = "type")]
    pub(crate) kind: &'a str,
    pub(crate) partition: &'a str,
    pub(crate) fact_seq: i64,
    pub(crate) body: &'a str,
    pub(crate) size: i64,
    pub(crate) isolated: bool,
    pub(crate) attempts: u32,
    pub(crate) at: Time,
    /// Set for a dead letter: why its fact could not be expanded.
    pub(crate) error: Option<&'a str>,
}

pub(crate) fn insert(tx: &mut UnscopedTx, rows: &[NewDelivery<'_>]) -> Result<()> {
    NewDelivery::bulk_insert(tx, rows)?;
    Ok(())
}

pub(crate) fn of_batch(tx: &mut Tx, id: SubscriptionId, batch: Batch) -> Result<Vec<QueuedEvent>> {
    let sql = QueuedEvent::select(
        "WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence >= ?2 AND sequence <= ?3
         ORDER BY sequence",
    );
    Ok(tx.rows(&sql, (id, batch.first, batch.last))?)
}

/// The first waiting events after a sequence, up to and including another.
pub(crate) fn between(
    tx: &mut Tx,
    id: SubscriptionId,
    after: i64,
    to: i64,
    limit: u32,
) -> Result<Vec<WaitingEvent>> {
    let sql = WaitingEvent::select(
        "WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting' AND sequence > ?2 AND sequence <= ?3
         ORDER BY sequence LIMIT ?4",
    );
    Ok(tx.rows(&sql, (id, after, to, limit))?)
}

/// Delete the waiting events of a batch; returns how many there were.
pub(crate) fn acknowledge(tx: &mut Tx, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Mark the waiting events of a batch to be sent one by one, with their attempts reset.
pub(crate) fn split(tx: &mut Tx, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET isolated = 1, attempts = 0 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Turn the waiting events of a batch into dead letters.
pub(crate) fn dead_letter(
    tx: &mut Tx,
    id: SubscriptionId,
    batch: Batch,
    why: &str,
) -> Result<Vec<EventRef>> {
    let now = tx.now();
    Ok(tx.rows(
        "UPDATE delivery SET state = 'dead', error = ?why, at = ?now
          WHERE namespace = ?ns AND subscription = ?id AND state = 'waiting' AND sequence >= ?first AND sequence <= ?last
         RETURNING sequence, event_id, type",
        params! { id, first: batch.first, last: batch.last, why, now },
    )?)
}

/// Count an attempt for the waiting events of a batch that a consumer rejected.
pub(crate) fn count_attempt(tx: &mut Tx, id: SubscriptionId, batch: Batch) -> Result<u64> {
    Ok(tx.execute(
        "UPDATE delivery SET attempts = attempts + 1 WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'
            AND sequence >= ?2 AND sequence <= ?3",
        (id, batch.first, batch.last),
    )?)
}

/// Dead letters after a sequence.
pub(crate) fn dead_letters(
    tx: &mut Tx,
    id: SubscriptionId,
    after: i64,
    limit: u32,
    skip: u32,
) -> Result<Vec<StoredDeadLetter>> {
    let sql = StoredDeadLetter::select(
        "WHERE namespace = ?ns AND subscription = ?1 AND state = 'dead' AND sequence > ?2
         ORDER BY sequence LIMIT ?3 OFFSET ?4",
    );
    Ok(tx.rows(&sql, (id, after, limit, skip))?)
}

/// The sequences of the oldest dead letters.
pub(crate) fn oldest_dead_letters(tx: &mut Tx, id: SubscriptionId, limit: u32) -> Result<Vec<i64>> {
    Ok(tx.values(
        "SELECT sequence FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'dead'
          ORDER BY sequence LIMIT ?2",
        (id, limit),
    )?)
}

pub(crate) fn is_dead_letter(tx: &mut Tx, id: SubscriptionId, sequence: i64) -> Result<bool> {
    Ok(tx.exists(
        "SELECT 1 FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'dead' AND sequence = ?2",
        (id, sequence),
    )?)
}

/// Count the events in a state, up to a limit.
pub(crate) fn count(
    tx: &mut Tx,
    id: SubscriptionId,
    state: DeliveryState,
    limit: u32,
) -> Result<i64> {
    let count: Option<i64> = tx.value(
        "SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = ?2 LIMIT ?3) AS d",
        (id, state, limit),
    )?;
    Ok(count.unwrap_or(0))
}

/// Turn dead letters into waiting events with new sequences.
pub(crate) fn requeue(tx: &mut Tx, id: SubscriptionId, renumbered: &[(i64, i64)]) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(old, new) AS ({rows})
         UPDATE delivery SET state = 'waiting', sequence = n.new, attempts = 0, isolated = 1, error = NULL FROM n
          WHERE delivery.namespace = ?ns AND delivery.subscription = ?1 AND delivery.state = 'dead'
            AND delivery.sequence = n.old",
        (id,),
        renumbered,
    )?)
}

/// Delete an event in a state.
pub(crate) fn delete_one(
    tx: &mut Tx,
    id: SubscriptionId,
    sequence: i64,
    state: DeliveryState,
) -> Result<Option<EventRef>> {
    Ok(tx.row(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND sequence = ?2 AND state = ?3
         RETURNING sequence, event_id, type",
        (id, sequence, state),
    )?)
}

/// Delete the waiting events of facts after a position of a partition.
pub(crate) fn delete_waiting_after(
    tx: &mut Tx,
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

pub(crate) fn delete_waiting(tx: &mut Tx, id: SubscriptionId) -> Result<u64> {
    Ok(tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1 AND state = 'waiting'",
        (id,),
    )?)
}

pub(crate) fn delete(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM delivery WHERE namespace = ?ns AND subscription = ?1",
        (id,),
    )?;
    Ok(())
}
