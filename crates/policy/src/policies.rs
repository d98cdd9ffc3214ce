//! Policies and their versions: names that lead to documents.

mod version;

pub use version::{NewVersion, StoredVersion, add_version, version, versions};

use crate::{Error, Policy, Result, table};
use serde::Serialize;
use store::{Fact, Tx};
use types::{Page, PolicyId, Principal, Time, VersionId};

/// Longest name of a policy, in characters.
const MAX_NAME: usize = 128;
/// Longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredPolicy {
    /// Its id.
    pub id: PolicyId,
    /// Its name, one of its own in the namespace.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// The version that is asked; none before the first.
    pub current: Option<VersionName>,
    /// Rises with each change.
    pub version: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A version's id and the label that people know it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionName {
    /// The id.
    pub id: VersionId,
    /// The day it was made, such as `2026.01.31`; `2026.01.31.2` for the second of a day.
    pub label: String,
}

/// Make a policy of this name, or change the description of the one that is there. Errors:
/// `policy.name`, `policy.limit`.
pub async fn put(
    policy: &Policy,
    who: &Principal,
    name: &str,
    description: &str,
) -> Result<StoredPolicy> {
    let name = checked_name(name)?;
    let description = checked_description(description)?;
    let (who, limit) = (who.clone(), policy.config.limits.policies);
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            if table::policy::find(tx, &name)?.is_none() && table::policy::count(tx)? >= limit {
                return Err(Error::Limit {
                    what: "policies in a namespace",
                    limit,
                    field: None,
                });
            }
            let (now, entropy) = (tx.now(), tx.entropy());
            let id = PolicyId::new(now, entropy);
            let id = table::policy::upsert(tx, id, &name, &description, now)?;
            changed(tx, &who, id)
        })
        .await
}

/// Give a policy another name or description. Errors: `policy.unknown_policy`, `policy.name`,
/// `policy.name_taken`.
pub async fn patch(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    name: Option<&str>,
    description: Option<&str>,
) -> Result<StoredPolicy> {
    let name = name.map(checked_name).transpose()?;
    let description = description.map(checked_description).transpose()?;
    let (named, who) = (name_or_id.to_owned(), who.clone());
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            let found = table::policy::require(tx, &named)?;
            let name = name.as_ref().unwrap_or(&found.name);
            if table::policy::find(tx, name)?.is_some_and(|other| other.id != found.id) {
                return Err(Error::NameTaken { name: name.clone() });
            }
            let now = tx.now();
            table::policy::rename(
                tx,
                found.id,
                name,
                description.as_ref().unwrap_or(&found.description),
                now,
            )?;
            table::standing::changed(tx)?;
            changed(tx, &who, found.id)
        })
        .await
}

/// A policy by its name or id.
pub async fn get(policy: &Policy, who: &Principal, name_or_id: &str) -> Result<StoredPolicy> {
    let named = name_or_id.to_owned();
    policy
        .db
        .read(&who.namespace, move |tx| table::policy::require(tx, &named))
        .await
}

/// Policies in the order of their names; `page.after` is a name.
pub async fn list(policy: &Policy, who: &Principal, page: &Page) -> Result<Vec<StoredPolicy>> {
    let page = page.clone();
    policy
        .db
        .read(&who.namespace, move |tx| {
            table::policy::list(tx, &page).map_err(Error::from)
        })
        .await
}

/// Delete a policy that is attached nowhere. Its name is free again; its versions stay readable for
/// the decisions that name them. Errors: `policy.unknown_policy`, `policy.attached`.
pub async fn delete(policy: &Policy, who: &Principal, name_or_id: &str) -> Result<()> {
    let (named, who) = (name_or_id.to_owned(), who.clone());
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            let found = table::policy::require(tx, &named)?;
            let count = table::attachment::count_of(tx, found.id)?;
            if count > 0 {
                return Err(Error::Attached {
                    name: found.name,
                    count,
                });
            }
            let now = tx.now();
            table::policy::delete(tx, found.id, now)?;
            table::standing::changed(tx)?;
            let fact = Fact::new("policy.deleted", 1)
                .about(&found.id, found.version + 1)
                .by(&who);
            tx.append(fact.says(&serde_json::json!({ "name": found.name })));
            Ok(())
        })
        .await
}

/// The policy after a change, and the fact that says so.
fn changed(tx: &mut Tx<'_, '_>, who: &Principal, id: PolicyId) -> Result<StoredPolicy> {
    let stored = table::policy::require(tx, &id.to_string())?;
    let kind = if stored.version == 1 {
        "policy.created"
    } else {
        "policy.updated"
    };
    tx.append(
        Fact::new(kind, 1)
            .about(&id, stored.version)
            .by(who)
            .says(&stored),
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
        return Err(Error::Limit {
            what: "bytes in a description, none of them NUL",
            limit: MAX_DESCRIPTION,
            field: Some("description"),
        });
    }
    Ok(text.to_owned())
}
