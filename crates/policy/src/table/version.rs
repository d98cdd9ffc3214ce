//! Versions of policies. Insert-only.

use serde::Serialize;
use store::{Record as _, Result, ScopedTable as _, Tx};
use types::{Digest, Page, PolicyId, Time, VersionId};
use utoipa::ToSchema;

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "policy_version")]
#[serde(rename_all = "camelCase")]
pub struct StoredVersion {
    pub id: VersionId,
    pub policy: PolicyId,
    /// Its number within the policy, from 1.
    #[serde(skip)]
    pub(crate) number: u64,
    /// The label, such as `2026.01.31`.
    pub label: String,
    pub description: String,
    /// The Rego document.
    pub document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example_input: Option<String>,
    /// The SHA-256 hash of the document.
    pub hash: Digest,
    #[serde(rename = "created")]
    pub created_at: Time,
    pub created_by: String,
}

/// Insert a version.
pub(crate) fn insert(tx: &mut Tx, version: &StoredVersion) -> Result<u64> {
    StoredVersion::insert(tx, std::slice::from_ref(version), "")
}

/// A version by its id.
pub(crate) fn get(tx: &mut Tx, id: VersionId) -> Result<Option<StoredVersion>> {
    let sql = StoredVersion::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))
}

/// The documents of these versions, in no particular order.
pub(crate) fn documents(tx: &mut Tx, ids: &[VersionId]) -> Result<Vec<(VersionId, String)>> {
    tx.query_rows(
        "SELECT id, document FROM policy_version WHERE namespace = ?ns AND id IN ({rows})",
        (),
        &store::list(ids),
    )
}

/// The version with a label.
pub(crate) fn by_label(
    tx: &mut Tx,
    policy: PolicyId,
    label: &str,
) -> Result<Option<StoredVersion>> {
    let sql = StoredVersion::select("WHERE namespace = ?ns AND policy = ?1 AND label = ?2");
    tx.row(&sql, (policy, label))
}

/// A page, newest first.
pub(crate) fn list(tx: &mut Tx, policy: PolicyId, page: &Page) -> Result<Vec<StoredVersion>> {
    let sql = StoredVersion::select(
        "WHERE namespace = ?ns AND policy = ?1 ORDER BY number DESC LIMIT ?2 OFFSET ?3",
    );
    tx.rows(&sql, (policy, page.limit, page.skip))
}

/// The number of versions of a policy.
pub(crate) fn count(tx: &mut Tx, policy: PolicyId) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM policy_version WHERE namespace = ?ns AND policy = ?1",
        (policy,),
    )
}

/// The number of versions labeled with a day: `day` itself, or `day.2` and so on ('/' follows '.'
/// in byte order).
pub(crate) fn count_of_day(tx: &mut Tx, policy: PolicyId, day: &str) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM policy_version WHERE namespace = ?ns AND policy = ?1 AND label >= ?2 AND label < ?3",
        (policy, day, format!("{day}/")),
    )
}
