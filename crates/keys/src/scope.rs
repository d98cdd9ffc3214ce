//! What a freeze is, and what it applies to.

use serde::{Serialize, Serializer};
use types::{Time, WalletId};
use utoipa::ToSchema;

pub(crate) const NAMESPACE: &str = "namespace";
pub(crate) const INSTALLATION: &str = "installation";

/// The scope of a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Wallet(WalletId),
    /// The namespace of the principal.
    Namespace,
    /// All namespaces. Only Florin's own principals (kind `system`, such as the command line) may
    /// freeze it.
    Installation,
}

/// A freeze in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Freeze {
    /// The frozen scope: `namespace`, `installation`, or a wallet's id.
    #[serde(serialize_with = "as_subject")]
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Whether cancel transactions are stopped as well.
    pub hard: bool,
    pub reason: String,
    /// The principal that froze the scope.
    pub by: String,
    pub since: Time,
}

fn as_subject<S: Serializer>(scope: &Scope, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&scope.subject())
}

impl Freeze {
    /// Whether the freeze applies to the keys of a wallet.
    pub(crate) fn applies_to(&self, wallet: &WalletId) -> bool {
        !matches!(self.scope, Scope::Wallet(frozen) if frozen != *wallet)
    }
}

impl Scope {
    /// The name of the scope: `wallet`, `namespace`, `installation`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wallet(_) => "wallet",
            Self::Namespace => NAMESPACE,
            Self::Installation => INSTALLATION,
        }
    }

    /// The subject of its rows.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Wallet(wallet) => wallet.to_string(),
            other => other.kind().to_owned(),
        }
    }
}
