//! Read subscriptions and their status.

use crate::error::Result;
use crate::state::Phase;
use crate::streams::Streams;
use crate::subscription::Subscription;
use crate::table::cursor;
use crate::table::delivery::{self, DeliveryState};
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use serde::Serialize;
use store::Cursor;
use types::{Page, Principal, SubscriptionId, Time};

/// The delivery status of a subscription, with the reason and the remedy if it does not progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub id: SubscriptionId,
    /// `delivering`, `idle`, `waiting` for its next attempt, `held`, or `suspended`.
    pub state: &'static str,
    /// Why nothing is being delivered; `None` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the caller can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// Attempts of the current batch so far.
    pub attempts: u32,
    /// Waiting events, counted up to the backlog limit.
    pub waiting: i64,
    /// Dead letters, counted up to their limit.
    pub dead_letters: i64,
    /// Events delivered so far.
    pub delivered: i64,
    /// Unread facts of all partitions and namespaces.
    pub lag: i64,
    /// The positions in each partition, as `rewind` accepts them.
    pub cursors: Vec<Cursor>,
    pub last_delivered: Option<Time>,
    pub last_error: Option<String>,
    pub last_error_at: Option<Time>,
    /// The connection that has a WebSocket subscription open.
    pub consumer: Option<String>,
}

/// Get a subscription. Errors: `streams.unknown_subscription`.
pub async fn subscription(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    Ok(streams.find(principal, id).await?.into())
}

/// List the subscriptions of the namespace by id; `page.after` is the last id of the previous page.
pub async fn subscriptions(
    streams: &Streams,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Subscription>> {
    let after = page.after.clone().unwrap_or_default();
    let (limit, skip) = (page.limit, page.skip);
    let read = streams
        .db()
        .read_with(&principal.namespace, after, move |tx, after| {
            subscription::list(tx, after, limit, skip)
        });
    Ok(read.await?.into_iter().map(Subscription::from).collect())
}

/// Get the status of a subscription. Errors: `streams.unknown_subscription`.
pub async fn status(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Status> {
    let (limits, namespace, now) = (streams.limits, principal.namespace, streams.now());
    let read = streams.db().read_unscoped(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.scoped(&namespace);
        let state = Snapshot {
            row: subscription::find(tx, id)?,
            progress: progress::find(tx, id)?,
            waiting: delivery::count(
                tx,
                id,
                DeliveryState::Waiting,
                limits.backlog_per_subscription,
            )?,
            dead: delivery::count(
                tx,
                id,
                DeliveryState::Dead,
                limits.dead_letters_per_subscription,
            )?,
            dead_limit: i64::from(limits.dead_letters_per_subscription),
        };
        let cursors = cursor::list(tx, id)?;
        Ok(build_status(state, lag(&cursors, &heads), cursors, now))
    });
    read.await
}

fn lag(cursors: &[Cursor], heads: &[Cursor]) -> i64 {
    let position = |partition: &str| {
        cursors
            .iter()
            .find(|cursor| cursor.partition == partition)
            .map_or(0, |cursor| cursor.seq)
    };
    heads
        .iter()
        .map(|head| (head.seq - position(&head.partition)).max(0))
        .sum()
}

/// A subscription as it is in the tables.
struct Snapshot {
    row: StoredSubscription,
    progress: SubscriptionProgress,
    waiting: i64,
    dead: i64,
    /// The number of dead letters at which it is held.
    dead_limit: i64,
}

fn build_status(snapshot: Snapshot, lag: i64, cursors: Vec<Cursor>, now: Time) -> Status {
    let StateDescription { state, why, remedy } = snapshot.describe();
    let progress = snapshot.progress;
    let phase = progress.phase();
    let next_attempt = match phase {
        Phase::Waiting { at, .. } => Some(at.max(now)),
        Phase::Ready | Phase::Sending { .. } | Phase::Held { .. } => None,
    };
    Status {
        id: snapshot.row.id,
        state,
        why,
        remedy,
        next_attempt,
        attempts: phase.attempts(),
        waiting: snapshot.waiting,
        dead_letters: snapshot.dead,
        delivered: progress.delivered,
        lag,
        cursors,
        last_delivered: progress.last_delivered_at,
        last_error: progress.last_error,
        last_error_at: progress.last_error_at,
        consumer: progress.consumer,
    }
}

struct StateDescription {
    state: &'static str,
    why: Option<String>,
    remedy: Option<&'static str>,
}

impl Snapshot {
    fn describe(&self) -> StateDescription {
        let last_error = || self.progress.last_error.clone();
        if self.row.suspended {
            let why = self.row.why.as_deref().unwrap_or("a caller suspended it");
            return blocked("suspended", Some(why.to_owned()), "resume it");
        }
        match self.progress.phase() {
            Phase::Held { .. } if self.dead >= self.dead_limit => blocked(
                "held",
                Some("it has reached its limit of dead letters".to_owned()),
                "retry or skip dead letters, then resume it",
            ),
            Phase::Held { .. } => blocked(
                "held",
                last_error(),
                "resume it to retry, or skip the event at which it is held",
            ),
            Phase::Waiting { .. } => blocked(
                "waiting",
                last_error(),
                "repair the receiver; resume it to retry immediately",
            ),
            Phase::Sending { .. } => unblocked("delivering"),
            Phase::Ready if self.waiting == 0 => unblocked("idle"),
            Phase::Ready if self.lacks_consumer() => blocked(
                "waiting",
                Some("no consumer is connected".to_owned()),
                "connect to its WebSocket",
            ),
            Phase::Ready => unblocked("delivering"),
        }
    }

    fn lacks_consumer(&self) -> bool {
        !self.row.pushes && self.progress.consumer.is_none()
    }
}

fn blocked(state: &'static str, why: Option<String>, remedy: &'static str) -> StateDescription {
    StateDescription {
        state,
        why,
        remedy: Some(remedy),
    }
}

fn unblocked(state: &'static str) -> StateDescription {
    StateDescription {
        state,
        why: None,
        remedy: None,
    }
}
