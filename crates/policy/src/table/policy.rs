//! Policies by name and id.

use crate::{Error, Result};
use serde::{Serialize, Serializer};
use store::{Record as _, ScopedTable as _, Tx};
use types::{Page, PolicyId, Time, VersionId};
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
    #[record(update)]
    #[serde(skip)]
    pub(crate) deleted_at: Option<Time>,
}

/// The id and label of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
pub struct VersionName {
    pub id: VersionId,
    /// The day of the upload, such as `2026.01.31`; `2026.01.31.2` for the second upload of a day.
    pub label: String,
}

fn as_label<S: Serializer>(
    version: &Option<VersionName>,
    s: S,
) -> std::result::Result<S::Ok, S::Error> {
    let label = version.as_ref().map(|version| &version.label);
    label.serialize(s)
}

/// The policy with a name or id, if it is not deleted. Uses `policy_name`.
pub(crate) fn find(tx: &mut Tx, name_or_id: &str) -> store::Result<Option<StoredPolicy>> {
    let by = |column| {
        StoredPolicy::select(&format!(
            "WHERE namespace = ?ns AND {column} = ?1 AND deleted_at IS NULL"
        ))
    };
    match name_or_id.parse::<PolicyId>() {
        Ok(id) => tx.row(&by("id"), (id,)),
        Err(_) => tx.row(&by("name"), (name_or_id,)),
    }
}

/// The same, or [`Error::UnknownPolicy`].
pub(crate) fn require(tx: &mut Tx, name_or_id: &str) -> Result<StoredPolicy> {
    find(tx, name_or_id)?.ok_or_else(|| Error::UnknownPolicy {
        name: name_or_id.to_owned(),
    })
}

/// A page, ordered by name. Uses `policy_name`.
pub(crate) fn list(tx: &mut Tx, page: &Page) -> store::Result<Vec<StoredPolicy>> {
    let sql = StoredPolicy::select(
        "WHERE namespace = ?ns AND deleted_at IS NULL AND name > ?1 ORDER BY name LIMIT ?2 OFFSET ?3",
    );
    let after = page.after.as_deref().unwrap_or_default();
    tx.rows(&sql, (after, page.limit, page.skip))
}

/// The number of policies in the namespace.
pub(crate) fn count(tx: &mut Tx) -> store::Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM policy WHERE namespace = ?ns AND deleted_at IS NULL",
        (),
    )
}

/// Insert a policy, or change the description of the one with this name. Returns the stored
/// policy.
pub(crate) fn put(tx: &mut Tx, policy: StoredPolicy) -> store::Result<StoredPolicy> {
    let columns = StoredPolicy::COLUMNS;
    let on_conflict = format!(
        "ON CONFLICT (namespace, name) WHERE deleted_at IS NULL
         DO UPDATE SET description = excluded.description, version = policy.version + 1, updated_at = excluded.updated_at
         RETURNING {columns}"
    );
    let rows = std::slice::from_ref(&policy);
    let stored = StoredPolicy::insert_returning(tx, rows, &on_conflict)?.pop();
    Ok(stored.unwrap_or(policy))
}

/// Update a policy; it holds its new version.
pub(crate) fn update(tx: &mut Tx, policy: &StoredPolicy) -> store::Result<()> {
    if policy.update(tx)? {
        Ok(())
    } else {
        Err(store::Error::Contended { attempts: 1 })
    }
}
