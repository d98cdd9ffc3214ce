//! The delivery status of subscriptions.

use crate::engine::Streams;
use crate::error::Result;
use crate::state::Phase;
use crate::subscription::cursor_text;
use crate::table::cursor;
use crate::table::delivery::{self, DeliveryState};
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use serde::Serialize;
use store::Cursor;
use types::{Principal, SubscriptionId, Time};
use utoipa::ToSchema;

/// The status of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionStatus)]
pub struct Status {
    pub id: SubscriptionId,
    /// The state: `delivering`, `idle`, `waiting` for the next attempt, `held` or `suspended`.
    pub state: &'static str,
    /// Why the subscription is blocked. Absent while it is not.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How to unblock the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// The number of attempts of the current batch so far.
    pub attempts: u32,
    /// The number of events queued for delivery, counted up to the backlog limit.
    pub waiting: i64,
    /// The number of dead letters, counted up to their limit.
    pub dead_letters: i64,
    /// The total number of events delivered.
    pub delivered: i64,
    /// The number of facts that are not read yet.
    pub unread_facts: i64,
    /// How far the subscription has read, as cursors for a rewind.
    pub cursors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<Time>,
    /// The current WebSocket connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
}

/// Get the status of a subscription. Errors: `streams.unknown_subscription`.
pub async fn status(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Status> {
    let (settings, namespace) = (streams.settings, principal.namespace);
    let read = streams.db().read_unscoped(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.scoped(&namespace);
        let row = subscription::find(tx, id)?;
        let progress = progress::find(tx, id)?;
        let mut count = |state, limit| delivery::count(tx, id, state, limit);
        let waiting = count(DeliveryState::Waiting, settings.backlog_per_subscription)?;
        let dead_limit = settings.dead_letters_per_subscription;
        let dead_letters = count(DeliveryState::Dead, dead_limit)?;
        let phase = progress.phase();
        let is_full = dead_letters >= i64::from(dead_limit);
        let StateDescription { state, why, remedy } = describe(&row, &progress, waiting, is_full);
        let cursors = cursor::list(tx, id)?;
        Ok(Status {
            id,
            state,
            why,
            remedy,
            next_attempt: match phase {
                Phase::Waiting { at, .. } => Some(at.max(tx.now())),
                Phase::Ready | Phase::Sending { .. } | Phase::Held { .. } => None,
            },
            attempts: phase.attempts(),
            waiting,
            dead_letters,
            delivered: progress.delivered,
            unread_facts: count_unread(&cursors, &heads),
            cursors: cursors.iter().map(cursor_text).collect(),
            last_delivered: progress.last_delivered_at,
            last_error: progress.last_error,
            last_error_at: progress.last_error_at,
            consumer: progress.consumer,
        })
    });
    read.await
}

fn count_unread(cursors: &[Cursor], heads: &[Cursor]) -> i64 {
    let unread = |head: &Cursor| {
        let cursor = (cursors.iter()).find(|cursor| cursor.partition == head.partition);
        (head.seq - cursor.map_or(0, |cursor| cursor.seq)).max(0)
    };
    heads.iter().map(unread).sum()
}

struct StateDescription {
    state: &'static str,
    why: Option<String>,
    remedy: Option<&'static str>,
}

/// The state and, if nothing is delivered, why and what to do. `is_full`: it has reached its
/// limit of dead letters.
fn describe(
    row: &StoredSubscription,
    progress: &SubscriptionProgress,
    waiting: i64,
    is_full: bool,
) -> StateDescription {
    let blocked = |state, why: &str, remedy| StateDescription {
        state,
        why: Some(why.to_owned()),
        remedy: Some(remedy),
    };
    let failed = |state, remedy| StateDescription {
        state,
        why: progress.last_error.clone(),
        remedy: Some(remedy),
    };
    let unblocked = |state| StateDescription {
        state,
        why: None,
        remedy: None,
    };
    if row.suspended {
        let why = row.why.as_deref().unwrap_or("a caller suspended it");
        return blocked("suspended", why, "resume it");
    }
    match progress.phase() {
        Phase::Held { .. } if is_full => blocked(
            "held",
            "it has reached its limit of dead letters",
            "retry or skip dead letters, then resume it",
        ),
        Phase::Held { .. } => failed(
            "held",
            "resume it to retry, or skip the event at which it is held",
        ),
        Phase::Waiting { .. } => failed(
            "waiting",
            "repair the receiver; resume it to retry immediately",
        ),
        Phase::Ready if waiting == 0 => unblocked("idle"),
        Phase::Ready if !row.pushes && progress.consumer.is_none() => blocked(
            "waiting",
            "no consumer is connected",
            "connect to its WebSocket",
        ),
        Phase::Ready | Phase::Sending { .. } => unblocked("delivering"),
    }
}
