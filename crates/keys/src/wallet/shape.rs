//! What a wallet is, to those who ask and those who store it.

use super::{check_metadata, check_name};
use crate::table::wallet as table;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use types::{ChainId, Json, Time, WalletId};
use zeroize::Zeroizing;

/// Whose keys a wallet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletKind {
    /// Operational keys of the organisation, each with a name.
    Org,
    /// Keys of end users, handed out by the million.
    User,
}

/// Where a wallet's secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made here.
    Generated,
    /// A mnemonic from elsewhere.
    Mnemonic,
    /// A single key from elsewhere.
    PrivateKey,
}

/// A wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wallet {
    /// Its id.
    pub id: WalletId,
    /// Its name, unique in the namespace.
    pub name: String,
    /// Whose keys it holds.
    pub kind: WalletKind,
    /// Where its secret comes from.
    pub origin: Origin,
    /// Which back-end keeps it.
    pub backend: String,
    /// Its BIP-44 account.
    pub account: u32,
    /// What its users keep with it: a JSON object.
    pub metadata: Json,
    /// Raised with each change.
    pub version: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
}

/// A wallet that is to be.
#[derive(Debug)]
pub struct NewWallet {
    /// Its name.
    pub name: String,
    /// Whose keys it holds.
    pub kind: WalletKind,
    /// A JSON object.
    pub metadata: Json,
    /// The BIP-44 account, mostly 0.
    pub account: u32,
    /// Its secret.
    pub secret: NewSecret,
}

/// The secret of a wallet that is to be. `Debug` shows none of it.
pub enum NewSecret {
    /// Fresh: 24 words that nobody has seen.
    Fresh,
    /// Words of BIP-39 in English, with their passphrase or an empty one.
    Mnemonic {
        /// The words.
        words: Zeroizing<String>,
        /// The passphrase.
        passphrase: Zeroizing<String>,
    },
    /// A single key. It gets the wallet's name, and an address on this chain's family.
    PrivateKey {
        /// The key.
        key: Zeroizing<[u8; 32]>,
        /// A chain that it is for.
        chain: ChainId,
    },
}

/// A change of a name or metadata. What is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// Another name.
    pub name: Option<String>,
    /// Other metadata, whole.
    pub metadata: Option<Json>,
    /// The version that the caller has seen; another one is refused.
    pub version: Option<u64>,
}

/// A public node from which a wallet hands out addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// Its path.
    pub path: String,
    /// The node in its text form. Whoever has it can list the wallet's addresses, and sign for
    /// none.
    pub xpub: String,
    /// How many addresses are handed out.
    pub handed_out: u64,
}

impl Wallet {
    pub(super) fn from_row(row: table::Row) -> Result<Self> {
        let (id, name, kind, source, backend, account, metadata, version, created_at, updated_at) =
            row;
        let broken = |found: &'static str| store::Error::Column {
            column: 2,
            found,
            expected: "a kind of wallet",
        };
        Ok(Self {
            id,
            name,
            kind: WalletKind::from_stored(&kind).ok_or_else(|| broken("another kind"))?,
            origin: Origin::from_stored(&source).ok_or_else(|| broken("another source"))?,
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
            Self::Fresh => "Fresh",
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

    pub(crate) fn fits(&self, found: u64) -> Result<()> {
        match self.version {
            Some(expected) if expected != found => Err(Error::Stale { expected, found }),
            _ => Ok(()),
        }
    }
}
