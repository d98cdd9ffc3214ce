//! Policies by name and id.

use crate::policies::{StoredPolicy, VersionName};
use crate::{Error, Result};
use store::Tx;
use types::{Page, PolicyId, Time, VersionId};

type Row = (
    PolicyId,
    String,
    String,
    Option<VersionId>,
    Option<String>,
    i64,
    Time,
    Time,
);

/// The policy with a name or id, if it is not deleted. Uses `policy_name`.
pub(crate) fn find(tx: &mut Tx<'_, '_>, name_or_id: &str) -> store::Result<Option<StoredPolicy>> {
    let row = match name_or_id.parse::<PolicyId>() {
        Ok(id) => tx.row::<Row>(
            "SELECT p.id, p.name, p.description, p.current_version, v.label, p.version, p.created_at, p.updated_at
               FROM policy p LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
              WHERE p.namespace = ?ns AND p.id = ?1 AND p.deleted_at IS NULL",
            (id,),
        )?,
        Err(_) => tx.row::<Row>(
            "SELECT p.id, p.name, p.description, p.current_version, v.label, p.version, p.created_at, p.updated_at
               FROM policy p LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
              WHERE p.namespace = ?ns AND p.name = ?1 AND p.deleted_at IS NULL",
            (name_or_id,),
        )?,
    };
    Ok(row.map(stored))
}

/// The same, or [`Error::UnknownPolicy`].
pub(crate) fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<StoredPolicy> {
    find(tx, name_or_id)?.ok_or_else(|| Error::UnknownPolicy {
        name: name_or_id.to_owned(),
    })
}

/// A page, ordered by name. Uses `policy_name`.
pub(crate) fn list(tx: &mut Tx<'_, '_>, page: &Page) -> store::Result<Vec<StoredPolicy>> {
    let rows = tx.rows::<Row>(
        "SELECT p.id, p.name, p.description, p.current_version, v.label, p.version, p.created_at, p.updated_at
           FROM policy p LEFT JOIN policy_version v ON v.namespace = p.namespace AND v.id = p.current_version
          WHERE p.namespace = ?ns AND p.deleted_at IS NULL AND p.name > ?1
          ORDER BY p.name LIMIT ?2 OFFSET ?3",
        (page.after.as_deref().unwrap_or_default(), page.limit, page.skip),
    )?;
    Ok(rows.into_iter().map(stored).collect())
}

/// The number of policies in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> store::Result<usize> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM policy WHERE namespace = ?ns AND deleted_at IS NULL",
        (),
    )?;
    Ok(row
        .and_then(|(count,)| usize::try_from(count).ok())
        .unwrap_or(0))
}

/// Insert a policy, or change the description of the one with this name. Returns the id of the
/// stored policy.
pub(crate) fn upsert(
    tx: &mut Tx<'_, '_>,
    id: PolicyId,
    name: &str,
    description: &str,
    now: Time,
) -> store::Result<PolicyId> {
    let row: Option<(PolicyId,)> = tx.row(
        "INSERT INTO policy (namespace, id, name, description, versions, version, created_at, updated_at)
         VALUES (?ns, ?1, ?2, ?3, 0, 1, ?4, ?4)
             ON CONFLICT (namespace, name) WHERE deleted_at IS NULL
             DO UPDATE SET description = excluded.description, version = policy.version + 1, updated_at = excluded.updated_at
         RETURNING id",
        (id, name, description, now),
    )?;
    Ok(row.map_or(id, |(id,)| id))
}

/// Update name and description.
pub(crate) fn rename(
    tx: &mut Tx<'_, '_>,
    id: PolicyId,
    name: &str,
    description: &str,
    now: Time,
) -> store::Result<u64> {
    tx.execute(
        "UPDATE policy SET name = ?2, description = ?3, version = version + 1, updated_at = ?4
          WHERE namespace = ?ns AND id = ?1",
        (id, name, description, now),
    )
}

/// Set the active version. Returns its number within the policy, from 1.
pub(crate) fn set_current(
    tx: &mut Tx<'_, '_>,
    id: PolicyId,
    current: VersionId,
    now: Time,
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "UPDATE policy SET current_version = ?2, versions = versions + 1, version = version + 1, updated_at = ?3
          WHERE namespace = ?ns AND id = ?1 AND deleted_at IS NULL RETURNING versions",
        (id, current, now),
    )?;
    row.map(|(number,)| number)
        .ok_or_else(|| Error::UnknownPolicy {
            name: id.to_string(),
        })
}

/// Mark a policy as deleted; its name becomes free.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: PolicyId, now: Time) -> store::Result<u64> {
    tx.execute(
        "UPDATE policy SET deleted_at = ?2, version = version + 1, updated_at = ?2 WHERE namespace = ?ns AND id = ?1",
        (id, now),
    )
}

fn stored(
    (id, name, description, current, label, version, created_at, updated_at): Row,
) -> StoredPolicy {
    let current = current
        .zip(label)
        .map(|(id, label)| VersionName { id, label });
    StoredPolicy {
        id,
        name,
        description,
        current,
        version: u64::try_from(version).unwrap_or(0),
        created_at,
        updated_at,
    }
}
