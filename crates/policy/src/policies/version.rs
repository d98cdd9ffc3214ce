//! Versions: documents, checked at upload and never changed afterwards.

use super::check_description;
use crate::dry_run::example;
use crate::table::policy::{StoredPolicy, VersionName};
use crate::table::version::StoredVersion;
use crate::{Error, Policy, Result, table};
use serde::Deserialize;
use store::named::Named as _;
use store::{Fact, ScopedTable as _, Tx};
use types::{Digest, Page, PolicyId, Principal, Time, VersionId};
use utoipa::ToSchema;

/// A policy version to create.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewVersion {
    #[serde(default)]
    pub description: String,
    /// The Rego document.
    pub document: String,
    /// An example input for dry runs, as JSON text.
    pub example_input: Option<String>,
}

/// Upload a version; it becomes the active one. Unless the configuration disables the check, an
/// invalid document is rejected, and so is an example input that does not match the schema or on
/// which the document cannot be evaluated. Errors: `policy.unknown_policy`,
/// `policy.invalid_document`, `policy.invalid_example_input`, `policy.limit_exceeded`.
pub async fn add_version(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    new: NewVersion,
) -> Result<StoredVersion> {
    check_sizes(policy, &new)?;
    if policy.settings.check_documents {
        let example = new.example_input.as_deref();
        example::check(policy, &principal.namespace, &new.document, example).await?;
    }
    let limit = policy.settings.limits.versions_per_policy;
    let args = (name_or_id.to_owned(), new);
    policy
        .on()
        .write_as(principal, args, move |tx, principal, (name_or_id, new)| {
            insert(tx, principal, name_or_id, new, limit)
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
    let args = (name_or_id.to_owned(), label.map(str::to_owned));
    policy
        .db()
        .read_with(&principal.namespace, args, |tx, (name_or_id, label)| {
            find(tx, name_or_id, label.as_deref())
        })
        .await
}

fn find(tx: &mut Tx, name_or_id: &str, label: Option<&str>) -> Result<StoredVersion> {
    if let Ok(id) = name_or_id.parse::<VersionId>() {
        return table::version::get(tx, id)?.ok_or_else(|| unknown(name_or_id));
    }
    let existing = StoredPolicy::require(tx, (), name_or_id)?;
    let version = match (label, existing.current) {
        (Some(label), _) => table::version::by_label(tx, existing.id, label)?,
        (None, Some(current)) => table::version::get(tx, current.id)?,
        (None, None) => None,
    };
    version.ok_or_else(|| unknown(label.unwrap_or("current")))
}

/// A version by its id. Error: `policy.unknown_version`.
pub(crate) async fn version_by_id(
    policy: &Policy,
    principal: &Principal,
    id: VersionId,
) -> Result<StoredVersion> {
    policy
        .db()
        .read_with(&principal.namespace, id, |tx, id| {
            table::version::get(tx, *id)?.ok_or_else(|| unknown(&id.to_string()))
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
    let args = (name_or_id.to_owned(), page.clone());
    policy
        .db()
        .read_with(&principal.namespace, args, |tx, (name_or_id, page)| {
            let existing = StoredPolicy::require(tx, (), name_or_id)?;
            Ok(table::version::list(tx, existing.id, page)?)
        })
        .await
}

fn insert(
    tx: &mut Tx,
    principal: &Principal,
    name_or_id: &str,
    new: &NewVersion,
    limit: usize,
) -> Result<StoredVersion> {
    let mut changed = StoredPolicy::require(tx, (), name_or_id)?;
    changed.touch(tx.now());
    if table::version::count(tx, changed.id)? >= limit as u64 {
        return Err(Error::too_many("versions of a policy", limit));
    }
    changed.versions += 1;
    let (policy, now) = (changed.id, changed.updated);
    let stored = StoredVersion {
        id: VersionId::new(now, tx.entropy()),
        policy,
        number: changed.versions,
        label: label(tx, policy, now)?,
        description: new.description.clone(),
        document: new.document.clone(),
        example_input: new.example_input.clone(),
        hash: Digest::of(new.document.as_bytes()),
        created_at: now,
        created_by: principal.id.clone(),
    };
    let name = VersionName {
        id: stored.id,
        label: stored.label.clone(),
    };
    let payload = serde_json::json!({ "version": name, "hash": stored.hash, "description": stored.description });
    changed.current = Some(name);
    if !changed.update(tx)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    table::version::insert(tx, &stored)?;
    table::revision::bump(tx)?;
    tx.append(
        Fact::new("policy.version_added", 1)
            .subject(&policy, changed.version)
            .actor(principal)
            .payload(&payload),
    );
    Ok(stored)
}

/// The label of a new version: the day, with a number from the second version of a day on.
fn label(tx: &mut Tx, policy: PolicyId, now: Time) -> Result<String> {
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
    check_description(Some(&new.description))?;
    let limit = policy.settings.limits.document_bytes;
    let too_long = |what, field| Error::too_long(field, what, limit);
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
