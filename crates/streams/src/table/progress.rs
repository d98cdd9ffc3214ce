//! `subscription_progress`: the delivery state of each subscription.

use crate::error::{Error, Result};
use crate::state::{Batch, Phase};
use store::{
    Columns, Group, Record as _, ScopedTable as _, Tx, UnscopedTx, Value, ValueKind, params,
};
use types::{Namespace, SubscriptionId, Time};

#[derive(Debug, Clone, store::Record)]
#[record(table = "subscription_progress")]
pub(crate) struct SubscriptionProgress {
    #[record(key)]
    id: SubscriptionId,
    shard: u32,
    /// Incremented by each rewind; outcomes of batches of earlier generations are ignored.
    #[record(update)]
    pub(crate) generation: i64,
    /// Changed only by [`reserve_sequences`] and [`reserve_all`].
    next_sequence: i64,
    #[record(
        update,
        columns("phase", "batch_first", "batch_last", "attempts", "next_at")
    )]
    stage: Stage,
    /// The process that sends the batch; empty if none does.
    #[record(update)]
    pub(crate) holder: String,
    #[record(update)]
    pub(crate) delivered: i64,
    #[record(update)]
    pub(crate) last_delivered_at: Option<Time>,
    #[record(update)]
    pub(crate) last_error: Option<String>,
    #[record(update)]
    pub(crate) last_error_at: Option<Time>,
    /// The WebSocket connection that has the subscription open.
    #[record(update)]
    pub(crate) consumer: Option<String>,
}

/// A phase, and when the worker can next act on it.
#[derive(Debug, Clone, Copy)]
struct Stage {
    phase: Phase,
    next_at: Time,
}

#[derive(Debug, Clone, Copy, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum PhaseName {
    Ready,
    Waiting,
    Sending,
    Held,
}

store::text_columns! { PhaseName }

impl Group for Stage {
    const KINDS: &'static [ValueKind] = &[
        ValueKind::Text,
        ValueKind::Int,
        ValueKind::Int,
        ValueKind::Int,
        ValueKind::Int,
    ];

    fn read(columns: &mut Columns) -> store::Result<Self> {
        let name: PhaseName = columns.take()?;
        let batch = Batch {
            first: columns.take()?,
            last: columns.take()?,
        };
        let attempts = columns.take()?;
        let next_at = columns.take()?;
        let phase = match name {
            PhaseName::Ready => Phase::Ready,
            PhaseName::Waiting => Phase::Waiting {
                batch,
                attempts,
                at: next_at,
            },
            PhaseName::Sending => Phase::Sending {
                batch,
                attempts,
                until: next_at,
            },
            PhaseName::Held => Phase::Held { batch },
        };
        Ok(Self { phase, next_at })
    }

    fn write<'v>(&'v self, to: &mut Vec<Value<'v>>) {
        let name: &'static str = match self.phase {
            Phase::Ready => PhaseName::Ready,
            Phase::Waiting { .. } => PhaseName::Waiting,
            Phase::Sending { .. } => PhaseName::Sending,
            Phase::Held { .. } => PhaseName::Held,
        }
        .into();
        let batch = self.phase.batch().unwrap_or(Batch { first: 0, last: 0 });
        to.push(Value::Text(name.into()));
        to.push(Value::Int(batch.first));
        to.push(Value::Int(batch.last));
        to.push(Value::Int(self.phase.attempts().into()));
        to.push(Value::Int(self.next_at.micros()));
    }
}

/// A subscription whose next batch can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, store::Record)]
pub(crate) struct Due {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
}

/// The number of events that a subscription gets.
#[derive(Debug, Clone, Copy, store::Record)]
pub(crate) struct Reservation {
    pub(crate) namespace: Namespace,
    pub(crate) id: SubscriptionId,
    pub(crate) count: i64,
}

