//! Response bodies of subscriptions. Header values are never returned; a secret is returned only
//! once, when it is created.

use serde::Serialize;
use streams::Subscription;
use types::{SubscriptionId, Time};
use utoipa::ToSchema;

/// A subscription at the moment it is created.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedSubscription {
    subscription: Subscription,
    /// The secret that signs the webhooks. It cannot be retrieved later. Absent for WebSockets and
    /// in replayed responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SigningSecret>,
}

impl From<streams::Created> for CreatedSubscription {
    fn from(created: streams::Created) -> Self {
        Self {
            subscription: created.subscription,
            secret: created.secret.map(SigningSecret::from),
        }
    }
}

/// A signing secret at the moment it is created: the only time it is returned.
#[derive(Serialize, ToSchema)]
pub(super) struct SigningSecret {
    id: String,
    /// The HMAC key, to be used as it is without decoding.
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

/// An active signing secret, without its value.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActiveSecret {
    id: String,
    created: Time,
    /// When the secret expires. Absent unless it is being replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
}

impl From<streams::SecretInfo> for ActiveSecret {
    fn from(info: streams::SecretInfo) -> Self {
        Self {
            id: info.id,
            created: info.created,
            not_after: info.not_after,
        }
    }
}

/// The status of a subscription.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionStatus {
    id: SubscriptionId,
    /// The state: `delivering`, `idle`, `waiting` for the next attempt, `held` or `suspended`.
    state: &'static str,
    /// Why the subscription is blocked. Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How to unblock the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Time>,
    /// The number of attempts of the current batch so far.
    attempts: u32,
    /// The number of events queued for delivery, counted up to the backlog limit.
    waiting: i64,
    /// The number of dead letters, counted up to their limit.
    dead_letters: i64,
    /// The total number of events delivered.
    delivered: i64,
    /// The number of facts that are not read yet.
    unread_facts: i64,
    /// How far the subscription has read, as cursors for a rewind.
    cursors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_delivered: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<Time>,
    /// The current WebSocket connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<String>,
}

impl From<streams::Status> for SubscriptionStatus {
    fn from(status: streams::Status) -> Self {
        Self {
            id: status.id,
            state: status.state,
            reason: status.why,
            remedy: status.remedy,
            next_attempt: status.next_attempt,
            attempts: status.attempts,
            waiting: status.waiting,
            dead_letters: status.dead_letters,
            delivered: status.delivered,
            unread_facts: status.unread_facts,
            cursors: status.cursors,
            last_delivered: status.last_delivered,
            last_error: status.last_error,
            last_error_at: status.last_error_at,
            consumer: status.consumer,
        }
    }
}
