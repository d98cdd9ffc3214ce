//! Tasks and their versions.

mod verbs;
mod version;

pub use verbs::{delete_task, patch_task, put_task, task, tasks};
pub(crate) use version::{definition, select_version};
pub use version::{post_version, version, versions};

use crate::definition::Warning;
use crate::table::named::named;
use serde::Serialize;
use types::{Digest, TaskId, Time, VersionId};

/// A named task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "task")]
#[serde(rename_all = "camelCase")]
pub struct Task {
    #[record(key)]
    pub id: TaskId,
    /// Unique in the namespace.
    #[record(update)]
    pub name: String,
    #[record(update)]
    pub description: String,
    /// The variable set its steps see, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub variable_set: Option<String>,
    /// The id of the current version.
    #[serde(skip)]
    #[record(update, column = "current_version")]
    pub current_id: Option<VersionId>,
    /// The label of the current version; `None` before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update, column = "current_label")]
    pub current_version: Option<String>,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    #[record(next_version)]
    pub version: u64,
}

named!(Task, TaskId, within(), "task");

/// The request to create or change a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    /// A new name for an existing task; a new one takes its name from the path.
    pub name: Option<String>,
    pub description: Option<String>,
    /// The variable set its steps see, by name or id.
    pub variable_set: Option<String>,
}

/// A version of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "task_version")]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub id: VersionId,
    pub task: TaskId,
    /// The label: the day of creation, `2026.01.31`; `2026.01.31.2` for the second of a day.
    #[record(column = "label")]
    pub version: String,
    pub description: String,
    /// SHA-256 of the document.
    pub hash: Digest,
    /// Number of steps.
    pub steps: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[record(json)]
    pub warnings: Vec<Warning>,
    #[record(column = "created_at")]
    pub created: Time,
    pub created_by: String,
}
