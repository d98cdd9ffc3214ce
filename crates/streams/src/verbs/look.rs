//! Look: what there is, and how it goes.

use crate::error::Result;
use crate::state::Phase;
use crate::streams::Streams;
use crate::subscription::{Delivery, Subscription};
use crate::table::{cursor, delivery, progress, subscription};
use serde::Serialize;
use store::Cursor;
use types::{Page, Principal, SubscriptionId, Time};

/// How a subscription goes: what happened, why it waits, what comes next, what can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The subscription.
    pub id: SubscriptionId,
    /// `delivering`, `idle`, `waiting` for its next attempt, `held`, or `suspended`.
    pub state: &'static str,
    /// Why it does not go on; none while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// Attempts that the batch under way had so far.
    pub attempts: u32,
    /// Events that wait to be delivered; counted up to the limit of the backlog.
    pub waiting: i64,
    /// Dead letters; counted up to their limit.
    pub dead: i64,
    /// Events delivered in all.
    pub delivered: i64,
    /// Facts not yet looked at, of all partitions, whoever they concern.
    pub behind: i64,
    /// How far it has read; what `rewind` takes.
    pub cursors: Vec<Cursor>,
    /// When something was last delivered.
    pub last_delivered: Option<Time>,
    /// What the last failure was.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Time>,
    /// The connection that fetches, of a WebSocket.
    pub consumer: Option<String>,
}

/// A subscription. Errors: `streams.unknown_subscription`.
pub async fn subscription(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    let row = streams
        .db
        .read(&who.namespace, move |tx| subscription::find(tx, id))
        .await?;
    Ok(row.shown())
}

/// The subscriptions of the namespace, by id; `page.after` is the id of the last one seen.
pub async fn subscriptions(
    streams: &Streams,
    who: &Principal,
    page: &Page,
) -> Result<Vec<Subscription>> {
    let page = page.clone();
    let read = streams.db.read(&who.namespace, move |tx| {
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
        .map(subscription::Stored::shown)
        .collect())
}

/// How a subscription goes. Errors: `streams.unknown_subscription`.
pub async fn status(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Status> {
    let (limits, namespace, now) = (
        streams.limits,
        who.namespace.clone(),
        streams.db.clock().now(),
    );
    let read = streams.db.read_unbound(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.bound(&namespace);
        let row = subscription::find(tx, id)?;
        let progress = progress::find(tx, id)?;
        let waiting = delivery::count(tx, id, "waiting", limits.backlog)?;
        let dead = delivery::count(tx, id, "dead", limits.dead)?;
        let cursors = cursor::of(tx, id)?;
        Ok(judge(
            &row,
            progress,
            waiting,
            dead,
            behind(&cursors, &heads),
            cursors,
            (now, i64::from(limits.dead)),
        ))
    });
    read.await
}

fn behind(cursors: &[Cursor], heads: &[Cursor]) -> i64 {
    let read = |partition: &str| {
        cursors
            .iter()
            .find(|at| at.partition == partition)
            .map_or(0, |at| at.seq)
    };
    heads
        .iter()
        .map(|head| (head.seq - read(&head.partition)).max(0))
        .sum()
}

#[allow(clippy::too_many_arguments)] // one row of a table that is read once
fn judge(
    row: &subscription::Stored,
    progress: progress::Progress,
    waiting: i64,
    dead: i64,
    behind: i64,
    cursors: Vec<Cursor>,
    (now, dead_limit): (Time, i64),
) -> Status {
    let (state, why, remedy) = condition(row, &progress, waiting, dead >= dead_limit);
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
        dead,
        delivered: progress.delivered,
        behind,
        cursors,
        last_delivered: progress.last_delivered_at,
        last_error: progress.last_error,
        last_error_at: progress.last_error_at,
        consumer: progress.consumer,
    }
}

type Condition = (&'static str, Option<String>, Option<&'static str>);

fn condition(
    row: &subscription::Stored,
    progress: &progress::Progress,
    waiting: i64,
    is_full: bool,
) -> Condition {
    let last = || progress.last_error.clone();
    if row.suspended {
        let why = row
            .why
            .clone()
            .unwrap_or_else(|| "somebody suspended it".to_owned());
        return ("suspended", Some(why), Some("resume it"));
    }
    match progress.phase {
        Phase::Held { .. } if is_full => {
            let why = "it has as many dead letters as it may".to_owned();
            (
                "held",
                Some(why),
                Some("retry or skip dead letters, then resume it"),
            )
        }
        Phase::Held { .. } => (
            "held",
            last(),
            Some("resume it to try again, or skip the event it holds at"),
        ),
        Phase::Waiting { .. } => (
            "waiting",
            last(),
            Some("repair the receiver; resume it to try at once"),
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
