//! Attachments of policies to targets.

use crate::{Attachment, Error, Result, Target};
use store::Tx;
use types::{Digest, Page, PolicyId, Time, VersionId};

/// An active policy: id, name, active version, and that version's label and hash.
pub(crate) type PolicyRow = (
    PolicyId,
    String,
    Option<VersionId>,
    Option<String>,
    Option<Digest>,
);

/// Attach a policy; false if it was already attached.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    target: &Target,
    policy: PolicyId,
    now: Time,
    by: &str,
) -> store::Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO policy_attachment (namespace, kind, target, policy, attached_at, attached_by)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        (target.kind(), target.key(), policy, now, by),
    )?;
    Ok(inserted == 1)
}

/// Detach a policy; false if it was not attached.
pub(crate) fn delete(
    tx: &mut Tx<'_, '_>,
    target: &Target,
    policy: PolicyId,
) -> store::Result<bool> {
    let deleted = tx.execute(
        "DELETE FROM policy_attachment WHERE namespace = ?ns AND kind = ?1 AND target = ?2 AND policy = ?3",
        (target.kind(), target.key(), policy),
    )?;
    Ok(deleted == 1)
}

/// The number of attachments in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> store::Result<usize> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM policy_attachment WHERE namespace = ?ns",
        (),
    )?;
    Ok(row
        .and_then(|(count,)| usize::try_from(count).ok())
        .unwrap_or(0))
}

/// The number of attachments of a policy. Uses `policy_attachment_policy`.
pub(crate) fn count_of(tx: &mut Tx<'_, '_>, policy: PolicyId) -> store::Result<usize> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM policy_attachment WHERE namespace = ?ns AND policy = ?1",
        (policy,),
    )?;
    Ok(row
        .and_then(|(count,)| usize::try_from(count).ok())
        .unwrap_or(0))
}

/// A page, ordered by target; of one policy if one is given.
pub(crate) fn list(
    tx: &mut Tx<'_, '_>,
    policy: Option<PolicyId>,
    page: &Page,
) -> Result<Vec<Attachment>> {
    let rows: Vec<(PolicyId, String, String, String, Time, String)> = tx.rows(
        "SELECT a.policy, p.name, a.kind, a.target, a.attached_at, a.attached_by
           FROM policy_attachment a JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
          WHERE a.namespace = ?ns AND (?1 = '' OR a.policy = ?1)
          ORDER BY a.kind, a.target, a.policy LIMIT ?2 OFFSET ?3",
        (
            policy.map(|id| id.to_string()).unwrap_or_default(),
            page.limit,
            page.skip,
        ),
    )?;
    rows.into_iter().map(attachment).collect()
}

/// The policies attached to any of these targets, each with its target.
pub(crate) fn attached(
    tx: &mut Tx<'_, '_>,
    targets: &[(&'static str, String)],
) -> store::Result<Vec<(String, String, PolicyRow)>> {
    type Row = (
        String,
        String,
        PolicyId,
        String,
        Option<VersionId>,
        Option<String>,
        Option<Digest>,
    );
    let rows: Vec<Row> = tx.query_rows(
        "SELECT a.kind, a.target, p.id, p.name, v.id, v.label, v.hash
           FROM policy_attachment a
           JOIN policy p ON p.namespace = a.namespace AND p.id = a.policy
           LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE a.namespace = ?ns AND (a.kind, a.target) IN ({rows})",
        (),
        targets,
    )?;
    Ok(rows
        .into_iter()
        .map(|(kind, target, id, name, version, label, hash)| {
            (kind, target, (id, name, version, label, hash))
        })
        .collect())
}

/// The policies with these names.
pub(crate) fn named(tx: &mut Tx<'_, '_>, names: &[(String,)]) -> store::Result<Vec<PolicyRow>> {
    tx.query_rows(
        "SELECT p.id, p.name, v.id, v.label, v.hash
           FROM policy p LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE p.namespace = ?ns AND p.deleted_at IS NULL AND p.name IN ({rows})",
        (),
        names,
    )
}

fn attachment(
    (policy, name, kind, target, attached_at, attached_by): (
        PolicyId,
        String,
        String,
        String,
        Time,
        String,
    ),
) -> Result<Attachment> {
    let target =
        Target::from_stored(&kind, &target).ok_or(Error::Store(store::Error::UnexpectedValue {
            column: "target",
            found: "text",
            expected: "a target",
        }))?;
    Ok(Attachment {
        policy,
        name,
        target,
        attached_at,
        attached_by,
    })
}
