//! `subscription_cursor`: the position of each subscription in each partition.

use crate::error::Result;
use store::{Columns, Cursor, Group, ScopedTable as _, Tx, UnscopedTx, Value, ValueKind, params};
use types::{Namespace, SubscriptionId};

#[derive(Debug, store::Record)]
#[record(table = "subscription_cursor")]
struct SubscriptionCursor {
    #[record(key)]
    id: SubscriptionId,
    #[record(key)]
    partition: String,
    shard: u32,
    #[record(update, columns("seq", "continuation"))]
    position: Position,
}

/// A position in a partition: all facts up to `seq` are read and, if there is a `continuation`, the
/// pages of the next fact before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) seq: i64,
    /// Stored as an empty text if there is none, so that it can be compared.
    pub(crate) continuation: Option<String>,
}

impl Position {
    fn stored_continuation(&self) -> &str {
        self.continuation.as_deref().unwrap_or_default()
    }
}

impl Group for Position {
    const KINDS: &'static [ValueKind] = &[ValueKind::Int, ValueKind::Text];

    fn read(columns: &mut Columns) -> store::Result<Self> {
        let seq = columns.take()?;
        let continuation: String = columns.take()?;
        Ok(Self {
            seq,
            continuation: Some(continuation).filter(|text| !text.is_empty()),
        })
    }

    fn write<'v>(&'v self, to: &mut Vec<Value<'v>>) {
        to.push(Value::Int(self.seq));
        to.push(Value::Text(self.stored_continuation().into()));
    }
}

/// A subscription that has not read a partition up to its head.
#[derive(Debug, store::Record)]
pub(crate) struct Lagging {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    #[record(columns("seq", "continuation"))]
    pub(crate) position: Position,
    next_sequence: i64,
    first_waiting: Option<i64>,
}

impl Lagging {
    /// The distance between the oldest waiting event and the newest.
    pub(crate) fn backlog(&self) -> i64 {
        self.first_waiting
            .map_or(0, |first| self.next_sequence - first)
    }
}

/// A cursor update; applies only if the subscription still has `version`.
#[derive(Debug, store::Record)]
pub(crate) struct Move {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
}

/// Insert the missing cursors of a shard's subscriptions for a partition, at its start.
pub(crate) fn join(tx: &mut UnscopedTx, shard: u32, partition: &str) -> Result<u64> {
    Ok(tx.execute(
        "INSERT INTO subscription_cursor (namespace, id, partition, shard, seq, continuation)
         SELECT s.namespace, s.id, ?2, s.shard, 0, '' FROM subscription s
          WHERE s.shard = ?1 AND NOT EXISTS (SELECT 1 FROM subscription_cursor c
                 WHERE c.namespace = s.namespace AND c.id = s.id AND c.partition = ?2)",
        (shard, partition),
    )?)
}

/// The subscriptions of a shard that have not read a partition up to its head. Uses index
/// `subscription_cursor_lag`.
pub(crate) fn lagging(tx: &mut UnscopedTx, shard: u32, head: &Cursor) -> Result<Vec<Lagging>> {
    Ok(tx.rows(
        "SELECT c.namespace, c.id, c.seq, c.continuation, p.next_sequence,
                (SELECT MIN(d.sequence) FROM delivery d
                  WHERE d.namespace = c.namespace AND d.subscription = c.id AND d.state = 'waiting') AS first_waiting
           FROM subscription_cursor c
           JOIN subscription s ON s.namespace = c.namespace AND s.id = c.id
           JOIN subscription_progress p ON p.namespace = c.namespace AND p.id = c.id
          WHERE c.shard = ?1 AND c.partition = ?2 AND c.seq < ?3 AND s.suspended = 0
          ORDER BY c.seq, c.continuation, c.namespace, c.id",
        (shard, &head.partition, head.seq),
    )?)
}

/// Advance the cursors that have not moved from `from`; returns their subscriptions.
pub(crate) fn advance(
    tx: &mut UnscopedTx,
    partition: &str,
    moves: &[Move],
    from: &Position,
    to: &Position,
) -> Result<Vec<SubscriptionId>> {
    let moved: Vec<(SubscriptionId,)> = tx.query_rows(
        "WITH n(namespace, id, version) AS ({rows})
         UPDATE subscription_cursor SET seq = ?seq, continuation = ?continuation FROM n
          WHERE subscription_cursor.namespace = n.namespace AND subscription_cursor.id = n.id
            AND subscription_cursor.partition = ?partition
            AND subscription_cursor.seq = ?from_seq AND subscription_cursor.continuation = ?from_continuation
            AND EXISTS (SELECT 1 FROM subscription s
                         WHERE s.namespace = n.namespace AND s.id = n.id AND s.version = n.version AND s.suspended = 0)
         RETURNING subscription_cursor.id",
        params! {
            partition,
            from_seq: from.seq,
            from_continuation: from.stored_continuation(),
            seq: to.seq,
            continuation: to.stored_continuation(),
        },
        moves,
    )?;
    Ok(moved.into_iter().map(|(id,)| id).collect())
}

/// Insert or replace cursors of a subscription.
pub(crate) fn put(tx: &mut Tx, id: SubscriptionId, shard: u32, cursors: Vec<Cursor>) -> Result<()> {
    let row = |cursor: Cursor| SubscriptionCursor {
        id,
        partition: cursor.partition,
        shard,
        position: Position {
            seq: cursor.seq,
            continuation: None,
        },
    };
    let rows: Vec<SubscriptionCursor> = cursors.into_iter().map(row).collect();
    SubscriptionCursor::upsert(tx, &rows)?;
    Ok(())
}

pub(crate) fn list(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<Cursor>> {
    let rows: Vec<(String, i64)> = tx.rows(
        "SELECT partition, seq FROM subscription_cursor WHERE namespace = ?ns AND id = ?1 ORDER BY partition",
        (id,),
    )?;
    Ok(rows
        .into_iter()
        .map(|(partition, seq)| Cursor { partition, seq })
        .collect())
}

pub(crate) fn delete(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription_cursor WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}
