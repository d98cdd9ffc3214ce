//! Versions: documents, checked at upload and never changed afterwards.

use super::{VersionName, checked_description};
use crate::dry_run::example;
use crate::{Error, Policy, Result, table};
use serde::Serialize;
use store::{Fact, Tx};
use types::{Digest, Page, PolicyId, Principal, Time, VersionId};

/// A version to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// What changed in this version.
    pub description: String,
    pub document: String,
    /// An example input, as JSON text, on which the document is tried.
    pub example_input: Option<String>,
}

/// A stored version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredVersion {
    pub id: VersionId,
    pub policy: PolicyId,
    /// The label, such as `2026.01.31`.
    pub label: String,
    /// What changed in this version.
    pub description: String,
    pub document: String,
    /// The example input, as uploaded.
    pub example_input: Option<String>,
    /// SHA-256 of the document.
    pub hash: Digest,
    pub created_at: Time,
    /// The id of the principal that uploaded it.
    pub created_by: String,
}

/// Upload a version; it becomes the active one. Unless the configuration disables the check, an
/// invalid document is rejected, and so is an example input that does not match the schema or on
/// which the document cannot be evaluated. Errors: `policy.unknown_policy`, `policy.document`,
/// `policy.example_input`, `policy.limit_exceeded`.
pub async fn add_version(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    new: NewVersion,
) -> Result<StoredVersion> {
    check_sizes(policy, &new)?;
    if policy.config.check_documents {
        example::check(policy, &principal.namespace, &new).await?;
    }
    let (name_or_id, principal, limit) = (
        name_or_id.to_owned(),
        principal.clone(),
        policy.config.limits.versions_per_policy,
    );
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            insert(tx, &principal, &name_or_id, &new, limit)
        })
        .await
}

/// A version by its id, or by its policy's name or id and a label; without a label, the active one.
/// Errors: `policy.unknown_policy`, `policy.unknown_version`.
pub async fn version(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    label: Option<&str>,
) -> Result<StoredVersion> {
    let (name_or_id, label) = (name_or_id.to_owned(), label.map(str::to_owned));
    policy
        .db
        .read(&principal.namespace, move |tx| {
            if let Ok(id) = name_or_id.parse::<VersionId>() {
                return table::version::get(tx, id)?.ok_or_else(|| unknown(&name_or_id));
            }
            let existing = table::policy::require(tx, &name_or_id)?;
            let id = match (&label, &existing.current) {
                (Some(label), _) => table::version::by_label(tx, existing.id, label)?,
                (None, current) => current.as_ref().map(|current| current.id),
            };
            let id = id.ok_or_else(|| unknown(label.as_deref().unwrap_or("current")))?;
            table::version::get(tx, id)?.ok_or_else(|| unknown(&id.to_string()))
        })
        .await
}

/// A page of a policy's versions, newest first, by `page.limit` and `page.skip`.
pub async fn versions(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<StoredVersion>> {
    let (name_or_id, page) = (name_or_id.to_owned(), page.clone());
    policy
        .db
        .read(&principal.namespace, move |tx| {
            let existing = table::policy::require(tx, &name_or_id)?;
            Ok(table::version::list(tx, existing.id, &page)?)
        })
        .await
}

fn insert(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    name_or_id: &str,
    new: &NewVersion,
    limit: usize,
) -> Result<StoredVersion> {
    let existing = table::policy::require(tx, name_or_id)?;
    if table::version::count(tx, existing.id)? >= limit {
        return Err(Error::LimitExceeded {
            what: "versions of a policy",
            limit,
            field: None,
        });
    }
    let now = tx.now();
    let stored = StoredVersion {
        id: VersionId::new(now, tx.entropy()),
        policy: existing.id,
        label: label(tx, existing.id, now)?,
        description: new.description.clone(),
        document: new.document.clone(),
        example_input: new.example_input.clone(),
        hash: Digest::of(new.document.as_bytes()),
        created_at: now,
        created_by: principal.id.clone(),
    };
    let number = table::policy::set_current(tx, existing.id, stored.id, now)?;
    table::version::insert(tx, &stored, number)?;
    table::revision::bump(tx)?;
    let name = VersionName {
        id: stored.id,
        label: stored.label.clone(),
    };
    let payload = serde_json::json!({ "version": name, "hash": stored.hash, "description": stored.description });
    tx.append(
        Fact::new("policy.version_added", 1)
            .subject(&existing.id, existing.version + 1)
            .actor(principal)
            .payload(&payload),
    );
    Ok(stored)
}

/// The label of a new version: the day, with a number from the second version of a day on.
fn label(tx: &mut Tx<'_, '_>, policy: PolicyId, now: Time) -> Result<String> {
    let day = now
        .to_string()
        .chars()
        .take(10)
        .collect::<String>()
        .replace('-', ".");
    match table::version::count_of_day(tx, policy, &day)? {
        0 => Ok(day),
        earlier => Ok(format!("{day}.{}", earlier + 1)),
    }
}

fn check_sizes(policy: &Policy, new: &NewVersion) -> Result<()> {
    checked_description(&new.description)?;
    let limit = policy.config.limits.document_bytes;
    let too_long = |what, field| Error::LimitExceeded {
        what,
        limit,
        field: Some(field),
    };
    if new.document.len() > limit || new.document.contains('\0') {
        return Err(too_long(
            "bytes in a document, none of them NUL",
            "document",
        ));
    }
    if new
        .example_input
        .as_ref()
        .is_some_and(|input| input.len() > limit || input.contains('\0'))
    {
        return Err(too_long(
            "bytes in an example input, none of them NUL",
            "exampleInput",
        ));
    }
    Ok(())
}

fn unknown(version: &str) -> Error {
    Error::UnknownVersion {
        version: version.to_owned(),
    }
}
