//! Tasks and versions as they are shown.

use serde::Serialize;
use types::{Digest, TaskId, Time, VersionId};
use utoipa::ToSchema;

/// A task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    id: TaskId,
    name: String,
    description: String,
    /// The variable set that its steps see, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    variable_set: Option<String>,
    /// The label of the version that runs; absent before the first.
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
    /// Its label: the day it was made, such as `2026.01.31`.
    version: String,
    description: String,
    /// SHA-256 of the document.
    hash: Digest,
    /// How many steps it has.
    steps: u32,
    /// What was kept although it looks like a mistake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    created: Time,
    created_by: String,
    /// The document as it was posted; absent in a listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

/// Something that looks like a mistake.
#[derive(Serialize, ToSchema)]
pub(super) struct Warning {
    /// Where, as a path such as `steps[2].options`.
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
    pub(super) fn whole((version, document): (workflow::Version, String)) -> Self {
        Self {
            document: Some(document),
            ..version.into()
        }
    }
}
