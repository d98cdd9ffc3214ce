//! Tasks and their versions.

mod verbs;
mod version;

pub use verbs::{delete_task, patch_task, put_task, task, tasks};
pub(crate) use version::{definition, select_version};
pub use version::{post_version, version, versions};

use crate::Error;
use crate::definition::Warning;
use serde::{Deserialize, Serialize};
use types::{Author, Digest, TaskId, Time, VersionId};
use utoipa::ToSchema;

/// A named sequence of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "task")]
#[serde(rename_all = "camelCase")]
pub struct Task {
    #[record(key)]
    pub id: TaskId,
    #[record(update)]
    pub name: String,
    #[record(update)]
    pub description: String,
    /// The variable set that the steps read as `variables`, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub variable_set: Option<String>,
    /// The id of the current version.
    #[serde(skip)]
    #[record(update, column = "current_version")]
    pub current_id: Option<VersionId>,
    /// The label of the current version. Absent until a version is created.
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

store::named!(Task, TaskId, Error, "task");

/// A task to create or to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TaskInput)]
pub struct NewTask {
    /// The name. Defaults to the name in the path.
    pub name: Option<String>,
    pub description: Option<String>,
    /// The variable set that the steps read as `variables`, by name or id.
    pub variable_set: Option<String>,
}

/// A version of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "task_version")]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub id: VersionId,
    pub task: TaskId,
    /// The label: the date of creation, such as `2026.01.31`.
    #[record(column = "label")]
    pub version: String,
    pub description: String,
    /// The SHA-256 hash of the document.
    pub hash: Digest,
    /// The number of steps.
    pub steps: u32,
    /// Parts of the document that were accepted but look like mistakes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[record(json)]
    pub warnings: Vec<Warning>,
    #[record(column = "created_at")]
    pub created: Time,
    pub created_by: String,
    /// Who wrote it; none in versions of earlier releases.
    #[serde(skip)]
    #[record(json)]
    pub(crate) author: Option<Author>,
}

impl Version {
    /// In whose name its steps act, besides the one who starts a run.
    pub(crate) fn author(&self) -> Author {
        let author = self.author.clone();
        author.unwrap_or_else(|| Author::unrecorded(&self.created_by))
    }
}
