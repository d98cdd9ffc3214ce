//! Subscriptions as callers write and read them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{ChainId, SubscriptionId, Time};

/// A subscription: which events are delivered, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    pub id: SubscriptionId,
    /// Incremented by each change.
    pub version: i64,
    pub name: String,
    pub filter: Filter,
    /// Header values are empty.
    pub delivery: Delivery,
    pub retry: RetryRule,
    pub on_error: OnError,
    /// While suspended, no facts are read and nothing is sent.
    pub suspended: bool,
    /// Why Florin suspended it; `None` if a caller did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub created: Time,
    pub updated: Time,
}

/// Parameters of a new subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`, unique within the namespace.
    pub name: String,
    /// Default: all events of the namespace except those about deliveries.
    #[serde(default)]
    pub filter: Filter,
    pub delivery: Delivery,
    /// Where to start reading.
    #[serde(default)]
    pub from: StartAt,
    #[serde(default)]
    pub retry: RetryRule,
    #[serde(default)]
    pub on_error: OnError,
    /// Create it suspended.
    #[serde(default)]
    pub suspended: bool,
}

/// A change of a subscription. Fields that are `None` stay as they are; the others are replaced as
/// a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The version that the change applies to; any if `None`.
    pub version: Option<i64>,
    pub name: Option<String>,
    /// Applies to facts that are read after the change.
    pub filter: Option<Filter>,
    /// Must have the same type as the current delivery. Headers may be kept, see
    /// [`Delivery::Webhook`].
    pub delivery: Option<Delivery>,
    pub retry: Option<RetryRule>,
    pub on_error: Option<OnError>,
}

/// Which events match. Every criterion that is set must match; within a criterion, one entry must.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Patterns of event types: `event.final`, `submission.*`. Default: all types but `delivery.*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The finality of chain events: `pending`, `final`, `reverted`. Other events are not affected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finality: Vec<Finality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Contracts or scripts, in the chain's own notation; case-insensitive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// First topics of logs (the hash of the event signature); case-insensitive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Patterns of object ids; one of the event's subjects must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// The finality of a chain event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finality {
    /// In a block above the final watermark.
    Pending,
    /// In a block at or below the final watermark.
    Final,
    /// Its block was replaced by a reorg.
    Reverted,
}

/// How events are delivered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Delivery {
    /// Posted to a URL.
    Webhook {
        /// http or https, without credentials.
        url: String,
        /// Headers to send. Values are write-only: they read as empty. In a change, `None` keeps
        /// all headers, and an empty value keeps the current value of that header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
        /// Events per call, 1 to 1,000.
        #[serde(default = "default_batch")]
        batch_size: u32,
        /// Time limit of a call, 100 to 60,000.
        #[serde(default = "default_timeout")]
        timeout_ms: u64,
    },
    /// Sent over a WebSocket to one consumer at a time.
    WebSocket {
        /// Events per batch, 1 to 1,000.
        #[serde(default = "default_batch")]
        batch_size: u32,
        /// Unacknowledged batches in flight, 1 to 32. Order is strict only with 1.
        #[serde(default = "default_window")]
        window: u32,
    },
}

/// Where a subscription starts reading: `"newest"`, `"oldest"`, or event cursors separated by
/// commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StartAt {
    /// After the current head of every partition.
    #[default]
    Newest,
    /// At the first fact of every partition.
    Oldest,
    /// After these cursors. Other partitions keep their cursor; for a new subscription they start
    /// at their head.
    After(Vec<store::Cursor>),
}

/// When a failed batch is retried: exponential backoff from `initial_ms` to `max_ms`, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryRule {
    /// The first delay, 100 to 60,000.
    pub initial_ms: u64,
    /// The longest delay, `initial_ms` to 3,600,000. A `Retry-After` header of the receiver is
    /// honored up to one hour.
    pub max_ms: u64,
    /// Attempts before [`OnError`] applies, 1 to 100.
    pub attempts: u32,
}

/// What happens to an event whose last attempt failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It becomes a dead letter, and the next events are delivered.
    #[default]
    DeadLetter,
    /// The subscription is held until a caller resumes it or skips the event.
    Hold,
}

impl Default for RetryRule {
    /// Twelve attempts over about 35 minutes.
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

    /// Events per batch.
    pub fn batch_size(&self) -> u32 {
        match self {
            Delivery::Webhook { batch_size, .. } | Delivery::WebSocket { batch_size, .. } => {
                *batch_size
            }
        }
    }
}

impl std::fmt::Debug for Delivery {
    /// Omits headers and the query of the URL: they may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Delivery::Webhook { url, .. } => {
                write!(f, "webhook {}", url.split('?').next().unwrap_or_default())
            }
            Delivery::WebSocket { .. } => f.write_str("websocket"),
        }
    }
}

impl std::str::FromStr for StartAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(StartAt::Newest),
            "oldest" => Ok(StartAt::Oldest),
            cursors => cursors.split(',').map(parse_cursor).collect::<Option<_>>().map(StartAt::After).ok_or_else(|| {
                "expected \"newest\", \"oldest\", or cursors such as \"chain/eip155:1/42\" separated by commas".to_owned()
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

impl std::fmt::Display for StartAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartAt::Newest => f.write_str("newest"),
            StartAt::Oldest => f.write_str("oldest"),
            StartAt::After(cursors) => {
                let texts: Vec<String> = cursors
                    .iter()
                    .map(|cursor| format!("{}/{}", cursor.partition, cursor.seq))
                    .collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

impl Serialize for StartAt {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