impl SubscriptionProgress {
    /// The progress of a new subscription.
    pub(crate) fn new(id: SubscriptionId, shard: u32, now: Time) -> Self {
        Self {
            id,
            shard,
            generation: 1,
            next_sequence: 1,
            stage: Stage {
                phase: Phase::Ready,
                next_at: now,
            },
            holder: String::new(),
            delivered: 0,
            last_delivered_at: None,
            last_error: None,
            last_error_at: None,
            consumer: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.stage.phase
    }

    pub(crate) fn enter(&mut self, phase: Phase, now: Time) {
        self.stage = Stage {
            phase,
            next_at: phase.due(now),
        };
    }

    pub(crate) fn fail(&mut self, why: &str, now: Time) {
        self.last_error = Some(why.to_owned());
        self.last_error_at = Some(now);
    }

    /// Update the row, which was read in this transaction.
    pub(crate) fn save(&self, tx: &mut Tx) -> Result<()> {
        self.update(tx)?;
        Ok(())
    }
}

pub(crate) fn insert(tx: &mut Tx, progress: SubscriptionProgress) -> Result<()> {
    SubscriptionProgress::insert(tx, &[progress], "")?;
    Ok(())
}

pub(crate) fn find(tx: &mut Tx, id: SubscriptionId) -> Result<SubscriptionProgress> {
    let sql = SubscriptionProgress::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))?
        .ok_or(Error::UnknownSubscription { id })
}

/// Reserve sequences for `count` events; returns the first.
pub(crate) fn reserve_sequences(tx: &mut Tx, id: SubscriptionId, count: i64) -> Result<i64> {
    let next: Option<i64> = tx.value(
        "UPDATE subscription_progress SET next_sequence = next_sequence + ?2 WHERE namespace = ?ns AND id = ?1
         RETURNING next_sequence",
        (id, count),
    )?;
    next.map_or(Err(Error::UnknownSubscription { id }), |next| {
        Ok(next - count)
    })
}

/// Reserve sequences for many subscriptions; returns for each the sequence after its last one.
pub(crate) fn reserve_all(
    tx: &mut UnscopedTx,
    reservations: &[Reservation],
) -> Result<Vec<(SubscriptionId, i64)>> {
    Ok(tx.query_rows(
        "WITH n(namespace, id, count) AS ({rows})
         UPDATE subscription_progress SET next_sequence = subscription_progress.next_sequence + n.count FROM n
          WHERE subscription_progress.namespace = n.namespace AND subscription_progress.id = n.id
         RETURNING subscription_progress.id, subscription_progress.next_sequence",
        (),
        reservations,
    )?)
}

pub(crate) fn delete(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription_progress WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// Pushing subscriptions of a shard whose next batch can be sent, longest due first. With `sole`,
/// batches that another process was sending are due as well: that process is known to be dead. Uses
/// indexes `subscription_due` and `delivery_state`.
pub(crate) fn due(
    tx: &mut UnscopedTx,
    shard: u32,
    holder: &str,
    sole: bool,
    limit: u32,
) -> Result<Vec<Due>> {
    let now = tx.now();
    Ok(tx.rows(
        "SELECT p.namespace, p.id FROM subscription_progress p
           JOIN subscription s ON s.namespace = p.namespace AND s.id = p.id
          WHERE p.shard = ?shard AND (p.next_at <= ?now OR (p.phase = 'sending' AND p.holder <> ?holder AND ?sole = 1))
            AND p.phase <> 'held' AND s.pushes = 1 AND s.suspended = 0
            AND EXISTS (SELECT 1 FROM delivery d
                         WHERE d.namespace = p.namespace AND d.subscription = p.id AND d.state = 'waiting')
          ORDER BY p.next_at, p.namespace, p.id LIMIT ?limit",
        params! { shard, now, holder, sole, limit },
    )?)
}

/// When the next retry or expired claim of a shard is due.
pub(crate) fn next_due(tx: &mut UnscopedTx, shard: u32) -> Result<Option<Time>> {
    Ok(tx.value(
        "SELECT MIN(next_at) FROM subscription_progress WHERE shard = ?1 AND phase IN ('waiting', 'sending')",
        (shard,),
    )?)
}
