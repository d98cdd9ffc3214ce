//! What a subscription is, as people write and read it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{ChainId, SubscriptionId, Time};

/// What an application wants to be told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Rises with each change.
    pub version: i64,
    /// Unique within the namespace.
    pub name: String,
    /// Which events.
    pub filter: Filter,
    /// How they travel. Values of headers and secrets are never shown.
    pub delivery: Delivery,
    /// What happens when they do not arrive.
    pub retry: RetryRule,
    /// What happens when they never arrive.
    pub on_error: OnError,
    /// Nothing is read or sent while it is suspended.
    pub suspended: bool,
    /// Why it is suspended, where Florin did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`, unique within the namespace.
    pub name: String,
    /// Which events; all of the namespace's if nothing is said.
    #[serde(default)]
    pub filter: Filter,
    /// How they travel.
    pub delivery: Delivery,
    /// Where to begin.
    #[serde(default)]
    pub from: From,
    /// What happens when they do not arrive.
    #[serde(default)]
    pub retry: RetryRule,
    /// What happens when they never arrive.
    #[serde(default)]
    pub on_error: OnError,
    /// Make it, but read and send nothing yet.
    #[serde(default)]
    pub suspended: bool,
}

/// A change of a subscription; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Change only this version of it.
    pub version: Option<i64>,
    /// Another name.
    pub name: Option<String>,
    /// Another filter, as a whole, for what is read from now on.
    pub filter: Option<Filter>,
    /// Another delivery of the same kind, as a whole, but for headers that are kept.
    pub delivery: Option<Delivery>,
    /// Another rule for retries, as a whole.
    pub retry: Option<RetryRule>,
    /// Another way with what never arrives.
    pub on_error: Option<OnError>,
}

/// Which events. Every part that is named must fit; within a part one entry must.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Patterns of types: `event.final`, `submission.*`. Without one: all types but those about
    /// deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// What chain events must have become: `pending`, `final`, `reverted`. Says nothing about
    /// other events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finality: Vec<Finality>,
    /// The chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Contracts or scripts, in the chain's own form; the case of letters does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// First topics of logs (the hash of the event's signature); the case of letters does not
    /// count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Patterns of ids of objects; one of an event's subjects must fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// What has become of a chain event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finality {
    /// Seen in a block that can still go.
    Pending,
    /// Its block can go no more.
    Final,
    /// Its block went.
    Reverted,
}

/// How events travel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Delivery {
    /// Posted to a URL.
    Webhook {
        /// Where to: http or https, no credentials in it.
        url: String,
        /// Headers to send along. Shown with empty values. In a change, none means those there
        /// are, and an empty value the one there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
        /// Events in one call, 1 to 1,000.
        #[serde(default = "default_batch")]
        batch_size: u32,
        /// The longest wait for an answer, 100 to 60,000.
        #[serde(default = "default_timeout")]
        timeout_ms: u64,
    },
    /// Fetched over a WebSocket by one consumer at a time.
    WebSocket {
        /// Events in one batch, 1 to 1,000.
        #[serde(default = "default_batch")]
        batch_size: u32,
        /// Batches that may be under way without an answer, 1 to 32. With 1 the order is strict.
        #[serde(default = "default_window")]
        window: u32,
    },
}

/// Where to begin. `"newest"`, `"oldest"`, or cursors as events carry them, parted by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum From {
    /// With what happens from now on.
    #[default]
    Newest,
    /// With the first fact there is.
    Oldest,
    /// Behind these places; in other partitions as it stands, or, for a new subscription, from now
    /// on.
    After(Vec<store::Cursor>),
}

/// When a refused batch goes again: after `initial_ms`, then twice as long each time up to
/// `max_ms`, with some chance in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryRule {
    /// The first wait, 100 to 60,000.
    pub initial_ms: u64,
    /// The longest wait, `initial_ms` to 3,600,000. A `Retry-After` of the receiver counts up to
    /// an hour.
    pub max_ms: u64,
    /// Attempts before it counts as never arriving, 1 to 100.
    pub attempts: u32,
}

/// What happens to what never arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It is set aside as a dead letter, and the next ones go on.
    #[default]
    DeadLetter,
    /// The subscription holds until somebody resumes it or skips the event.
    Hold,
}

impl Default for RetryRule {
    /// Twelve attempts over some 35 minutes.
    fn default() -> Self {
        Self {
            initial_ms: 1_000,
            max_ms: 300_000,
            attempts: 12,
        }
    }
}

fn default_batch() -> u32 {
    50
}

fn default_timeout() -> u64 {
    10_000
}

fn default_window() -> u32 {
    1
}

impl Delivery {
    /// `webhook` or `websocket`.
    pub fn kind(&self) -> &'static str {
        match self {
            Delivery::Webhook { .. } => "webhook",
            Delivery::WebSocket { .. } => "websocket",
        }
    }

    /// Events in one batch.
    pub fn batch_size(&self) -> u32 {
        match self {
            Delivery::Webhook { batch_size, .. } | Delivery::WebSocket { batch_size, .. } => {
                *batch_size
            }
        }
    }
}

impl std::fmt::Debug for Delivery {
    /// Neither headers nor the query of a URL: they may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Delivery::Webhook { url, .. } => {
                write!(f, "webhook {}", url.split('?').next().unwrap_or_default())
            }
            Delivery::WebSocket { .. } => f.write_str("websocket"),
        }
    }
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(From::Newest),
            "oldest" => Ok(From::Oldest),
            cursors => cursors.split(',').map(parse_cursor).collect::<Option<_>>().map(From::After).ok_or_else(|| {
                "expected \"newest\", \"oldest\", or cursors such as \"chain/eip155:1/42\" parted by commas".to_owned()
            }),
        }
    }
}

fn parse_cursor(text: &str) -> Option<store::Cursor> {
    let (partition, seq) = text.trim().rsplit_once('/')?;
    let seq = seq.parse().ok().filter(|seq| *seq >= 0)?;
    (!partition.is_empty()).then(|| store::Cursor {
        partition: partition.to_owned(),
        seq,
    })
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            From::Newest => f.write_str("newest"),
            From::Oldest => f.write_str("oldest"),
            From::After(cursors) => {
                let all: Vec<String> = cursors
                    .iter()
                    .map(|at| format!("{}/{}", at.partition, at.seq))
                    .collect();
                f.write_str(&all.join(","))
            }
        }
    }
}

impl Serialize for From {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for From {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
