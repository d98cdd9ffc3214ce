//! The types of wallets.

use super::{check_metadata, check_name};
use crate::table::wallet as table;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use types::{ChainId, Json, Time, WalletId};
use zeroize::Zeroizing;

/// The owner of a wallet's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletKind {
    /// Operational keys of the organisation, each with a name.
    Org,
    /// Keys of end users, issued in large numbers.
    User,
}

/// The origin of a wallet's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Generated,
    /// An imported mnemonic.
    Mnemonic,
    /// An imported single private key.
    PrivateKey,
}

/// A wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wallet {
    pub id: WalletId,
    /// The name, unique in the namespace.
    pub name: String,
    pub kind: WalletKind,
    pub origin: Origin,
    /// The name of the back end that holds the secret.
    pub backend: String,
    /// The BIP-44 account.
    pub account: u32,
    /// Custom metadata: a JSON object.
    pub metadata: Json,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A wallet to create.
#[derive(Debug)]
pub struct NewWallet {
    pub name: String,
    pub kind: WalletKind,
    pub metadata: Json,
    /// The BIP-44 account, usually 0.
    pub account: u32,
    pub secret: NewSecret,
}

/// The secret of a new wallet. `Debug` shows no part of it.
pub enum NewSecret {
    /// A new random mnemonic of 24 words.
    Generated,
    /// An English BIP-39 mnemonic, and its passphrase or an empty one.
    Mnemonic {
        words: Zeroizing<String>,
        passphrase: Zeroizing<String>,
    },
    /// A single private key. Its named key gets the wallet's name, and an address in this chain's
    /// family.
    PrivateKey {
        key: Zeroizing<[u8; 32]>,
        chain: ChainId,
    },
}

/// A change of name or metadata. Fields that are `None` stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    pub name: Option<String>,
    /// The new metadata, replacing the old as a whole.
    pub metadata: Option<Json>,
    /// The version that the caller has read; the change fails if it is not the current one.
    pub version: Option<u64>,
}

/// A public node from which a wallet issues addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branch {
    pub path: String,
    /// The node in its text form. It is enough to derive all addresses, and not enough to sign.
    pub xpub: String,
    /// How many addresses are issued.
    pub issued: u64,
}

impl Wallet {
    pub(super) fn from_row(row: table::Row) -> Result<Self> {
        let (id, name, kind, source, backend, account, metadata, version, created_at, updated_at) =
            row;
        let broken = |found: &'static str| store::Error::UnexpectedValue {
            column: "kind",
            found,
            expected: "a kind of wallet",
        };
        Ok(Self {
            id,
            name,
            kind: WalletKind::from_stored(&kind).ok_or_else(|| broken("an unknown kind"))?,
            origin: Origin::from_stored(&source).ok_or_else(|| broken("an unknown source"))?,
            backend,
            account,
            metadata,
            version: version.max(0).cast_unsigned(),
            created_at,
            updated_at,
        })
    }
}

impl WalletKind {
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::User => "user",
        }
    }

    fn from_stored(text: &str) -> Option<Self> {
        [Self::Org, Self::User]
            .into_iter()
            .find(|kind| kind.stored() == text)
    }
}

impl Origin {
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Mnemonic => "mnemonic",
            Self::PrivateKey => "private_key",
        }
    }

    fn from_stored(text: &str) -> Option<Self> {
        [Self::Generated, Self::Mnemonic, Self::PrivateKey]
            .into_iter()
            .find(|origin| origin.stored() == text)
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Generated => "Fresh",
            Self::Mnemonic { .. } => "Mnemonic(…)",
            Self::PrivateKey { .. } => "PrivateKey(…)",
        })
    }
}

impl Patch {
    pub(crate) fn check(&self) -> Result<()> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        self.metadata.as_ref().map_or(Ok(()), check_metadata)
    }

    pub(crate) fn check_version(&self, found: u64) -> Result<()> {
        match self.version {
            Some(expected) if expected != found => Err(Error::VersionConflict { expected, found }),
            _ => Ok(()),
        }
    }
}
