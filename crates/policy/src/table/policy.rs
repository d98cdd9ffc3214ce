//! Policies by name and id.

use crate::Error;
use serde::{Serialize, Serializer};
use types::{PolicyId, Time, VersionId};
use utoipa::ToSchema;

/// A named, versioned Rego document that decides about submissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
#[record(table = "policy")]
#[schema(as = Policy)]
pub struct StoredPolicy {
    #[record(key)]
    pub id: PolicyId,
    #[record(update)]
    pub name: String,
    #[record(update)]
    pub description: String,
    /// The label of the current version. Absent until a version is created.
    #[record(update, columns("current_version", "current_label"))]
    #[serde(rename = "currentVersion", skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "as_label")]
    #[schema(value_type = Option<String>)]
    pub current: Option<VersionName>,
    /// The number of its versions.
    #[record(update)]
    #[serde(skip)]
    pub(crate) versions: u64,
    /// Increases with each change.
    #[record(next_version)]
    #[serde(skip)]
    pub version: u64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
}

/// The id and label of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
pub struct VersionName {
    pub id: VersionId,
    /// The day of the upload, such as `2026.01.31`; `2026.01.31.2` for the second upload of a day.
    pub label: String,
}

fn as_label<S: Serializer>(version: &Option<VersionName>, s: S) -> Result<S::Ok, S::Error> {
    let label = version.as_ref().map(|version| &version.label);
    label.serialize(s)
}

store::named!(StoredPolicy, PolicyId, Error, "policy");
