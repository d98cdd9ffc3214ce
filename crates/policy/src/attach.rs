//! Attachments: which policies are asked about what is touched.

use crate::{Error, Policy, Result, table};
use serde::{Deserialize, Serialize};
use store::{Fact, Tx};
use types::{ChainId, KeyId, Page, PolicyId, Principal, Time, WalletId};

/// Longest name of an asset or a task.
const MAX_NAME: usize = 256;

/// What a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// Everything in the namespace.
    Namespace,
    /// What the keys of a wallet sign.
    Wallet {
        /// The wallet.
        id: WalletId,
    },
    /// What a key signs.
    Key {
        /// The key.
        id: KeyId,
    },
    /// What an account signs on a chain.
    Account {
        /// The chain.
        chain: ChainId,
        /// The account.
        account: String,
    },
    /// What touches an asset.
    Asset {
        /// Its name.
        name: String,
    },
    /// What calls a contract, pays it, or moves or grants its tokens.
    Contract {
        /// The chain.
        chain: ChainId,
        /// The contract.
        account: String,
    },
    /// What a task asks for.
    Task {
        /// Its name.
        name: String,
    },
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The policy.
    pub policy: PolicyId,
    /// Its name.
    pub name: String,
    /// To what.
    pub target: Target,
    /// Since when.
    pub attached_at: Time,
    /// By whom.
    pub attached_by: String,
}

/// Attach a policy: from now on it is asked about what touches the target. Its current version
/// counts, whichever that is at the time. Attaching twice is once. Errors: `policy.unknown_policy`,
/// `policy.target`, `policy.limit`.
pub async fn attach(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<Attachment> {
    let (named, who, target) = (name_or_id.to_owned(), who.clone(), target.canonical()?);
    let limit = policy.config.limits.attachments;
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            let found = table::policy::require(tx, &named)?;
            if table::attachment::count(tx)? >= limit {
                return Err(Error::Limit {
                    what: "attachments in a namespace",
                    limit,
                    field: None,
                });
            }
            let now = tx.now();
            if table::attachment::insert(tx, &target, found.id, now, &who.id)? {
                table::standing::changed(tx)?;
                append(
                    tx,
                    "policy.attached",
                    &who,
                    (found.id, found.version),
                    &target,
                );
            }
            Ok(Attachment {
                policy: found.id,
                name: found.name,
                target: target.clone(),
                attached_at: now,
                attached_by: who.id.clone(),
            })
        })
        .await
}

/// Detach a policy. Says whether it was attached. Where no other policy is attached, nothing is
/// allowed any more.
pub async fn detach(
    policy: &Policy,
    who: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<bool> {
    let (named, who, target) = (name_or_id.to_owned(), who.clone(), target.canonical()?);
    policy
        .db
        .on(&policy.lease)
        .write(&who.namespace.clone(), move |tx| {
            let found = table::policy::require(tx, &named)?;
            let was = table::attachment::delete(tx, &target, found.id)?;
            if was {
                table::standing::changed(tx)?;
                append(
                    tx,
                    "policy.detached",
                    &who,
                    (found.id, found.version),
                    &target,
                );
            }
            Ok(was)
        })
        .await
}

/// Attachments of a policy, or all of the namespace, in the order of their targets.
pub async fn attachments(
    policy: &Policy,
    who: &Principal,
    name_or_id: Option<&str>,
    page: &Page,
) -> Result<Vec<Attachment>> {
    let (named, page) = (name_or_id.map(str::to_owned), page.clone());
    policy
        .db
        .read(&who.namespace, move |tx| {
            let of = named
                .as_deref()
                .map(|named| table::policy::require(tx, named))
                .transpose()?;
            table::attachment::list(tx, of.map(|found| found.id), &page)
        })
        .await
}

fn append(
    tx: &mut Tx<'_, '_>,
    kind: &'static str,
    who: &Principal,
    (id, version): (PolicyId, u64),
    target: &Target,
) {
    tx.append(
        Fact::new(kind, 1)
            .about(&id, version)
            .by(who)
            .says(&serde_json::json!({ "target": target })),
    );
}

impl Target {
    /// Its word in the table.
    pub(crate) fn word(&self) -> &'static str {
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

    /// Which one of its kind.
    pub(crate) fn which(&self) -> String {
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

    /// From the table.
    pub(crate) fn from_stored(word: &str, which: &str) -> Option<Self> {
        let name = which.to_owned();
        let on_chain = || {
            let (chain, account) = which.split_once('/')?;
            Some((chain.parse().ok()?, account.to_owned()))
        };
        Some(match word {
            "namespace" => Target::Namespace,
            "wallet" => Target::Wallet {
                id: which.parse().ok()?,
            },
            "key" => Target::Key {
                id: which.parse().ok()?,
            },
            "account" => on_chain().map(|(chain, account)| Target::Account { chain, account })?,
            "contract" => on_chain().map(|(chain, account)| Target::Contract { chain, account })?,
            "asset" => Target::Asset { name },
            "task" => Target::Task { name },
            _ => return None,
        })
    }

    /// Accounts in the one form in which they are compared: another spelling would attach the
    /// policy to nothing.
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
                return Err(Error::Limit {
                    what: "bytes in a target's name, and at least 1",
                    limit: MAX_NAME,
                    field: Some("target.name"),
                });
            }
            other => other,
        })
    }
}
