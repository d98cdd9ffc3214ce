//! The configuration of a chain event listener.

use crate::{Error, Result};
use intent::Interface;
use serde::Deserialize;
use serde_json::Value;
use types::{ChainId, Json};

/// Events and contracts in one listener.
const MAX_ENTRIES: usize = 1_000;

/// The `config` document. `firstEvent` is accepted in two places; the outer one takes precedence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) namespace: Option<String>,
    pub(super) task_name: String,
    pub(super) task_version: Option<String>,
    first_event: Option<Value>,
    blockchain_events: BlockchainEvents,
    /// Florin extension. Defaults to the namespace's default chain.
    pub(super) chain: Option<ChainId>,
    /// Florin extension: when the listener starts runs.
    #[serde(default)]
    pub(super) finality: Finality,
    /// Florin extension: what to do when an event is reverted. Required if `finality` is `pending`.
    #[serde(alias = "on_revert")]
    pub(super) on_revert: Option<OnRevert>,
    /// Florin extension: whether a failed run blocks the runs behind it.
    #[serde(default, alias = "on_error")]
    pub(super) on_error: OnError,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockchainEvents {
    abi_events: Json,
    locations: Option<Vec<Location>>,
    create_options: Option<CreateOptions>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Location {
    address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateOptions {
    first_event: Option<Value>,
}

/// When a listener starts runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finality {
    /// When the event is final.
    #[default]
    Final,
    /// When the event is in a block.
    Pending,
}

/// What to do when an event is reverted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OnRevert {
    /// `none`: do nothing.
    Keyword(Keyword),
    /// Start a run of this task with the same input and `"reverted": true`.
    #[serde(rename_all = "camelCase")]
    Compensate {
        task_name: String,
        /// The label of a version.
        task_version: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Keyword {
    None,
}

/// What a failed run does to the runs behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// Blocks them until it is retried or dismissed.
    #[default]
    Hold,
    /// Becomes a dead letter; the next run starts.
    DeadLetter,
}

/// The block a new listener starts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartEvent {
    Oldest,
    Newest,
    Height(u64),
}

impl Config {
    pub(super) fn read(json: &Json) -> Result<Self> {
        let config: Self =
            serde_json::from_str(json.as_str()).map_err(|error| Error::invalid("config", error))?;
        if config.finality == Finality::Pending && config.on_revert.is_none() {
            let reason = "is required when finality is pending: none, or a task that compensates for reverted events";
            return Err(Error::invalid("config.onRevert", reason));
        }
        config.start_event()?;
        Ok(config)
    }

    /// The first event to deliver; defaults to the newest.
    pub(super) fn start_event(&self) -> Result<StartEvent> {
        let options = self.blockchain_events.create_options.as_ref();
        let inner = options.and_then(|options| options.first_event.as_ref());
        let first_event = self.first_event.as_ref().or(inner);
        let Some(first_event) = first_event.filter(|value| !value.is_null()) else {
            return Ok(StartEvent::Newest);
        };
        let text = first_event
            .as_str()
            .map_or_else(|| first_event.to_string(), str::to_owned);
        match text.as_str() {
            "oldest" | "0" => Ok(StartEvent::Oldest),
            "newest" => Ok(StartEvent::Newest),
            number => number.parse().map(StartEvent::Height).map_err(|_| {
                Error::invalid(
                    "config.firstEvent",
                    "expected \"0\", oldest, newest or a block number",
                )
            }),
        }
    }

    /// The contracts in canonical form; empty means all.
    pub(super) fn sources(&self, chain: &ChainId) -> Result<Vec<String>> {
        let locations = self
            .blockchain_events
            .locations
            .as_deref()
            .unwrap_or_default();
        if locations.len() > MAX_ENTRIES {
            let field = "config.blockchainEvents.locations";
            return Err(Error::limit(field, "contracts", MAX_ENTRIES));
        }
        let source = |(index, location): (usize, &Location)| {
            let field = format!("config.blockchainEvents.locations[{index}].address");
            let recipient = intent::parse_recipient(chain, &location.address);
            recipient
                .map(|recipient| recipient.account)
                .map_err(|error| Error::invalid(field, error))
        };
        locations.iter().enumerate().map(source).collect()
    }

    /// The events as an interface.
    pub(super) fn interface(&self) -> Interface {
        Interface::new(self.blockchain_events.abi_events.as_str().to_owned())
    }

    /// The topics of the events; at least one.
    pub(super) fn topics(&self, chain: &ChainId) -> Result<Vec<String>> {
        let field = "config.blockchainEvents.abiEvents";
        let topics = intent::event_topics(chain, &self.interface())
            .map_err(|error| Error::invalid(field, error))?;
        if topics.is_empty() || topics.len() > MAX_ENTRIES {
            return Err(Error::invalid(
                field,
                format!("expected 1 to {MAX_ENTRIES} events that are not anonymous"),
            ));
        }
        Ok(topics)
    }
}
