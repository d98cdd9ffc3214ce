//! What people send to make and change subscriptions, and the commands that it becomes.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::ChainId;
use utoipa::ToSchema;

/// A subscription that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`, unique within the namespace.
    name: String,
    /// Which events; all of the namespace's if nothing is said.
    #[serde(default)]
    filter: Filter,
    delivery: Delivery,
    /// Where to begin: `newest`, `oldest`, or cursors as events carry them, parted by commas.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: streams::From,
    #[serde(default)]
    retry: RetryRule,
    #[serde(default)]
    on_error: OnError,
    /// Make it, but read and send nothing yet.
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

/// A change of a subscription; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubscriptionChange {
    /// Change only this version of it.
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    /// Another filter, as a whole.
    #[serde(default)]
    filter: Option<Filter>,
    /// Another delivery of the same kind, as a whole. Headers that are left out, or given with an
    /// empty value, are kept.
    #[serde(default)]
    delivery: Option<Delivery>,
    /// Another rule for retries, as a whole.
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

/// Which events. Every part that is named must fit; within a part one entry must.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    /// Patterns of types: `event.final`, `submission.*`. Without one: all types but those about
    /// deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    /// What chain events must have become: `pending`, `final`, `reverted`. Says nothing about
    /// other events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    finality: Vec<streams::Finality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ChainId>,
    /// Contracts or scripts, in the chain's own form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<String>,
    /// First topics of logs: the hash of the event's signature.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<String>,
    /// Patterns of ids of objects; one of an event's subjects must fit.
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

/// How events travel.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Delivery {
    /// Posted to a URL.
    Webhook {
        /// http or https, no credentials in it.
        url: String,
        /// Headers to send along. Shown with empty values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
        /// Events in one call, 1 to 1,000; 50 if nothing is said.
        #[serde(rename = "batchSize", default = "fifty")]
        batch_size: u32,
        /// The longest wait for an answer, 100 to 60,000; 10,000 if nothing is said.
        #[serde(rename = "timeoutMs", default = "ten_seconds")]
        timeout_ms: u64,
    },
    /// Fetched over a WebSocket by one consumer at a time.
    WebSocket {
        /// Events in one batch, 1 to 1,000; 50 if nothing is said.
        #[serde(rename = "batchSize", default = "fifty")]
        batch_size: u32,
        /// Batches that may be under way without an answer, 1 to 32; 1 if nothing is said, which
        /// keeps the order strict.
        #[serde(default = "one")]
        window: u32,
    },
}

fn fifty() -> u32 {
    50
}

fn ten_seconds() -> u64 {
    10_000
}

fn one() -> u32 {
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

/// When a refused batch goes again: after `initialMs`, then twice as long each time up to `maxMs`,
/// with some chance in it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RetryRule {
    /// The first wait, 100 to 60,000.
    initial_ms: u64,
    /// The longest wait, `initialMs` to 3,600,000.
    max_ms: u64,
    /// Attempts before it counts as never arriving, 1 to 100.
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

/// What happens to what never arrives.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// It is set aside as a dead letter, and the next ones go on.
    #[default]
    DeadLetter,
    /// The subscription holds until somebody resumes it or skips the event.
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

/// What the engine says of a field, said of the field by its name on the wire.
pub(super) fn named(error: streams::Error) -> Error {
    match error {
        streams::Error::Invalid { field, why } => {
            let field = on_the_wire(&field);
            Error::at(&field.clone(), streams::Error::Invalid { field, why })
        }
        other => other.into(),
    }
}

/// `delivery.batch_size` as `delivery.batchSize`. Names of headers are the caller's own.
fn on_the_wire(field: &str) -> String {
    if field.starts_with("delivery.headers.") {
        return field.to_owned();
    }
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        name + &head.to_uppercase() + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_they_were_sent() {
        assert_eq!(on_the_wire("delivery.batch_size"), "delivery.batchSize");
        assert_eq!(on_the_wire("retry.max_ms"), "retry.maxMs");
        assert_eq!(on_the_wire("filter.types[0]"), "filter.types[0]");
        assert_eq!(on_the_wire("delivery.headers.x_a"), "delivery.headers.x_a");
    }
}
