//! Request bodies of subscriptions, and their conversion to commands.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::ChainId;
use utoipa::ToSchema;

/// A subscription to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// A name of 1 to 64 characters of `A-Z a-z 0-9 . _ -`, unique in the namespace.
    name: String,
    /// The events to deliver. Defaults to all events of the namespace.
    #[serde(default)]
    filter: Filter,
    delivery: Delivery,
    /// Where to start: `newest`, `oldest`, or a comma-separated list of cursors from events.
    /// Defaults to `newest`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: streams::StartAt,
    #[serde(default)]
    retry: RetryRule,
    #[serde(default)]
    on_error: OnError,
    /// Create the subscription suspended. Defaults to false.
    #[serde(default)]
    suspended: bool,
}

impl From<NewSubscription> for streams::NewSubscription {
    fn from(new: NewSubscription) -> Self {
        Self {
            name: new.name,
            filter: new.filter.into(),
            delivery: new.delivery.into(),
            from: new.from,
            retry: new.retry.into(),
            on_error: new.on_error.into(),
            suspended: new.suspended,
        }
    }
}

/// An update of a subscription. Fields that are absent are not changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubscriptionChange {
    /// The version that the update is based on. If the current version differs, the update fails.
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    /// The new filter. It replaces the old one completely.
    #[serde(default)]
    filter: Option<Filter>,
    /// The new delivery, of the same type. It replaces the old one completely, except that headers
    /// that are absent or have an empty value are kept.
    #[serde(default)]
    delivery: Option<Delivery>,
    /// The new retry rule. It replaces the old one completely.
    #[serde(default)]
    retry: Option<RetryRule>,
    #[serde(default)]
    on_error: Option<OnError>,
}

impl From<SubscriptionChange> for streams::Change {
    fn from(change: SubscriptionChange) -> Self {
        Self {
            version: change.version,
            name: change.name,
            filter: change.filter.map(Into::into),
            delivery: change.delivery.map(Into::into),
            retry: change.retry.map(Into::into),
            on_error: change.on_error.map(Into::into),
        }
    }
}

/// Selects events. An event must match every field that is present, and one entry of each list.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    /// Patterns of event types, such as `event.final` or `submission.*`. Defaults to all types
    /// except those about deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    /// The finality of chain events: `pending`, `final`, `reverted`. Does not affect other events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    finality: Vec<streams::Finality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainId>,
    /// Contracts or scripts, in the chain's canonical form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<String>,
    /// First topics of EVM logs: hashes of event signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<String>,
    /// Patterns of object ids. One of the event's subjects must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<String>,
}

impl From<Filter> for streams::Filter {
    fn from(filter: Filter) -> Self {
        let Filter {
            types,
            finality,
            chain,
            sources,
            topics,
            subjects,
        } = filter;
        Self {
            types,
            finality,
            chain,
            sources,
            topics,
            subjects,
        }
    }
}

impl From<streams::Filter> for Filter {
    fn from(filter: streams::Filter) -> Self {
        let streams::Filter {
            types,
            finality,
            chain,
            sources,
            topics,
            subjects,
        } = filter;
        Self {
            types,
            finality,
            chain,
            sources,
            topics,
            subjects,
        }
    }
}

/// How events are delivered.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Delivery {
    /// Events are posted to a URL.
    Webhook {
        /// An http or https URL without credentials.
        url: String,
        /// Additional request headers. Their values are returned empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
        /// The maximum number of events per request, 1 to 1,000. Defaults to 50.
        #[serde(rename = "batchSize", default = "default_batch_size")]
        batch_size: u32,
        /// The response timeout in milliseconds, 100 to 60,000. Defaults to 10,000.
        #[serde(rename = "timeoutMs", default = "default_timeout_ms")]
        timeout_ms: u64,
    },
    /// One consumer at a time receives events over a WebSocket.
    WebSocket {
        /// The maximum number of events per batch, 1 to 1,000. Defaults to 50.
        #[serde(rename = "batchSize", default = "default_batch_size")]
        batch_size: u32,
        /// The maximum number of unacknowledged batches, 1 to 32. Defaults to 1, which keeps events
        /// in strict order.
        #[serde(default = "default_window")]
        window: u32,
    },
}

