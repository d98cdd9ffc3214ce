//! Subscriptions as callers write and read them.

use crate::retry::{OnError, RetryRule, Rules};
use crate::sink::Delivery;
use serde::{Deserialize, Serialize};
use types::{ChainId, SubscriptionId, Time};
use utoipa::ToSchema;

/// Which events an application receives, and how they are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    pub id: SubscriptionId,
    pub name: String,
    pub filter: Filter,
    /// The delivery. Header values are returned empty.
    pub delivery: Delivery,
    pub retry: RetryRule,
    pub on_error: OnError,
    /// Whether the subscription is suspended. Nothing is read or delivered while it is.
    pub suspended: bool,
    /// Why Florin suspended the subscription. Absent if the caller did.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub created: Time,
    pub updated: Time,
    /// Incremented by each change.
    pub version: i64,
}

/// What is stored of a subscription's configuration; contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    pub(crate) filter: Filter,
    pub(crate) delivery: Delivery,
    pub(crate) retry: RetryRule,
    pub(crate) on_error: OnError,
}

impl Configuration {
    pub(crate) fn rules(&self) -> Rules {
        let Self {
            retry, on_error, ..
        } = *self;
        Rules { retry, on_error }
    }
}

/// A subscription to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSubscription {
    /// A name of 1 to 64 characters of `A-Z a-z 0-9 . _ -`, unique in the namespace.
    pub name: String,
    /// The events to deliver. Defaults to all events of the namespace.
    #[serde(default)]
    pub filter: Filter,
    pub delivery: Delivery,
    /// Where to start: `newest`, `oldest`, or a comma-separated list of cursors from events.
    /// Defaults to `newest`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub from: StartAt,
    #[serde(default)]
    pub retry: RetryRule,
    #[serde(default)]
    pub on_error: OnError,
    /// Create the subscription suspended. Defaults to false.
    #[serde(default)]
    pub suspended: bool,
}

/// An update of a subscription. Fields that are absent are not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscriptionChange)]
pub struct Change {
    /// The version that the update is based on. If the current version differs, the update fails.
    #[serde(default)]
    pub version: Option<i64>,
    #[serde(default)]
    pub name: Option<String>,
    /// The new filter. It replaces the old one completely.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// The new delivery, of the same type. It replaces the old one completely, except that headers
    /// that are absent or have an empty value are kept.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The new retry rule. It replaces the old one completely.
    #[serde(default)]
    pub retry: Option<RetryRule>,
    #[serde(default)]
    pub on_error: Option<OnError>,
}

/// Selects events. An event must match every field that is present, and one entry of each list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Patterns of event types, such as `event.final` or `submission.*`. Defaults to all types
    /// except those about deliveries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The finality of chain events: `pending`, `final`, `reverted`. Does not affect other events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub finality: Vec<Finality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Contracts or scripts, in the chain's canonical form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// First topics of EVM logs: hashes of event signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Patterns of object ids. One of the event's subjects must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// The finality of a chain event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Finality {
    /// In a block above the final watermark.
    Pending,
    /// In a block at or below the final watermark.
    Final,
    /// Its block was replaced by a reorg.
    Reverted,
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
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            StartAt::Newest => f.write_str("newest"),
            StartAt::Oldest => f.write_str("oldest"),
            StartAt::After(cursors) => {
                let texts: Vec<String> = cursors.iter().map(cursor_text).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

types::serde_as_text!(StartAt);

/// The text of a cursor: `chain/eip155:1/42`.
pub(crate) fn cursor_text(cursor: &store::Cursor) -> String {
    format!("{}/{}", cursor.partition, cursor.seq)
}
