//! Versions: documents, checked when they are uploaded, never changed afterwards.

use super::{VersionName, checked_description};
use crate::dry_run::example;
use crate::{Error, Policy, Result, table};
use serde::Serialize;
use store::{Fact, Tx};
use types::{Digest, Page, PolicyId, Principal, Time, VersionId};

/// A version to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// What is new, in words.
    pub description: String,
    /// The Rego text.
    pub document: String,
    /// An input that the document can be tried on, as JSON text.
    pub example_input: Option<String>,
}

/// A version as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredVersion {
    /// Its id.
    pub id: VersionId,
    /// The policy.
    pub policy: PolicyId,
    /// Its label, such as `2026.01.31`.
    pub label: String,
    /// What is new, in words.
    pub description: String,
    /// The Rego text.
    pub document: String,
    /// The example, as it was given.
    pub example_input: Option<String>,
    /// SHA-256 of the document.
    pub hash: Digest,
    /// When it was made.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
}

/// Make a version; it becomes the current one. Unless the settings say otherwise, a document that
/// cannot be asked is refused, and so is an example input that does not fit the schema or to which
/// the document has no answer. Errors: `policy.unknown_policy`, `policy.document`,
/// `policy.example_input`, `policy.limit`.
pub async fn add_version(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    new: NewVersion,
) -> Result<StoredVersion> {
    check_sizes(policy, &new)?;
    if policy.config.check_documents {
        example::check(policy, &who.namespace, &new).await?;
    }
    let (named, who, limit) = (
        name_or_id.to_owned(),
        who.clone(),
        policy.config.limits.versions,
    );
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            insert(tx, &who, &named, &new, limit)
        })
        .await
}

/// A version by its id, or by its policy's name or id and its label; the current one without a
/// label. Errors: `policy.unknown_policy`, `policy.unknown_version`.
pub async fn version(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    label: Option<&str>,
) -> Result<StoredVersion> {
    let (named, label) = (name_or_id.to_owned(), label.map(str::to_owned));
    policy
        .db
        .read(&who.namespace, move |tx| {
            if let Ok(id) = named.parse::<VersionId>() {
                return table::version::get(tx, id)?.ok_or_else(|| unknown(&named));
            }
            let found = table::policy::require(tx, &named)?;
            let id = match (&label, &found.current) {
                (Some(label), _) => table::version::by_label(tx, found.id, label)?,
                (None, current) => current.as_ref().map(|current| current.id),
            };
            let id = id.ok_or_else(|| unknown(label.as_deref().unwrap_or("current")))?;
            table::version::get(tx, id)?.ok_or_else(|| unknown(&id.to_string()))
        })
        .await
}

/// Versions of a policy, newest first, by `page.limit` and `page.skip`.
pub async fn versions(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<StoredVersion>> {
    let (named, page) = (name_or_id.to_owned(), page.clone());
    policy
        .db
        .read(&who.namespace, move |tx| {
            let found = table::policy::require(tx, &named)?;
            Ok(table::version::list(tx, found.id, &page)?)
        })
        .await
}

fn insert(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    named: &str,
    new: &NewVersion,
    limit: usize,
) -> Result<StoredVersion> {
    let found = table::policy::require(tx, named)?;
    if table::version::count(tx, found.id)? >= limit {
        return Err(Error::Limit {
            what: "versions of a policy",
            limit,
            field: None,
        });
    }
    let now = tx.now();
    let stored = StoredVersion {
        id: VersionId::new(now, tx.entropy()),
        policy: found.id,
        label: label(tx, found.id, now)?,
        description: new.description.clone(),
        document: new.document.clone(),
        example_input: new.example_input.clone(),
        hash: Digest::of(new.document.as_bytes()),
        created_at: now,
        created_by: who.id.clone(),
    };
    let number = table::policy::set_current(tx, found.id, stored.id, now)?;
    table::version::insert(tx, &stored, number)?;
    table::standing::changed(tx)?;
    let name = VersionName {
        id: stored.id,
        label: stored.label.clone(),
    };
    let says = serde_json::json!({ "version": name, "hash": stored.hash, "description": stored.description });
    tx.append(
        Fact::new("policy.version_added", 1)
            .about(&found.id, found.version + 1)
            .by(who)
            .says(&says),
    );
    Ok(stored)
}

/// The day, and behind it which of that day's versions, from the second on.
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
    let too_long = |what, field| Error::Limit {
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
