//! Policies and their versions: names that resolve to documents.

mod version;

pub use version::{NewVersion, StoredVersion, add_version, version, versions};

use crate::{Error, Policy, Result, table};
use serde::Serialize;
use store::{Fact, Tx};
use types::{Page, PolicyId, Principal, Time, VersionId};

/// The longest name of a policy, in characters.
const MAX_NAME: usize = 128;
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// A stored policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredPolicy {
    pub id: PolicyId,
    /// The name, unique in the namespace.
    pub name: String,
    /// What the policy is for.
    pub description: String,
    /// The active version; `None` before the first upload.
    pub current: Option<VersionName>,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The id and label of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionName {
    pub id: VersionId,
    /// The day of the upload, such as `2026.01.31`; `2026.01.31.2` for the second upload of a day.
    pub label: String,
}

/// Create a policy, or change the description of an existing one. Errors: `policy.name`,
/// `policy.limit_exceeded`.
pub async fn put(
    policy: &Policy,
    principal: &Principal,
    name: &str,
    description: &str,
) -> Result<StoredPolicy> {
    let name = checked_name(name)?;
    let description = checked_description(description)?;
    let (principal, limit) = (
        principal.clone(),
        policy.config.limits.policies_per_namespace,
    );
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            if table::policy::find(tx, &name)?.is_none() && table::policy::count(tx)? >= limit {
                return Err(Error::LimitExceeded {
                    what: "policies in a namespace",
                    limit,
                    field: None,
                });
            }
            let (now, entropy) = (tx.now(), tx.entropy());
            let id = PolicyId::new(now, entropy);
            let id = table::policy::upsert(tx, id, &name, &description, now)?;
            append_change(tx, &principal, id)
        })
        .await
}

/// Change a policy's name or description. Errors: `policy.unknown_policy`, `policy.name`,
/// `policy.name_taken`.
pub async fn patch(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    name: Option<&str>,
    description: Option<&str>,
) -> Result<StoredPolicy> {
    let name = name.map(checked_name).transpose()?;
    let description = description.map(checked_description).transpose()?;
    let (name_or_id, principal) = (name_or_id.to_owned(), principal.clone());
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let existing = table::policy::require(tx, &name_or_id)?;
            let name = name.as_ref().unwrap_or(&existing.name);
            if table::policy::find(tx, name)?.is_some_and(|other| other.id != existing.id) {
                return Err(Error::NameTaken { name: name.clone() });
            }
            let now = tx.now();
            table::policy::rename(
                tx,
                existing.id,
                name,
                description.as_ref().unwrap_or(&existing.description),
                now,
            )?;
            table::revision::bump(tx)?;
            append_change(tx, &principal, existing.id)
        })
        .await
}

/// A policy by its name or id. Error: `policy.unknown_policy`.
pub async fn get(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<StoredPolicy> {
    let name_or_id = name_or_id.to_owned();
    policy
        .db
        .read(&principal.namespace, move |tx| {
            table::policy::require(tx, &name_or_id)
        })
        .await
}

/// A page of policies, ordered by name; `page.after` is a name.
pub async fn list(
    policy: &Policy,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<StoredPolicy>> {
    let page = page.clone();
    policy
        .db
        .read(&principal.namespace, move |tx| {
            table::policy::list(tx, &page).map_err(Error::from)
        })
        .await
}

/// Delete a policy that is not attached. Its name becomes free; its versions stay readable for the
/// decisions that reference them. Errors: `policy.unknown_policy`, `policy.referenced`.
pub async fn delete(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<()> {
    let (name_or_id, principal) = (name_or_id.to_owned(), principal.clone());
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let existing = table::policy::require(tx, &name_or_id)?;
            let count = table::attachment::count_of(tx, existing.id)?;
            if count > 0 {
                return Err(Error::Referenced {
                    name: existing.name,
                    count,
                });
            }
            let now = tx.now();
            table::policy::delete(tx, existing.id, now)?;
            table::revision::bump(tx)?;
            let fact = Fact::new("policy.deleted", 1)
                .subject(&existing.id, existing.version + 1)
                .actor(&principal);
            tx.append(fact.payload(&serde_json::json!({ "name": existing.name })));
            Ok(())
        })
        .await
}

/// Append the fact of a change, and return the policy.
fn append_change(tx: &mut Tx<'_, '_>, principal: &Principal, id: PolicyId) -> Result<StoredPolicy> {
    let stored = table::policy::require(tx, &id.to_string())?;
    let kind = if stored.version == 1 {
        "policy.created"
    } else {
        "policy.updated"
    };
    tx.append(
        Fact::new(kind, 1)
            .subject(&id, stored.version)
            .actor(principal)
            .payload(&stored),
    );
    Ok(stored)
}

fn checked_name(name: &str) -> Result<String> {
    let length = name.chars().count();
    let plain = !name.chars().any(char::is_control) && !name.starts_with("pol:");
    if (1..=MAX_NAME).contains(&length) && plain {
        Ok(name.to_owned())
    } else {
        Err(Error::Name { limit: MAX_NAME })
    }
}

pub(crate) fn checked_description(text: &str) -> Result<String> {
    if text.len() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(Error::LimitExceeded {
            what: "bytes in a description, none of them NUL",
            limit: MAX_DESCRIPTION,
            field: Some("description"),
        });
    }
    Ok(text.to_owned())
}
