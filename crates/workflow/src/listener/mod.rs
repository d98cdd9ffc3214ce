//! Listeners: they begin runs of a task for chain events, or for new entries of the data model.
//!
//! Each reads with a cursor of its own, and commits the runs it begins together with the cursor; a
//! run is unique by (listener, event). Runs of one listener form a lane: one after the other, in
//! chain order. One that fails holds those behind it, and no other listener (`onError: hold`), or
//! is set apart as a dead letter (`onError: dead_letter`).

mod chain;
mod config;
mod deliver;
mod feed;
mod model;
mod verbs;

pub(crate) use feed::{Feeder, next_due};
pub use verbs::{NewListener, delete_listener, listener, listeners, put_listener};

use serde::{Deserialize, Serialize};
use types::{ChainId, Height, Json, ListenerId, Time};

/// What a listener listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerKind {
    /// Chain events; the route calls it `firefly`.
    Firefly,
    /// New entries of the data model.
    DataModel,
}

impl ListenerKind {
    /// As stored, and as the route says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ListenerKind::Firefly => "firefly",
            ListenerKind::DataModel => "datamodel",
        }
    }
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its id.
    pub id: ListenerId,
    /// What it listens to.
    #[serde(skip)]
    pub kind: ListenerKind,
    /// Its name, one of its own among its kind in the namespace.
    pub name: String,
    /// Whether it takes up nothing new; it keeps its cursor.
    pub disabled: bool,
    /// As given.
    #[serde(flatten)]
    pub given: Given,
    /// The chain it reads, of chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Behind which event it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Place>,
    /// Why it stands still, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When what is said of it last changed.
    pub updated: Time,
    /// The shard whose worker feeds it.
    #[serde(skip)]
    pub(crate) shard: i64,
    /// The place of the next run in its lane.
    #[serde(skip)]
    pub(crate) next_place: i64,
    /// When it may be fed again.
    #[serde(skip)]
    pub(crate) next_at: Time,
    /// Rises with each change.
    #[serde(skip)]
    pub version: u64,
}

/// What a listener was given, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Shape")]
pub enum Given {
    /// Of chain events.
    Chain {
        /// `{namespace, taskName, taskVersion?, firstEvent?, blockchainEvents}` and what is
        /// Florin's own.
        config: Json,
    },
    /// Of entries.
    Model {
        /// The task, by id or name.
        #[serde(rename = "taskId")]
        task_id: String,
        /// A regular expression on the entry's topic.
        #[serde(rename = "topicFilter")]
        topic_filter: String,
    },
}

/// The members of both kinds. An untagged enum cannot be read back where one of them keeps its
/// exact text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    config: Option<Json>,
    task_id: Option<String>,
    topic_filter: Option<String>,
}

impl TryFrom<Shape> for Given {
    type Error = &'static str;

    fn try_from(shape: Shape) -> std::result::Result<Self, &'static str> {
        match shape {
            Shape {
                config: Some(config),
                task_id: None,
                topic_filter: None,
            } => Ok(Self::Chain { config }),
            Shape {
                config: None,
                task_id: Some(task_id),
                topic_filter: Some(topic_filter),
            } => Ok(Self::Model {
                task_id,
                topic_filter,
            }),
            _ => Err("neither a listener to chain events nor one to entries"),
        }
    }
}

/// A place among the events of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The block's height.
    pub height: Height,
    /// The event's index in the block; -1 before the first, 2^31-1 behind the last.
    pub index: i64,
    /// The block's hash, where it may still be dropped.
    #[serde(skip)]
    pub(crate) hash: Option<String>,
}

/// Behind every event of a block.
pub(crate) const BEHIND_ALL: i64 = i32::MAX as i64;

impl Listener {
    /// Which task it feeds, by id or name.
    pub(crate) fn task(&self) -> crate::Result<String> {
        match &self.given {
            Given::Chain { config } => Ok(config::Config::read(config)?.task_name),
            Given::Model { task_id, .. } => Ok(task_id.clone()),
        }
    }

    pub(crate) fn fact(&self, kind: &'static str) -> store::Fact {
        store::Fact::new(kind, 1)
            .about(&self.id, self.version)
            .says(self)
    }
}
