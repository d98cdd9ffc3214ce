//! Attachments of policies to targets.

use super::policy::VersionName;
use crate::target::{Target, TargetKind};
use serde::Serialize;
use store::{Result, ScopedTable as _, Tx};
use types::{ChainId, Digest, Page, PolicyId, Time};
use utoipa::ToSchema;

#[derive(store::Record)]
#[record(table = "policy_attachment")]
pub(crate) struct StoredAttachment {
    #[record(columns("kind", "target"))]
    pub(crate) target: Target,
    pub(crate) policy: PolicyId,
    pub(crate) attached_at: Time,
    pub(crate) attached_by: String,
}

/// The attachment of a policy to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub policy: PolicyId,
    pub name: String,
    #[schema(value_type = Object)]
    #[record(columns("kind", "target"))]
    pub target: Target,
    #[serde(rename = "attached")]
    pub attached_at: Time,
    pub attached_by: String,
}

/// A policy that may be evaluated.
#[derive(Debug, Clone, store::Record)]
pub(crate) struct ActivePolicy {
    pub(crate) id: PolicyId,
    pub(crate) name: String,
    #[record(columns("version", "label", "hash"))]
    pub(crate) active: Option<ActiveVersion>,
}

/// The active version of a policy.
#[derive(Debug, Clone, store::Record)]
pub(crate) struct ActiveVersion {
    #[record(columns("id", "label"))]
    pub(crate) name: VersionName,
    pub(crate) hash: Digest,
}

/// An active policy and a target that it is attached to.
#[derive(store::Record)]
pub(crate) struct AttachedPolicy {
    #[record(columns("kind", "target"))]
    pub(crate) target: Target,
    #[record(columns("id", "name", "version", "label", "hash"))]
    pub(crate) policy: ActivePolicy,
}

/// Attach a policy; false if it was already attached.
pub(crate) fn insert(tx: &mut Tx, attachment: &StoredAttachment) -> Result<bool> {
    let rows = std::slice::from_ref(attachment);
    Ok(StoredAttachment::insert(tx, rows, "ON CONFLICT DO NOTHING")? == 1)
}

/// Detach a policy; false if it was not attached.
pub(crate) fn delete(tx: &mut Tx, target: &Target, policy: PolicyId) -> Result<bool> {
    let deleted = tx.execute(
        "DELETE FROM policy_attachment WHERE namespace = ?ns AND kind = ?1 AND target = ?2 AND policy = ?3",
        (target.kind(), target.key(), policy),
    )?;
    Ok(deleted == 1)
}

/// The number of attachments in the namespace.
pub(crate) fn count(tx: &mut Tx) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM policy_attachment WHERE namespace = ?ns",
        (),
    )
}

/// The number of attachments of a policy. Uses `policy_attachment_policy`.
pub(crate) fn count_of(tx: &mut Tx, policy: PolicyId) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM policy_attachment WHERE namespace = ?ns AND policy = ?1",
        (policy,),
    )
}

/// A page, ordered by target; of one policy if one is given.
pub(crate) fn list(tx: &mut Tx, policy: Option<PolicyId>, page: &Page) -> Result<Vec<Attachment>> {
    let policy = policy.map(|id| id.to_string()).unwrap_or_default();
    tx.rows(
        "SELECT a.policy, p.name, a.kind, a.target, a.attached_at, a.attached_by
           FROM policy_attachment a JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
          WHERE a.namespace = ?ns AND (?1 = '' OR a.policy = ?1)
          ORDER BY a.kind, a.target, a.policy LIMIT ?2 OFFSET ?3",
        (policy, page.limit, page.skip),
    )
}

/// The policies attached to any of these targets, each with its target.
pub(crate) fn attached(tx: &mut Tx, targets: &[Target]) -> Result<Vec<AttachedPolicy>> {
    let targets: Vec<(TargetKind, String)> = (targets.iter())
        .map(|target| (target.kind(), target.key()))
        .collect();
    tx.query_rows(
        "SELECT a.kind, a.target, p.id, p.name, v.id, v.label, v.hash
           FROM policy_attachment a
           JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
           LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE a.namespace = ?ns AND (a.kind, a.target) IN ({rows})",
        (),
        &targets,
    )
}

/// The policies attached to any asset, or to any contract of a chain.
pub(crate) fn attached_on(tx: &mut Tx, chain: &ChainId) -> Result<Vec<ActivePolicy>> {
    tx.rows(
        "SELECT DISTINCT p.id, p.name, v.id, v.label, v.hash
           FROM policy_attachment a
           JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
           LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE a.namespace = ?ns
            AND (a.kind = ?1 OR (a.kind = ?2 AND substr(a.target, 1, length(?3)) = ?3))",
        (TargetKind::Asset, TargetKind::Contract, format!("{chain}/")),
    )
}

/// Who attached a policy to a target, and who wrote its active version, if it has one.
#[derive(store::Record)]
pub(crate) struct AttachedBy {
    #[record(columns("kind", "target"))]
    pub(crate) target: Target,
    pub(crate) policy: PolicyId,
    pub(crate) attached_by: String,
    pub(crate) written_by: Option<String>,
}

/// Who made what [`attached`] returns for these targets.
pub(crate) fn attached_by(tx: &mut Tx, targets: &[Target]) -> Result<Vec<AttachedBy>> {
    let targets: Vec<(TargetKind, String)> = (targets.iter())
        .map(|target| (target.kind(), target.key()))
        .collect();
    tx.query_rows(
        "SELECT a.kind, a.target, a.policy, a.attached_by, v.created_by
           FROM policy_attachment a
           JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
           LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE a.namespace = ?ns AND (a.kind, a.target) IN ({rows})",
        (),
        &targets,
    )
}

/// The policies with these names.
pub(crate) fn named(tx: &mut Tx, names: &[String]) -> Result<Vec<ActivePolicy>> {
    tx.query_rows(
        "SELECT p.id, p.name, v.id, v.label, v.hash
           FROM policy p LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE p.namespace = ?ns AND p.name IN ({rows})",
        (),
        &store::list(names),
    )
}
