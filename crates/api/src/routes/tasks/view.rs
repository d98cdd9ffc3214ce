//! Response bodies of tasks and versions.

use serde::Serialize;
use types::{Digest, TaskId, Time, VersionId};
use utoipa::ToSchema;

/// A named sequence of steps.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    id: TaskId,
    name: String,
    description: String,
    /// The variable set that the steps read as `variables`, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    variable_set: Option<String>,
    /// The label of the current version. Absent until a version is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<String>,
    created: Time,
    updated: Time,
}

impl From<workflow::Task> for Task {
    fn from(task: workflow::Task) -> Self {
        Self {
            id: task.id,
            name: task.name,
            description: task.description,
            variable_set: task.variable_set,
            current_version: task.current_version,
            created: task.created,
            updated: task.updated,
        }
    }
}

/// A version of a task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskVersion {
    id: VersionId,
    task: TaskId,
    /// The label: the date of creation, such as `2026.01.31`.
    version: String,
    description: String,
    /// The SHA-256 hash of the document.
    hash: Digest,
    /// The number of steps.
    steps: u32,
    /// Parts of the document that were accepted but look like mistakes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    created: Time,
    created_by: String,
    /// The document as it was sent. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

/// A part of the document that looks like a mistake.
#[derive(Serialize, ToSchema)]
pub(super) struct Warning {
    /// The field as a path, such as `steps[2].options`.
    field: String,
    message: String,
}

impl From<workflow::Warning> for Warning {
    fn from(warning: workflow::Warning) -> Self {
        Self {
            field: warning.field,
            message: warning.message,
        }
    }
}

impl From<workflow::Version> for TaskVersion {
    fn from(version: workflow::Version) -> Self {
        Self {
            id: version.id,
            task: version.task,
            version: version.version,
            description: version.description,
            hash: version.hash,
            steps: version.steps,
            warnings: version.warnings.into_iter().map(Warning::from).collect(),
            created: version.created,
            created_by: version.created_by,
            document: None,
        }
    }
}

impl TaskVersion {
    /// A version with its document.
    pub(super) fn with_document((version, document): (workflow::Version, String)) -> Self {
        Self {
            document: Some(document),
            ..version.into()
        }
    }
}
