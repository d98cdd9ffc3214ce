//! Policies and their versions: names that resolve to documents.

mod version;

pub(crate) use version::version_by_id;
pub use version::{NewVersion, add_version, version, versions};

use crate::table::list::List;
use crate::table::policy::StoredPolicy;
use crate::{Error, Policy, Result, table};
use serde::Deserialize;
use store::named::{self, Meta, NameErrors, Named as _, Resource};
use store::{Fact, Tx};
use types::{Characters, NameRule, Page, PolicyId, Principal};
use utoipa::ToSchema;

/// The longest name of a policy, in characters.
const MAX_NAME: usize = 128;
/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// A policy to create or to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyInput)]
pub struct NewPolicy {
    /// The name. Defaults to the name in the path.
    pub name: Option<String>,
    pub description: Option<String>,
}

/// Create a policy with this name or replace the existing one; with an id, only replace. Versions
/// and attachments stay. Errors: `policy.unknown_policy`, `policy.invalid_name`,
/// `policy.name_taken`, `policy.limit_exceeded`.
pub async fn put_policy(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    new: NewPolicy,
) -> Result<StoredPolicy> {
    check_description(new.description.as_deref())?;
    let limit = policy.settings.limits.policies_per_namespace;
    named::put(policy.on(), principal, name_or_id, new, limit).await
}

/// Change a policy's name or description. Errors: `policy.unknown_policy`, `policy.invalid_name`,
/// `policy.name_taken`.
pub async fn patch_policy(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    changes: NewPolicy,
) -> Result<StoredPolicy> {
    check_description(changes.description.as_deref())?;
    let args = (name_or_id.to_owned(), changes);
    let patch = |tx: &mut Tx, principal: &Principal, (path, changes): &(String, NewPolicy)| {
        let policy = StoredPolicy::require(tx, (), path)?;
        let changes = changes.clone();
        let policy = StoredPolicy {
            name: changes.name.unwrap_or(policy.name),
            description: changes.description.unwrap_or(policy.description),
            ..policy
        };
        table::revision::bump(tx)?;
        named::change(tx, principal, StoredPolicy::UPDATED, policy)
    };
    policy.on().write_as(principal, args, patch).await
}

/// A policy by its name or id. Error: `policy.unknown_policy`.
pub async fn policy(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
) -> Result<StoredPolicy> {
    named::get(policy.db(), principal, (), name_or_id).await
}

/// A page of policies, ordered by name; `page.after` is a name.
pub async fn policies(
    policy: &Policy,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<StoredPolicy>> {
    named::list(policy.db(), principal, (), page).await
}

/// Delete a policy that is not attached. Its name becomes free; its versions stay readable for the
/// decisions that reference them. Errors: `policy.unknown_policy`, `policy.referenced`.
pub async fn delete_policy(policy: &Policy, principal: &Principal, name_or_id: &str) -> Result<()> {
    named::delete::<StoredPolicy>(policy.on(), principal, (), name_or_id).await
}

impl Resource for StoredPolicy {
    type New = NewPolicy;
    const CREATED: &'static str = "policy.created";
    const UPDATED: &'static str = "policy.updated";
    const DELETED: &'static str = "policy.deleted";

    fn new_name(new: &NewPolicy) -> Option<&str> {
        new.name.as_deref()
    }

    fn build(
        tx: &mut Tx,
        meta: Meta<PolicyId>,
        new: &NewPolicy,
        before: Option<&Self>,
    ) -> Result<Self> {
        table::revision::bump(tx)?;
        Ok(Self {
            id: meta.id,
            name: meta.name,
            description: new.description.clone().unwrap_or_default(),
            current: before.and_then(|policy| policy.current.clone()),
            versions: before.map_or(0, |policy| policy.versions),
            version: meta.version,
            created: meta.created,
            updated: meta.updated,
        })
    }

    fn too_many(limit: usize) -> Error {
        Error::too_many("policies in a namespace", limit)
    }

    fn delete_parts(&self, tx: &mut Tx) -> Result<()> {
        let (name, count) = (self.name.clone(), table::attachment::count_of(tx, self.id)?);
        if count > 0 {
            return Err(Error::Referenced { name, count });
        }
        table::revision::bump(tx)?;
        Ok(())
    }

    fn describe_deleted(&self, _: &mut Tx, fact: Fact) -> Result<Fact> {
        Ok(fact.payload(&serde_json::json!({ "name": self.name })))
    }
}

impl NameErrors for Error {
    fn accepts(name: &str) -> bool {
        let rule = NameRule::by_characters(MAX_NAME, Characters::Printable);
        rule.accepts(name) && !name.starts_with("pol:")
    }

    fn invalid_name() -> Self {
        Self::InvalidName { limit: MAX_NAME }
    }

    fn unknown(noun: &'static str, name: String) -> Self {
        match noun {
            List::NOUN => Self::UnknownList { name },
            _ => Self::UnknownPolicy { name },
        }
    }

    fn name_taken(_: &'static str, name: String) -> Self {
        Self::NameTaken { name }
    }
}

fn check_description(text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.len() > MAX_DESCRIPTION || text.contains('\0')) {
        let what = "bytes in a description, none of them NUL";
        return Err(Error::too_long("description", what, MAX_DESCRIPTION));
    }
    Ok(())
}
