//! `subscription_cursor`: how far each subscription has read each partition.

use crate::error::Result;
use store::{Cursor, Tx, Unbound};
use types::{Namespace, SubscriptionId};

/// A place in a partition: all facts to `seq`, and of the next fact all but what `rest` finds again
/// (if there is any).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) seq: i64,
    pub(crate) rest: Option<String>,
}

impl Position {
    fn stored_rest(&self) -> &str {
        self.rest.as_deref().unwrap_or_default()
    }
}

/// A subscription that has not read a partition to its head.
#[derive(Debug, Clone)]
pub(crate) struct Behind {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) at: Position,
    /// How many events lie between the oldest that waits and the newest.
    pub(crate) backlog: i64,
}

/// A cursor that moves, of a subscription that is still of the version by which it was judged.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
    pub(crate) from: Position,
    pub(crate) to: Position,
}

/// Let all subscriptions of a shard that do not know a partition join it at its start.
pub(crate) fn join(tx: &mut Unbound<'_, '_>, shard: u32, partition: &str) -> Result<u64> {
    Ok(tx.execute(
        "INSERT INTO subscription_cursor (namespace, id, partition, shard, seq, rest)
         SELECT s.namespace, s.id, ?2, s.shard, 0, '' FROM subscription s
          WHERE s.shard = ?1 AND NOT EXISTS (SELECT 1 FROM subscription_cursor c
                 WHERE c.namespace = s.namespace AND c.id = s.id AND c.partition = ?2)",
        (shard, partition),
    )?)
}

/// The subscriptions of a shard that have something to read in a partition. Uses
/// `subscription_cursor_behind`.
pub(crate) fn behind(
    tx: &mut Unbound<'_, '_>,
    shard: u32,
    partition: &str,
    head: i64,
) -> Result<Vec<Behind>> {
    type Columns = (Namespace, SubscriptionId, i64, String, i64, Option<i64>);
    let rows: Vec<Columns> = tx.rows(
        "SELECT c.namespace, c.id, c.seq, c.rest, p.next_sequence,
                (SELECT MIN(d.sequence) FROM delivery d
                  WHERE d.namespace = c.namespace AND d.subscription = c.id AND d.state = 'waiting')
           FROM subscription_cursor c
           JOIN subscription s ON s.namespace = c.namespace AND s.id = c.id
           JOIN subscription_progress p ON p.namespace = c.namespace AND p.id = c.id
          WHERE c.shard = ?1 AND c.partition = ?2 AND c.seq < ?3 AND s.suspended = 0
          ORDER BY c.seq, c.rest, c.namespace, c.id",
        (shard, partition, head),
    )?;
    let read = |(namespace, id, seq, rest, next, first): Columns| {
        let backlog = first.map_or(0, |first| next - first);
        let rest = (!rest.is_empty()).then_some(rest);
        Behind {
            namespace,
            id,
            at: Position { seq, rest },
            backlog,
        }
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Move cursors that stand where they were read; those that did.
pub(crate) fn advance(
    tx: &mut Unbound<'_, '_>,
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
                m.from.stored_rest(),
                m.to.seq,
                m.to.stored_rest(),
            )
        })
        .collect();
    Ok(tx.query_rows(
        "WITH n(namespace, id, version, old_seq, old_rest, seq, rest) AS ({rows})
         UPDATE subscription_cursor SET seq = n.seq, rest = n.rest FROM n
          WHERE subscription_cursor.namespace = n.namespace AND subscription_cursor.id = n.id
            AND subscription_cursor.partition = ?1
            AND subscription_cursor.seq = n.old_seq AND subscription_cursor.rest = n.old_rest
            AND EXISTS (SELECT 1 FROM subscription s
                         WHERE s.namespace = n.namespace AND s.id = n.id AND s.version = n.version AND s.suspended = 0)
         RETURNING subscription_cursor.namespace, subscription_cursor.id",
        (partition,),
        &rows,
    )?)
}

/// Put cursors of a subscription to places.
pub(crate) fn put(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    shard: u32,
    cursors: &[Cursor],
) -> Result<()> {
    let rows: Vec<_> = cursors
        .iter()
        .map(|at| (id, at.partition.as_str(), shard, at.seq, ""))
        .collect();
    tx.execute_rows(
        "INSERT INTO subscription_cursor (namespace, id, partition, shard, seq, rest) {ns_rows}
         ON CONFLICT (namespace, id, partition) DO UPDATE SET seq = excluded.seq, rest = excluded.rest",
        (),
        &rows,
    )?;
    Ok(())
}

/// The cursors of a subscription.
pub(crate) fn of(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<Vec<Cursor>> {
    let rows: Vec<(String, i64)> = tx.rows(
        "SELECT partition, seq FROM subscription_cursor WHERE namespace = ?ns AND id = ?1 ORDER BY partition",
        (id,),
    )?;
    Ok(rows
        .into_iter()
        .map(|(partition, seq)| Cursor { partition, seq })
        .collect())
}

/// Delete the cursors of a subscription.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription_cursor WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}
