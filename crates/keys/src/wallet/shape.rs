//! The types of wallets.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use store::named::{NameErrors, Named as _};
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{ChainId, Characters, Json, NameRule, Time, WalletId};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// The largest size of metadata, in bytes.
const MAX_METADATA: usize = 65_536;
const NAME: NameRule = NameRule::by_characters(128, Characters::Printable);

/// The owner of a wallet's keys.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WalletKind {
    /// Operational keys of the organization, each with a name.
    Org,
    /// Keys of end users, issued in large numbers.
    User,
}

/// The origin of a wallet's secret.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Origin {
    Generated,
    /// An imported mnemonic.
    Mnemonic,
    /// An imported single private key.
    PrivateKey,
}

store::text_columns! { as_in_json: WalletKind, Origin }

/// Keys that belong together: derived from one seed, or held in one vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
#[record(table = "wallet")]
pub struct Wallet {
    #[record(key)]
    pub id: WalletId,
    #[record(update)]
    pub name: String,
    /// `org` for a wallet of named keys, `user` for a wallet that issues addresses.
    #[schema(value_type = String)]
    pub kind: WalletKind,
    /// The origin of the secret: `generated`, `mnemonic`, `private_key`.
    #[record(column = "source")]
    #[schema(value_type = String)]
    pub origin: Origin,
    /// The signing back end.
    pub backend: String,
    /// The BIP-44 account.
    pub account: u32,
    #[record(update)]
    pub metadata: Json,
    #[record(next_version)]
    pub version: u64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
}

store::named!(Wallet, WalletId, Error, "wallet", by "id");

/// A wallet to create.
#[derive(Debug)]
pub struct NewWallet {
    pub name: String,
    pub kind: WalletKind,
    pub metadata: Json,
    /// The BIP-44 account, usually 0.
    pub account: u32,
    /// The name of the back end that signs, usually [`DEFAULT_BACKEND`](crate::DEFAULT_BACKEND).
    pub backend: String,
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

/// An update of a wallet or a key. Fields that are absent are not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WalletUpdate)]
pub struct Patch {
    #[serde(default)]
    pub name: Option<String>,
    /// The new metadata. It replaces the old metadata completely.
    #[serde(default)]
    pub metadata: Option<Json>,
    /// The version that the update is based on. If the current version differs, the update fails.
    #[serde(default)]
    pub version: Option<u64>,
}

/// An extended public key from which a wallet's addresses are derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
pub struct Branch {
    /// The BIP-32 path of the branch.
    pub path: String,
    /// The extended public key. It reveals every address of the branch, but cannot sign.
    pub xpub: String,
    /// The number of addresses issued.
    pub issued: u64,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Generated => "Generated",
            Self::Mnemonic { .. } => "Mnemonic(…)",
            Self::PrivateKey { .. } => "PrivateKey(…)",
        })
    }
}

impl Patch {
    pub(crate) fn check(&self) -> Result<()> {
        self.metadata.as_ref().map_or(Ok(()), check_metadata)
    }

    /// Apply the change to the name and metadata of a version.
    pub(crate) fn apply(&self, version: u64, name: &mut String, metadata: &mut Json) -> Result<()> {
        let (expected, found) = (self.version.unwrap_or(version), version);
        if expected != found {
            return Err(Error::VersionConflict { expected, found });
        }
        if let Some(new) = &self.name {
            name.clone_from(new);
        }
        if let Some(new) = &self.metadata {
            *metadata = new.clone();
        }
        Ok(())
    }
}

impl NameErrors for Error {
    fn accepts(name: &str) -> bool {
        let looks_like_an_id = ["wal:", "key:"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        NAME.accepts(name) && !looks_like_an_id && name.trim() == name
    }

    fn invalid_name() -> Self {
        Self::InvalidName
    }

    fn unknown(noun: &'static str, name: String) -> Self {
        if noun == Wallet::NOUN {
            Self::UnknownWallet { wallet: name }
        } else {
            Self::UnknownKey { key: name }
        }
    }

    fn name_taken(_: &'static str, name: String) -> Self {
        Self::NameTaken { name }
    }
}

pub(crate) fn check_metadata(metadata: &Json) -> Result<()> {
    let text = metadata.as_str();
    let valid = text.len() <= MAX_METADATA && text.starts_with('{') && !text.contains("\\u0000");
    if valid {
        Ok(())
    } else {
        Err(Error::InvalidMetadata {
            limit: MAX_METADATA,
        })
    }
}
