//! Read subscriptions and their status.

use crate::error::Result;
use crate::state::Phase;
use crate::streams::Streams;
use crate::subscription::{Delivery, Subscription};
use crate::table::{cursor, delivery, progress, subscription};
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
    let row = streams
        .db
        .read(&principal.namespace, move |tx| subscription::find(tx, id))
        .await?;
    Ok(row.view())
}

/// List the subscriptions of the namespace by id; `page.after` is the last id of the previous page.
pub async fn subscriptions(
    streams: &Streams,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Subscription>> {
    let page = page.clone();
    let read = streams.db.read(&principal.namespace, move |tx| {
        subscription::list(
            tx,
            page.after.as_deref().unwrap_or_default(),
            page.limit,
            page.skip,
        )
    });
    Ok(read
        .await?
        .iter()
        .map(subscription::StoredSubscription::view)
        .collect())
}

/// Get the status of a subscription. Errors: `streams.unknown_subscription`.
pub async fn status(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Status> {
    let (limits, namespace, now) = (
        streams.limits,
        principal.namespace,
        streams.db.clock().now(),
    );
    let read = streams.db.read_unscoped(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.scoped(&namespace);
        let row = subscription::find(tx, id)?;
        let progress = progress::find(tx, id)?;
        let waiting = delivery::count(tx, id, "waiting", limits.backlog_per_subscription)?;
        let dead = delivery::count(tx, id, "dead", limits.dead_letters_per_subscription)?;
        let cursors = cursor::list(tx, id)?;
        Ok(build_status(
            &row,
            progress,
            waiting,
            dead,
            lag(&cursors, &heads),
            cursors,
            (now, i64::from(limits.dead_letters_per_subscription)),
        ))
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

#[allow(clippy::too_many_arguments)] // each is one column of the status
fn build_status(
    row: &subscription::StoredSubscription,
    progress: progress::SubscriptionProgress,
    waiting: i64,
    dead: i64,
    behind: i64,
    cursors: Vec<Cursor>,
    (now, dead_limit): (Time, i64),
) -> Status {
    let (state, why, remedy) = describe_state(row, &progress, waiting, dead >= dead_limit);
    let (attempts, next_attempt) = match progress.phase {
        Phase::Waiting { attempts, at, .. } => (attempts, Some(at.max(now))),
        Phase::Sending { attempts, .. } => (attempts, None),
        Phase::Ready | Phase::Held { .. } => (0, None),
    };
    Status {
        id: row.id,
        state,
        why,
        remedy,
        next_attempt,
        attempts,
        waiting,
        dead_letters: dead,
        delivered: progress.delivered,
        lag: behind,
        cursors,
        last_delivered: progress.last_delivered_at,
        last_error: progress.last_error,
        last_error_at: progress.last_error_at,
        consumer: progress.consumer,
    }
}

type StateDescription = (&'static str, Option<String>, Option<&'static str>);

fn describe_state(
    row: &subscription::StoredSubscription,
    progress: &progress::SubscriptionProgress,
    waiting: i64,
    is_full: bool,
) -> StateDescription {
    let last_error = || progress.last_error.clone();
    if row.suspended {
        let why = row
            .why
            .clone()
            .unwrap_or_else(|| "a caller suspended it".to_owned());
        return ("suspended", Some(why), Some("resume it"));
    }
    match progress.phase {
        Phase::Held { .. } if is_full => {
            let why = "it has reached its limit of dead letters".to_owned();
            (
                "held",
                Some(why),
                Some("retry or skip dead letters, then resume it"),
            )
        }
        Phase::Held { .. } => (
            "held",
            last_error(),
            Some("resume it to retry, or skip the event at which it is held"),
        ),
        Phase::Waiting { .. } => (
            "waiting",
            last_error(),
            Some("repair the receiver; resume it to retry immediately"),
        ),
        Phase::Sending { .. } => ("delivering", None, None),
        Phase::Ready if waiting == 0 => ("idle", None, None),
        Phase::Ready => match (&row.settings.delivery, &progress.consumer) {
            (Delivery::WebSocket { .. }, None) => (
                "waiting",
                Some("no consumer is connected".to_owned()),
                Some("connect to its WebSocket"),
            ),
            _ => ("delivering", None, None),
        },
    }
}
