//! Versions of policies. Insert-only.

use crate::policies::StoredVersion;
use store::{Result, Tx};
use types::{Digest, Page, PolicyId, Time, VersionId};

type Row = (
    VersionId,
    PolicyId,
    String,
    String,
    String,
    Option<String>,
    Digest,
    Time,
    String,
);

/// Insert a version, with its number within the policy.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, version: &StoredVersion, number: i64) -> Result<u64> {
    tx.execute(
        "INSERT INTO policy_version
           (namespace, id, policy, number, label, description, document, example_input, hash, created_at, created_by)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            version.id,
            version.policy,
            number,
            &version.label,
            &version.description,
            &version.document,
            &version.example_input,
            version.hash,
            version.created_at,
            &version.created_by,
        ),
    )
}

/// A version by its id.
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: VersionId) -> Result<Option<StoredVersion>> {
    let row = tx.row::<Row>(
        "SELECT id, policy, label, description, document, example_input, hash, created_at, created_by
           FROM policy_version WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(row.map(stored))
}

/// The documents of these versions, in no particular order.
pub(crate) fn documents(
    tx: &mut Tx<'_, '_>,
    ids: &[(VersionId,)],
) -> Result<Vec<(VersionId, String)>> {
    tx.query_rows(
        "SELECT id, document FROM policy_version WHERE namespace = ?ns AND id IN ({rows})",
        (),
        ids,
    )
}

/// The id of the version with a label.
pub(crate) fn by_label(
    tx: &mut Tx<'_, '_>,
    policy: PolicyId,
    label: &str,
) -> Result<Option<VersionId>> {
    let row: Option<(VersionId,)> = tx.row(
        "SELECT id FROM policy_version WHERE namespace = ?ns AND policy = ?1 AND label = ?2",
        (policy, label),
    )?;
    Ok(row.map(|(id,)| id))
}

/// A page, newest first.
pub(crate) fn list(
    tx: &mut Tx<'_, '_>,
    policy: PolicyId,
    page: &Page,
) -> Result<Vec<StoredVersion>> {
    let rows = tx.rows::<Row>(
        "SELECT id, policy, label, description, document, example_input, hash, created_at, created_by
           FROM policy_version WHERE namespace = ?ns AND policy = ?1 ORDER BY number DESC LIMIT ?2 OFFSET ?3",
        (policy, page.limit, page.skip),
    )?;
    Ok(rows.into_iter().map(stored).collect())
}

/// The number of versions of a policy.
pub(crate) fn count(tx: &mut Tx<'_, '_>, policy: PolicyId) -> Result<usize> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM policy_version WHERE namespace = ?ns AND policy = ?1",
        (policy,),
    )?;
    Ok(row
        .and_then(|(count,)| usize::try_from(count).ok())
        .unwrap_or(0))
}

/// The number of versions labelled with a day: `day` itself, or `day.2` and so on ('/' follows '.'
/// in byte order).
pub(crate) fn count_of_day(tx: &mut Tx<'_, '_>, policy: PolicyId, day: &str) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM policy_version WHERE namespace = ?ns AND policy = ?1 AND label >= ?2 AND label < ?3",
        (policy, day, format!("{day}/")),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

fn stored(
    (id, policy, label, description, document, example_input, hash, created_at, created_by): Row,
) -> StoredVersion {
    StoredVersion {
        id,
        policy,
        label,
        description,
        document,
        example_input,
        hash,
        created_at,
        created_by,
    }
}
