//! What a freeze is, and what it applies to.

use serde::Serialize;
use types::{Time, WalletId};

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

/// An active freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freeze {
    pub scope: Scope,
    /// Whether cancels are blocked, too.
    pub hard: bool,
    pub reason: String,
    pub by: String,
    pub since: Time,
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
