//! What the configuration of a listener to chain events says.

use crate::{Error, Result};
use intent::Interface;
use serde::Deserialize;
use serde_json::Value;
use types::{ChainId, Json};

/// Events and contracts that one listener names.
const MOST: usize = 1_000;

/// As it is given. `firstEvent` occurs in two places; the outer one counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) namespace: Option<String>,
    pub(super) task_name: String,
    pub(super) task_version: Option<String>,
    first_event: Option<Value>,
    blockchain_events: BlockchainEvents,
    /// Ours: the chain; the namespace's default chain if it is not given.
    pub(super) chain: Option<ChainId>,
    /// Ours: when it runs.
    #[serde(default)]
    pub(super) finality: Finality,
    /// Ours: what is done when an event is taken back; needed before final.
    #[serde(alias = "on_revert")]
    pub(super) on_revert: Option<OnRevert>,
    /// Ours: what a run that fails does to those behind it.
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

/// When a listener runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finality {
    /// Once the event is final.
    #[default]
    Final,
    /// As soon as it is in a block.
    Pending,
}

/// What is done when an event is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OnRevert {
    /// `none`: nothing.
    Word(Word),
    /// A run of this task, with the same input and `"reverted": true`.
    #[serde(rename_all = "camelCase")]
    Compensate {
        /// The task.
        task_name: String,
        /// The label of a version.
        task_version: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    None,
}

/// What a run that fails does to those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// It holds them until it is retried or dismissed.
    #[default]
    Hold,
    /// It is set apart.
    DeadLetter,
}

/// Where a listener begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Oldest,
    Newest,
    Height(u64),
}

impl Config {
    pub(super) fn read(json: &Json) -> Result<Self> {
        let config: Self = serde_json::from_str(json.as_str())
            .map_err(|error| Error::invalid("config", error.to_string()))?;
        if config.finality == Finality::Pending && config.on_revert.is_none() {
            let why = "is missing: a listener that runs before final says what it does when an event is taken back, none or a task";
            return Err(Error::invalid("config.onRevert", why));
        }
        config.first()?;
        Ok(config)
    }

    /// Where it begins; the newest event if nothing is said.
    pub(super) fn first(&self) -> Result<First> {
        let inner = self
            .blockchain_events
            .create_options
            .as_ref()
            .and_then(|options| options.first_event.as_ref());
        let Some(given) = self
            .first_event
            .as_ref()
            .or(inner)
            .filter(|value| !value.is_null())
        else {
            return Ok(First::Newest);
        };
        let word = given
            .as_str()
            .map_or_else(|| given.to_string(), str::to_owned);
        match word.as_str() {
            "oldest" | "0" => Ok(First::Oldest),
            "newest" => Ok(First::Newest),
            number => number.parse().map(First::Height).map_err(|_| {
                Error::invalid(
                    "config.firstEvent",
                    "expected \"0\", oldest, newest or the number of a block",
                )
            }),
        }
    }

    /// The contracts, in canonical form; none for all.
    pub(super) fn sources(&self, chain: &ChainId) -> Result<Vec<String>> {
        let locations = self
            .blockchain_events
            .locations
            .as_deref()
            .unwrap_or_default();
        if locations.len() > MOST {
            let field = "config.blockchainEvents.locations".to_owned();
            return Err(Error::TooMuch {
                field,
                of: "contracts",
                limit: MOST,
            });
        }
        let source = |(place, location): (usize, &Location)| {
            let field = format!("config.blockchainEvents.locations[{place}].address");
            let recipient = intent::parse_recipient(chain, &location.address);
            recipient
                .map(|recipient| recipient.account)
                .map_err(|error| Error::invalid(field, error.to_string()))
        };
        locations.iter().enumerate().map(source).collect()
    }

    /// The events, as an interface.
    pub(super) fn interface(&self) -> Interface {
        Interface::new(self.blockchain_events.abi_events.as_str().to_owned())
    }

    /// The topics of the events; at least one.
    pub(super) fn topics(&self, chain: &ChainId) -> Result<Vec<String>> {
        let field = "config.blockchainEvents.abiEvents";
        let topics = intent::topics(chain, &self.interface())
            .map_err(|error| Error::invalid(field, error.to_string()))?;
        if topics.is_empty() || topics.len() > MOST {
            return Err(Error::invalid(
                field,
                format!("expected 1 to {MOST} events that are not anonymous"),
            ));
        }
        Ok(topics)
    }
}
