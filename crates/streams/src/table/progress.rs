//! `subscription_progress`: the delivery state of each subscription.

use crate::error::{Error, Result};
use crate::state::{Batch, Phase};
use store::{FromRow, Row, Tx, UnscopedTx};
use types::{Namespace, SubscriptionId, Time};

#[derive(Debug, Clone)]
pub(crate) struct SubscriptionProgress {
    /// Incremented by each rewind; outcomes of batches of earlier generations are ignored.
    pub(crate) generation: i64,
    pub(crate) phase: Phase,
    /// The process that sends the batch; empty if none does.
    pub(crate) holder: String,
    pub(crate) delivered: i64,
    pub(crate) last_delivered_at: Option<Time>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at: Option<Time>,
    /// The WebSocket connection that has the subscription open.
    pub(crate) consumer: Option<String>,
}

/// A subscription whose next batch can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
}

const COLUMNS: &str = "generation, phase, batch_first, batch_last, attempts, next_at, holder, delivered, \
                       last_delivered_at, last_error, last_error_at, consumer";

/// The columns of a phase: name, batch, attempts, time.
fn columns(phase: Phase, now: Time) -> (&'static str, Batch, u32, Time) {
    let none = Batch { first: 0, last: 0 };
    let at = phase.due(now);
    match phase {
        Phase::Ready => ("ready", none, 0, at),
        Phase::Waiting {
            batch, attempts, ..
        } => ("waiting", batch, attempts, at),
        Phase::Sending {
            batch, attempts, ..
        } => ("sending", batch, attempts, at),
        Phase::Held { batch } => ("held", batch, 0, at),
    }
}

fn phase(name: &str, batch: Batch, attempts: u32, at: Time) -> Result<Phase> {
    match name {
        "ready" => Ok(Phase::Ready),
        "waiting" => Ok(Phase::Waiting {
            batch,
            attempts,
            at,
        }),
        "sending" => Ok(Phase::Sending {
            batch,
            attempts,
            until: at,
        }),
        "held" => Ok(Phase::Held { batch }),
        _ => Err(store::Error::UnexpectedValue {
            column: "phase",
            found: "other text",
            expected: "a phase",
        }
        .into()),
    }
}

impl SubscriptionProgress {
    fn read(row: Row) -> Result<Self> {
        type Columns = (
            i64,
            String,
            i64,
            i64,
            u32,
            Time,
            String,
            i64,
            Option<Time>,
            Option<String>,
            Option<Time>,
            Option<String>,
        );
        let (
            generation,
            name,
            first,
            last,
            attempts,
            at,
            holder,
            delivered,
            done,
            error,
            failed,
            consumer,
        ) = Columns::from_row(row)?;
        let phase = phase(&name, Batch { first, last }, attempts, at)?;
        Ok(Self {
            generation,
            phase,
            holder,
            delivered,
            last_delivered_at: done,
            last_error: error,
            last_error_at: failed,
            consumer,
        })
    }
}

pub(crate) fn insert(tx: &mut Tx<'_, '_>, id: SubscriptionId, shard: u32) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO subscription_progress (namespace, id, shard, generation, next_sequence, phase, batch_first, batch_last,
                                            attempts, next_at, holder, delivered)
         VALUES (?ns, ?1, ?2, 1, 1, 'ready', 0, 0, 0, ?3, '', 0)",
        (id, shard, now),
    )?;
    Ok(())
}

pub(crate) fn find(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<SubscriptionProgress> {
    let sql =
        format!("SELECT {COLUMNS} FROM subscription_progress WHERE namespace = ?ns AND id = ?1");
    let row: Option<Row> = tx.row(&sql, (id,))?;
    row.map_or(
        Err(Error::UnknownSubscription { id }),
        SubscriptionProgress::read,
    )
}

/// Update a row that was read in this transaction, except `next_sequence`.
pub(crate) fn save(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    progress: &SubscriptionProgress,
) -> Result<()> {
    let now = tx.now();
    let (phase, batch, attempts, at) = columns(progress.phase, now);
    tx.execute(
        "UPDATE subscription_progress SET generation = ?2, phase = ?3, batch_first = ?4, batch_last = ?5, attempts = ?6,
                next_at = ?7, holder = ?8, delivered = ?9, last_delivered_at = ?10, last_error = ?11, last_error_at = ?12,
                consumer = ?13
          WHERE namespace = ?ns AND id = ?1",
        (
            id,
            progress.generation,
            phase,
            batch.first,
            batch.last,
            attempts,
            at,
            &progress.holder,
            progress.delivered,
            progress.last_delivered_at,
            &progress.last_error,
            progress.last_error_at,
            &progress.consumer,
        ),
    )?;
    Ok(())
}

/// Reserve sequences for `count` events; returns the first.
pub(crate) fn reserve_sequences(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
    count: i64,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "UPDATE subscription_progress SET next_sequence = next_sequence + ?2 WHERE namespace = ?ns AND id = ?1
         RETURNING next_sequence",
        (id, count),
    )?;
    row.map_or(Err(Error::UnknownSubscription { id }), |(next,)| {
        Ok(next - count)
    })
}

/// Reserve sequences for many subscriptions; returns for each the sequence after its last one.
pub(crate) fn reserve_all(
    tx: &mut UnscopedTx<'_, '_>,
    counts: &[(&Namespace, SubscriptionId, i64)],
) -> Result<Vec<(SubscriptionId, i64)>> {
    Ok(tx.query_rows(
        "WITH n(namespace, id, count) AS ({rows})
         UPDATE subscription_progress SET next_sequence = subscription_progress.next_sequence + n.count FROM n
          WHERE subscription_progress.namespace = n.namespace AND subscription_progress.id = n.id
         RETURNING subscription_progress.id, subscription_progress.next_sequence",
        (),
            counts,
    )?)
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription_progress WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// Webhooks of a shard whose next batch can be sent, longest due first. With `sole`, batches that
/// another process was sending are due as well: that process is known to be dead. Uses indexes
/// `subscription_due` and `delivery_state`.
pub(crate) fn due(
    tx: &mut UnscopedTx<'_, '_>,
    shard: u32,
    holder: &str,
    sole: bool,
    limit: u32,
) -> Result<Vec<Due>> {
    let now = tx.now();
    let rows: Vec<(Namespace, SubscriptionId)> = tx.rows(
        "SELECT p.namespace, p.id FROM subscription_progress p
           JOIN subscription s ON s.namespace = p.namespace AND s.id = p.id
          WHERE p.shard = ?1 AND (p.next_at <= ?2 OR (p.phase = 'sending' AND p.holder <> ?3 AND ?4 = 1))
            AND p.phase <> 'held' AND s.kind = 'webhook' AND s.suspended = 0
            AND EXISTS (SELECT 1 FROM delivery d
                         WHERE d.namespace = p.namespace AND d.subscription = p.id AND d.state = 'waiting')
          ORDER BY p.next_at, p.namespace, p.id LIMIT ?5",
        (shard, now, holder, sole, limit),
    )?;
    Ok(rows
        .into_iter()
        .map(|(namespace, id)| Due { namespace, id })
        .collect())
}

/// When the next retry or expired claim of a shard is due.
pub(crate) fn next_due(tx: &mut UnscopedTx<'_, '_>, shard: u32) -> Result<Option<Time>> {
    let row: Option<(Option<Time>,)> = tx.row(
        "SELECT MIN(next_at) FROM subscription_progress WHERE shard = ?1 AND phase IN ('waiting', 'sending')",
        (shard,),
    )?;
    Ok(row.and_then(|(at,)| at))
}
