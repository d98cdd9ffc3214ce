//! Subscriptions as they are shown. Values of headers and secrets never are, but for a new secret,
//! once.

use super::new::{Delivery, Filter, OnError, RetryRule};
use serde::Serialize;
use types::{SubscriptionId, Time};
use utoipa::ToSchema;

/// What an application wants to be told, and how.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    id: SubscriptionId,
    name: String,
    filter: Filter,
    /// Values of headers are left empty.
    delivery: Delivery,
    retry: RetryRule,
    on_error: OnError,
    /// Nothing is read or sent while it is.
    suspended: bool,
    /// Why it is suspended, where Florin did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    created: Time,
    updated: Time,
    version: i64,
}

impl From<streams::Subscription> for Subscription {
    fn from(one: streams::Subscription) -> Self {
        Self {
            id: one.id,
            name: one.name,
            filter: one.filter.into(),
            delivery: one.delivery.into(),
            retry: one.retry.into(),
            on_error: one.on_error.into(),
            suspended: one.suspended,
            why: one.why,
            created: one.created,
            updated: one.updated,
            version: one.version,
        }
    }
}

/// A subscription that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedSubscription {
    subscription: Subscription,
    /// What signs its webhooks, never to be seen again; absent where nothing is signed, and in a
    /// repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SigningSecret>,
}

impl From<streams::Created> for CreatedSubscription {
    fn from(created: streams::Created) -> Self {
        Self {
            subscription: created.subscription.into(),
            secret: created.secret.map(SigningSecret::from),
        }
    }
}

/// A secret as it is handed out, once.
#[derive(Serialize, ToSchema)]
pub(super) struct SigningSecret {
    id: String,
    /// The key of the HMAC, as it stands.
    secret: String,
}

impl From<streams::NewSecret> for SigningSecret {
    fn from(new: streams::NewSecret) -> Self {
        Self {
            id: new.id.clone(),
            secret: new.secret.clone(),
        }
    }
}

/// A secret that signs now, without its text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveSecret {
    id: String,
    created: Time,
    /// When it signs no more; absent while nothing is to replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
}

impl From<streams::SecretInfo> for LiveSecret {
    fn from(info: streams::SecretInfo) -> Self {
        Self {
            id: info.id,
            created: info.created,
            not_after: info.not_after,
        }
    }
}

/// How a subscription goes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionStatus {
    id: SubscriptionId,
    /// `delivering`, `idle`, `waiting` for its next attempt, `held`, or `suspended`.
    state: &'static str,
    /// Why it does not go on; absent while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Time>,
    /// Attempts that the batch under way had so far.
    attempts: u32,
    /// Events that wait to be delivered; counted up to the limit of the backlog.
    waiting: i64,
    /// Dead letters; counted up to their limit.
    dead: i64,
    /// Events delivered in all.
    delivered: i64,
    /// Facts not yet looked at.
    behind: i64,
    /// How far it has read; what a rewind takes.
    cursors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_delivered: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<Time>,
    /// The connection that fetches, of a WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<String>,
}

impl From<streams::Status> for SubscriptionStatus {
    fn from(status: streams::Status) -> Self {
        Self {
            id: status.id,
            state: status.state,
            why: status.why,
            remedy: status.remedy,
            next_attempt: status.next_attempt,
            attempts: status.attempts,
            waiting: status.waiting,
            dead: status.dead,
            delivered: status.delivered,
            behind: status.behind,
            cursors: status
                .cursors
                .iter()
                .map(|at| format!("{}/{}", at.partition, at.seq))
                .collect(),
            last_delivered: status.last_delivered,
            last_error: status.last_error,
            last_error_at: status.last_error_at,
            consumer: status.consumer,
        }
    }
}
