//! Policies and their versions: names that resolve to documents.

mod version;

pub(crate) use version::version_by_id;
pub use version::{NewVersion, add_version, version, versions};

use crate::table::policy::StoredPolicy;
use crate::{Error, Policy, Result, table};
use store::{Fact, Tx};
use types::{Page, PolicyId, Principal};

/// The longest name of a policy, in characters.
const MAX_NAME: usize = 128;
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// Create a policy, or change the description of an existing one. Errors: `policy.invalid_name`,
/// `policy.limit_exceeded`.
pub async fn put(
    policy: &Policy,
    principal: &Principal,
    name: &str,
    description: &str,
) -> Result<StoredPolicy> {
    let limit = policy.settings.limits.policies_per_namespace;
    let args = (checked_name(name)?, checked_description(description)?);
    policy
        .write(
            principal,
            args,
            move |tx, principal, (name, description)| {
                if table::policy::find(tx, name)?.is_none()
                    && table::policy::count(tx)? >= limit as u64
                {
                    return Err(Error::too_many("policies in a namespace", limit));
                }
                let now = tx.now();
                let new = StoredPolicy {
                    id: PolicyId::new(now, tx.entropy()),
                    name: name.clone(),
                    description: description.clone(),
                    current: None,
                    versions: 0,
                    version: 1,
                    created: now,
                    updated: now,
                    deleted_at: None,
                };
                let stored = table::policy::put(tx, new)?;
                append_change(tx, principal, &stored);
                Ok(stored)
            },
        )
        .await
}

/// Change a policy's name or description. Errors: `policy.unknown_policy`, `policy.invalid_name`,
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
    let args = (name_or_id.to_owned(), name, description);
    policy
        .write(
            principal,
            args,
            |tx, principal, (name_or_id, name, description)| {
                let mut changed = changing(tx, name_or_id)?;
                if let Some(name) = name {
                    if table::policy::find(tx, name)?.is_some_and(|other| other.id != changed.id) {
                        return Err(Error::NameTaken { name: name.clone() });
                    }
                    changed.name.clone_from(name);
                }
                if let Some(description) = description {
                    changed.description.clone_from(description);
                }
                table::policy::update(tx, &changed)?;
                table::revision::bump(tx)?;
                append_change(tx, principal, &changed);
                Ok(changed)
            },
        )
        .await
}

/// A policy by its name or id. Error: `policy.unknown_policy`.
pub async fn get(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<StoredPolicy> {
    let args = name_or_id.to_owned();
    policy
        .read(principal, args, |tx, name_or_id| {
            table::policy::require(tx, name_or_id)
        })
        .await
}

/// A page of policies, ordered by name; `page.after` is a name.
pub async fn list(
    policy: &Policy,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<StoredPolicy>> {
    let read = policy.read(principal, page.clone(), |tx, page| {
        Ok(table::policy::list(tx, page)?)
    });
    read.await
}

/// Delete a policy that is not attached. Its name becomes free; its versions stay readable for the
/// decisions that reference them. Errors: `policy.unknown_policy`, `policy.referenced`.
pub async fn delete(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<()> {
    let args = name_or_id.to_owned();
    policy
        .write(principal, args, |tx, principal, name_or_id| {
            let mut deleted = changing(tx, name_or_id)?;
            let count = table::attachment::count_of(tx, deleted.id)?;
            if count > 0 {
                let name = deleted.name;
                return Err(Error::Referenced { name, count });
            }
            deleted.deleted_at = Some(deleted.updated);
            table::policy::update(tx, &deleted)?;
            table::revision::bump(tx)?;
            let fact = Fact::new("policy.deleted", 1)
                .subject(&deleted.id, deleted.version)
                .actor(principal);
            tx.append(fact.payload(&serde_json::json!({ "name": deleted.name })));
            Ok(())
        })
        .await
}

/// A policy with its next version, about to be changed now.
fn changing(tx: &mut Tx, name_or_id: &str) -> Result<StoredPolicy> {
    let existing = table::policy::require(tx, name_or_id)?;
    Ok(StoredPolicy {
        version: existing.version + 1,
        updated: tx.now(),
        ..existing
    })
}

fn append_change(tx: &mut Tx, principal: &Principal, stored: &StoredPolicy) {
    let kind = if stored.version == 1 {
        "policy.created"
    } else {
        "policy.updated"
    };
    tx.append(
        Fact::new(kind, 1)
            .subject(&stored.id, stored.version)
            .actor(principal)
            .payload(stored),
    );
}

fn checked_name(name: &str) -> Result<String> {
    let length = name.chars().count();
    let plain = !name.chars().any(char::is_control) && !name.starts_with("pol:");
    if (1..=MAX_NAME).contains(&length) && plain {
        Ok(name.to_owned())
    } else {
        Err(Error::InvalidName { limit: MAX_NAME })
    }
}

pub(crate) fn checked_description(text: &str) -> Result<String> {
    if text.len() > MAX_DESCRIPTION || text.contains('\0') {
        let what = "bytes in a description, none of them NUL";
        return Err(Error::too_long("description", what, MAX_DESCRIPTION));
    }
    Ok(text.to_owned())
}
