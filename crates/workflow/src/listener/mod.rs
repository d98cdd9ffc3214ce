//! Listeners start runs of a task for chain events or for new entries of the data model.
//!
//! Each listener has its own cursor, and commits the runs it starts together with the cursor; a run
//! is unique by (listener, event). The runs of one listener form a queue: they execute one at a
//! time, in chain order. A failed run blocks the runs behind it and no other listener (`onError:
//! hold`), or becomes a dead letter (`onError: dead_letter`).

mod chain;
mod config;
mod deliver;
mod feed;
mod model;
mod outcome;
mod registered;
mod verbs;

pub(crate) use feed::{Feeder, next_due};
pub use verbs::{NewListener, delete_listener, listener, listeners, put_listener};

use crate::Error;
use serde::{Deserialize, Serialize};
use types::{Author, ChainId, Height, Json, ListenerId, Time};
use utoipa::ToSchema;

/// The source of a listener's events.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ListenerKind {
    /// Chain events; named `firefly` in the route.
    Firefly,
    DataModel,
}

/// A listener starts a run of a task for each matching event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "listener")]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    #[record(key)]
    pub id: ListenerId,
    #[serde(skip)]
    pub kind: ListenerKind,
    #[record(update)]
    pub name: String,
    /// Whether the listener is disabled. A disabled listener starts no runs and keeps its cursor.
    #[record(update)]
    pub disabled: bool,
    #[serde(flatten)]
    #[schema(inline, value_type = SpecMembers)]
    #[record(update, json, column = "config")]
    pub spec: ListenerSpec,
    /// The chain. Only on listeners to chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub chain: Option<ChainId>,
    /// The position of the last event processed. Only on listeners to chain events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update, columns("cursor_height", "cursor_index", "cursor_hash"))]
    pub cursor: Option<ListenerCursor>,
    /// Why the listener is blocked. Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub problem: Option<String>,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    /// Who wrote it, in whose name its runs act; none in listeners of earlier releases.
    #[serde(skip)]
    #[record(update, json)]
    pub(crate) author: Option<Author>,
    #[serde(skip)]
    pub(crate) shard: i64,
    /// Id or name of the task it starts, to find references to it.
    #[serde(skip)]
    #[record(update)]
    pub(crate) task: String,
    /// The queue index of the next run.
    #[serde(skip)]
    pub(crate) next_queue_index: i64,
    /// When the worker reads it next.
    #[serde(skip)]
    #[record(update)]
    pub(crate) next_at: Time,
    /// Incremented by each change.
    #[serde(skip)]
    #[record(next_version)]
    pub version: u64,
}

/// The configuration of a listener, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "SpecMembers")]
pub enum ListenerSpec {
    Chain {
        /// `{namespace, taskName, taskVersion?, firstEvent?, blockchainEvents}` and Florin's
        /// extensions.
        config: Json,
    },
    Model {
        /// Name or id.
        #[serde(rename = "taskId")]
        task_id: String,
        /// A regular expression that the entry's topic must match.
        #[serde(rename = "topicFilter")]
        topic_filter: String,
    },
}

/// The members of both kinds. Serde cannot read an untagged enum in which one variant keeps its
/// exact JSON text.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpecMembers {
    /// The configuration as it was sent. Only on listeners to chain events.
    config: Option<Json>,
    /// The task, by id or name. Only on listeners to data model events.
    task_id: Option<String>,
    /// A regular expression that the event's topic must match. Only on listeners to data model
    /// events.
    topic_filter: Option<String>,
}

impl TryFrom<SpecMembers> for ListenerSpec {
    type Error = &'static str;

    fn try_from(members: SpecMembers) -> std::result::Result<Self, &'static str> {
        match members {
            SpecMembers {
                config: Some(config),
                task_id: None,
                topic_filter: None,
            } => Ok(Self::Chain { config }),
            SpecMembers {
                config: None,
                task_id: Some(task_id),
                topic_filter: Some(topic_filter),
            } => Ok(Self::Model {
                task_id,
                topic_filter,
            }),
            _ => Err("neither a chain event listener nor a data model listener"),
        }
    }
}

/// A position in the event sequence of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventPosition)]
pub struct ListenerCursor {
    /// The block's height.
    pub height: Height,
    /// The event's index in the block: -1 before the first event, 2^31-1 after the last.
    pub index: i64,
    /// The block's hash, while the block may still be dropped.
    #[serde(skip)]
    pub(crate) hash: Option<String>,
}

/// An index after every event of a block.
pub(crate) const AFTER_LAST_EVENT: i64 = i32::MAX as i64;

impl ListenerSpec {
    /// The configuration of a chain event listener.
    pub fn chain(config: Json) -> Self {
        Self::Chain { config }
    }

    /// The task it starts, by id or name, and the field that names it.
    fn task(&self) -> crate::Result<(&'static str, String)> {
        match self {
            Self::Chain { config } => {
                Ok(("config.taskName", config::Config::read(config)?.task_name))
            }
            Self::Model { task_id, .. } => Ok(("taskId", task_id.clone())),
        }
    }
}

impl ListenerCursor {
    /// Before the first event of a block.
    fn before(height: Height) -> Self {
        Self {
            height,
            index: -1,
            hash: None,
        }
    }

    /// After the last event of a block that is final.
    fn after(height: Height) -> Self {
        Self {
            height,
            index: AFTER_LAST_EVENT,
            hash: None,
        }
    }
}

store::named!(Listener, ListenerId, Error, "listener", within kind: ListenerKind);
