//! Attachments: the policies that are evaluated for a target.

use crate::{Error, Policy, Result, table};
use serde::{Deserialize, Serialize};
use store::{Fact, Tx};
use types::{ChainId, KeyId, Page, PolicyId, Principal, Time, WalletId};

/// The longest name of an asset or a task, in bytes.
const MAX_NAME: usize = 256;

/// The target of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// Everything in the namespace.
    Namespace,
    /// Intents signed by the keys of a wallet.
    Wallet { id: WalletId },
    /// Intents signed by a key.
    Key { id: KeyId },
    /// Intents signed by an account on a chain.
    Account { chain: ChainId, account: String },
    /// Intents that touch an asset.
    Asset { name: String },
    /// Intents that call a contract, pay it, or move or grant its tokens.
    Contract { chain: ChainId, account: String },
    /// Intents requested by a task.
    Task { name: String },
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    pub policy: PolicyId,
    pub name: String,
    pub target: Target,
    pub attached_at: Time,
    pub attached_by: String,
}

/// Attach a policy: from now on its active version is evaluated for intents that touch the target.
/// Attaching twice has no further effect. Errors: `policy.unknown_policy`, `policy.target`,
/// `policy.limit_exceeded`.
pub async fn attach(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<Attachment> {
    let (name_or_id, principal, target) = (
        name_or_id.to_owned(),
        principal.clone(),
        target.canonical()?,
    );
    let limit = policy.config.limits.attachments_per_namespace;
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let existing = table::policy::require(tx, &name_or_id)?;
            if table::attachment::count(tx)? >= limit {
                return Err(Error::LimitExceeded {
                    what: "attachments in a namespace",
                    limit,
                    field: None,
                });
            }
            let now = tx.now();
            if table::attachment::insert(tx, &target, existing.id, now, &principal.id)? {
                table::revision::bump(tx)?;
                append(
                    tx,
                    "policy.referenced",
                    &principal,
                    (existing.id, existing.version),
                    &target,
                );
            }
            Ok(Attachment {
                policy: existing.id,
                name: existing.name,
                target: target.clone(),
                attached_at: now,
                attached_by: principal.id.clone(),
            })
        })
        .await
}

/// Detach a policy; returns whether it was attached. If no other policy is attached, nothing is
/// permitted any more.
pub async fn detach(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<bool> {
    let (name_or_id, principal, target) = (
        name_or_id.to_owned(),
        principal.clone(),
        target.canonical()?,
    );
    policy
        .db
        .on(&policy.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let existing = table::policy::require(tx, &name_or_id)?;
            let was_attached = table::attachment::delete(tx, &target, existing.id)?;
            if was_attached {
                table::revision::bump(tx)?;
                append(
                    tx,
                    "policy.detached",
                    &principal,
                    (existing.id, existing.version),
                    &target,
                );
            }
            Ok(was_attached)
        })
        .await
}

/// The attachments of a policy, or of the whole namespace, ordered by target.
pub async fn attachments(
    policy: &Policy,
    principal: &Principal,
    name_or_id: Option<&str>,
    page: &Page,
) -> Result<Vec<Attachment>> {
    let (name_or_id, page) = (name_or_id.map(str::to_owned), page.clone());
    policy
        .db
        .read(&principal.namespace, move |tx| {
            let policy_filter = name_or_id
                .as_deref()
                .map(|name_or_id| table::policy::require(tx, name_or_id))
                .transpose()?;
            table::attachment::list(tx, policy_filter.map(|existing| existing.id), &page)
        })
        .await
}

fn append(
    tx: &mut Tx<'_, '_>,
    kind: &'static str,
    principal: &Principal,
    (id, version): (PolicyId, u64),
    target: &Target,
) {
    tx.append(
        Fact::new(kind, 1)
            .subject(&id, version)
            .actor(principal)
            .payload(&serde_json::json!({ "target": target })),
    );
}

impl Target {
    /// The kind of target in the table.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Target::Namespace => "namespace",
            Target::Wallet { .. } => "wallet",
            Target::Key { .. } => "key",
            Target::Account { .. } => "account",
            Target::Asset { .. } => "asset",
            Target::Contract { .. } => "contract",
            Target::Task { .. } => "task",
        }
    }

    /// The key of the target within its kind.
    pub(crate) fn key(&self) -> String {
        match self {
            Target::Namespace => String::new(),
            Target::Wallet { id } => id.to_string(),
            Target::Key { id } => id.to_string(),
            Target::Account { chain, account } | Target::Contract { chain, account } => {
                format!("{chain}/{account}")
            }
            Target::Asset { name } | Target::Task { name } => name.clone(),
        }
    }

    /// Parse the stored form.
    pub(crate) fn from_stored(kind: &str, key: &str) -> Option<Self> {
        let name = key.to_owned();
        let on_chain = || {
            let (chain, account) = key.split_once('/')?;
            Some((chain.parse().ok()?, account.to_owned()))
        };
        Some(match kind {
            "namespace" => Target::Namespace,
            "wallet" => Target::Wallet {
                id: key.parse().ok()?,
            },
            "key" => Target::Key {
                id: key.parse().ok()?,
            },
            "account" => on_chain().map(|(chain, account)| Target::Account { chain, account })?,
            "contract" => on_chain().map(|(chain, account)| Target::Contract { chain, account })?,
            "asset" => Target::Asset { name },
            "task" => Target::Task { name },
            _ => return None,
        })
    }

    /// Convert accounts to their canonical form: in another spelling the policy would never match.
    fn canonical(self) -> Result<Self> {
        let account = |chain: &ChainId, text: &str| match intent::parse_recipient(chain, text) {
            Ok(recipient) => Ok(recipient.account),
            Err(error) => Err(Error::Target {
                why: error.to_string(),
            }),
        };
        Ok(match self {
            Target::Account {
                chain,
                account: text,
            } => Target::Account {
                account: account(&chain, &text)?,
                chain,
            },
            Target::Contract {
                chain,
                account: text,
            } => Target::Contract {
                account: account(&chain, &text)?,
                chain,
            },
            Target::Asset { name } | Target::Task { name }
                if name.is_empty() || name.len() > MAX_NAME =>
            {
                return Err(Error::LimitExceeded {
                    what: "bytes, and at least 1, in a target's name",
                    limit: MAX_NAME,
                    field: Some("target.name"),
                });
            }
            other => other,
        })
    }
}
