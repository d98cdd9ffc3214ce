//! Targets: what policies are attached to.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use store::{Columns, Group, Value, ValueKind};
use types::{ChainId, KeyId, WalletId};

/// The longest name of an asset or a task, in bytes.
const MAX_NAME: usize = 256;

/// The target of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, strum::EnumDiscriminants)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[strum_discriminants(name(TargetKind), vis(pub(crate)))]
#[strum_discriminants(doc = "The kind of a target.")]
#[strum_discriminants(derive(strum::EnumString, strum::IntoStaticStr))]
#[strum_discriminants(strum(serialize_all = "snake_case"))]
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

store::text_columns! { TargetKind }

impl Target {
    /// The kind of target.
    pub(crate) fn kind(&self) -> TargetKind {
        self.into()
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

    fn parse(kind: TargetKind, key: String) -> Option<Self> {
        Some(match kind {
            TargetKind::Namespace => Target::Namespace,
            TargetKind::Wallet => Target::Wallet {
                id: key.parse().ok()?,
            },
            TargetKind::Key => Target::Key {
                id: key.parse().ok()?,
            },
            TargetKind::Account => {
                let (chain, account) = on_chain(&key)?;
                Target::Account { chain, account }
            }
            TargetKind::Contract => {
                let (chain, account) = on_chain(&key)?;
                Target::Contract { chain, account }
            }
            TargetKind::Asset => Target::Asset { name: key },
            TargetKind::Task => Target::Task { name: key },
        })
    }

    /// Convert accounts to their canonical form: in another spelling the policy would never match.
    pub(crate) fn canonical(mut self) -> Result<Self> {
        match &mut self {
            Target::Account { chain, account } | Target::Contract { chain, account } => {
                *account = canonical_account(chain, account)?;
            }
            Target::Asset { name } | Target::Task { name }
                if name.is_empty() || name.len() > MAX_NAME =>
            {
                let what = "bytes, and at least 1, in a target's name";
                return Err(Error::too_long("target.name", what, MAX_NAME));
            }
            _ => {}
        }
        Ok(self)
    }
}

/// The kind and the key of a target.
impl Group for Target {
    const KINDS: &'static [ValueKind] = &[ValueKind::Text, ValueKind::Text];

    fn read(columns: &mut Columns) -> store::Result<Self> {
        let (kind, key) = (columns.take()?, columns.take()?);
        Self::parse(kind, key).ok_or_else(|| columns.unexpected("other text", "a target"))
    }

    fn write<'v>(&'v self, to: &mut Vec<Value<'v>>) {
        let kind: &'static str = self.kind().into();
        to.extend([Value::Text(kind.into()), Value::Text(self.key().into())]);
    }
}

fn on_chain(key: &str) -> Option<(ChainId, String)> {
    let (chain, account) = key.split_once('/')?;
    Some((chain.parse().ok()?, account.to_owned()))
}

fn canonical_account(chain: &ChainId, text: &str) -> Result<String> {
    let recipient = intent::parse_recipient(chain, text).map_err(|error| Error::InvalidTarget {
        why: error.to_string(),
    })?;
    Ok(recipient.account)
}
