//! `subscription_cursor`: the position of each subscription in each partition.

use crate::error::Result;
use store::{Cursor, Tx, UnscopedTx};
use types::{Namespace, SubscriptionId};

/// A position in a partition: all facts up to `seq` are read and, if there is a `continuation`, the
/// pages of the next fact before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) seq: i64,
    pub(crate) continuation: Option<String>,
}

impl Position {
    fn stored_continuation(&self) -> &str {
        self.continuation.as_deref().unwrap_or_default()
    }
}

/// A subscription that has not read a partition up to its head.
#[derive(Debug, Clone)]
pub(crate) struct Lagging {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) position: Position,
    /// The distance between the oldest waiting event and the newest.
    pub(crate) backlog: i64,
}

/// A cursor update; applies only if the subscription still has `version`.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
    pub(crate) from: Position,
    pub(crate) to: Position,
}

/// Insert the missing cursors of a shard's subscriptions for a partition, at its start.
pub(crate) fn join(tx: &mut UnscopedTx<'_, '_>, shard: u32, partition: &str) -> Result<u64> {
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
pub(crate) fn lagging(
    tx: &mut UnscopedTx<'_, '_>,
    shard: u32,
    partition: &str,
    head: i64,
) -> Result<Vec<Lagging>> {
    type Columns = (Namespace, SubscriptionId, i64, String, i64, Option<i64>);
    let rows: Vec<Columns> = tx.rows(
        "SELECT c.namespace, c.id, c.seq, c.continuation, p.next_sequence,
                (SELECT MIN(d.sequence) FROM delivery d
                  WHERE d.namespace = c.namespace AND d.subscription = c.id AND d.state = 'waiting')
           FROM subscription_cursor c
           JOIN subscription s ON s.namespace = c.namespace AND s.id = c.id
           JOIN subscription_progress p ON p.namespace = c.namespace AND p.id = c.id
          WHERE c.shard = ?1 AND c.partition = ?2 AND c.seq < ?3 AND s.suspended = 0
          ORDER BY c.seq, c.continuation, c.namespace, c.id",
        (shard, partition, head),
    )?;
    let read = |(namespace, id, seq, continuation, next, first): Columns| {
        let backlog = first.map_or(0, |first| next - first);
        let continuation = (!continuation.is_empty()).then_some(continuation);
        Lagging {
            namespace,
            id,
            position: Position { seq, continuation },
            backlog,
        }
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Advance the cursors that have not moved since they were read; returns their subscriptions.
pub(crate) fn advance(
    tx: &mut UnscopedTx<'_, '_>,
    partition: &str,
    moves: &[Move],
) -> Result<Vec<(Namespace, SubscriptionId)>> {
    let rows: Vec<_> = moves
        .iter()
        .map(|m| {
            (
                &m.namespace,
                m.id,
                m.version,
                m.from.seq,
                m.from.stored_continuation(),
                m.to.seq,
                m.to.stored_continuation(),
            )
        })
        .collect();
    Ok(tx.query_rows(
        "WITH n(namespace, id, version, old_seq, old_continuation, seq, continuation) AS ({rows})
         UPDATE subscription_cursor SET seq = n.seq, continuation = n.continuation FROM n
          WHERE subscription_cursor.namespace = n.namespace AND subscription_cursor.id = n.id
            AND subscription_cursor.partition = ?1
            AND subscription_cursor.seq = n.old_seq AND subscription_cursor.continuation = n.old_continuation
            AND EXISTS (SELECT 1 FROM subscription s
                         WHERE s.namespace = n.namespace AND s.id = n.id AND s.version = n.version AND s.suspended = 0)
         RETURNING subscription_cursor.namespace, subscription_cursor.id",
        (partition,),
        &rows,
    )?)
}

/// Insert or replace cursors of a subscription.
pub(crate) fn put(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    shard: u32,
    cursors: &[Cursor],
) -> Result<()> {
    let rows: Vec<_> = cursors
        .iter()
        .map(|cursor| (id, cursor.partition.as_str(), shard, cursor.seq, ""))
        .collect();
    tx.execute_rows(
        "INSERT INTO subscription_cursor (namespace, id, partition, shard, seq, continuation) {ns_rows}
         ON CONFLICT (namespace, id, partition) DO UPDATE SET seq = excluded.seq, continuation = excluded.continuation",
        (),
        &rows,
    )?;
    Ok(())
}

pub(crate) fn list(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<Vec<Cursor>> {
    let rows: Vec<(String, i64)> = tx.rows(
        "SELECT partition, seq FROM subscription_cursor WHERE namespace = ?ns AND id = ?1 ORDER BY partition",
        (id,),
    )?;
    Ok(rows
        .into_iter()
        .map(|(partition, seq)| Cursor { partition, seq })
        .collect())
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription_cursor WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}