fn default_batch_size() -> u32 {
    50
}

fn default_timeout_ms() -> u64 {
    10_000
}

fn default_window() -> u32 {
    1
}

impl From<Delivery> for streams::Delivery {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Webhook {
                url,
                headers,
                batch_size,
                timeout_ms,
            } => Self::Webhook {
                url,
                headers,
                batch_size,
                timeout_ms,
            },
            Delivery::WebSocket { batch_size, window } => Self::WebSocket { batch_size, window },
        }
    }
}

impl From<streams::Delivery> for Delivery {
    fn from(delivery: streams::Delivery) -> Self {
        match delivery {
            streams::Delivery::Webhook {
                url,
                headers,
                batch_size,
                timeout_ms,
            } => Self::Webhook {
                url,
                headers,
                batch_size,
                timeout_ms,
            },
            streams::Delivery::WebSocket { batch_size, window } => {
                Self::WebSocket { batch_size, window }
            }
        }
    }
}

/// When a failed batch is retried: after `initialMs`, then with exponential backoff and jitter up
/// to `maxMs`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RetryRule {
    /// The first delay in milliseconds, 100 to 60,000.
    initial_ms: u64,
    /// The longest delay in milliseconds, `initialMs` to 3,600,000.
    max_ms: u64,
    /// The number of attempts before the delivery fails, 1 to 100.
    attempts: u32,
}

impl Default for RetryRule {
    fn default() -> Self {
        streams::RetryRule::default().into()
    }
}

impl From<RetryRule> for streams::RetryRule {
    fn from(rule: RetryRule) -> Self {
        let RetryRule {
            initial_ms,
            max_ms,
            attempts,
        } = rule;
        Self {
            initial_ms,
            max_ms,
            attempts,
        }
    }
}

impl From<streams::RetryRule> for RetryRule {
    fn from(rule: streams::RetryRule) -> Self {
        let streams::RetryRule {
            initial_ms,
            max_ms,
            attempts,
        } = rule;
        Self {
            initial_ms,
            max_ms,
            attempts,
        }
    }
}

/// What happens to an event after the last attempt.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// The event becomes a dead letter, and delivery continues.
    #[default]
    DeadLetter,
    /// The subscription stops until it is resumed or the event is skipped.
    Hold,
}

impl From<OnError> for streams::OnError {
    fn from(on_error: OnError) -> Self {
        match on_error {
            OnError::DeadLetter => Self::DeadLetter,
            OnError::Hold => Self::Hold,
        }
    }
}

impl From<streams::OnError> for OnError {
    fn from(on_error: streams::OnError) -> Self {
        match on_error {
            streams::OnError::DeadLetter => Self::DeadLetter,
            streams::OnError::Hold => Self::Hold,
        }
    }
}

/// Attributes an engine's error to the field under its JSON name.
pub(super) fn with_wire_field(error: streams::Error) -> Error {
    match error {
        streams::Error::Invalid { field, why } => {
            let field = wire_name(&field);
            Error::at(&field.clone(), streams::Error::Invalid { field, why })
        }
        other => other.into(),
    }
}

/// Converts `delivery.batch_size` to `delivery.batchSize`. Header names are kept, since the caller
/// chooses them.
fn wire_name(field: &str) -> String {
    if field.starts_with("delivery.headers.") {
        return field.to_owned();
    }
    let mut parts = field.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (head, tail) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        name + &head.to_uppercase() + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_fields_have_their_json_names() {
        assert_eq!(wire_name("delivery.batch_size"), "delivery.batchSize");
        assert_eq!(wire_name("retry.max_ms"), "retry.maxMs");
        assert_eq!(wire_name("filter.types[0]"), "filter.types[0]");
        assert_eq!(wire_name("delivery.headers.x_a"), "delivery.headers.x_a");
    }
}
