//! Wallets and keys that are to be, and their changes.

use crate::{Error, Result};
use keys::{NewSecret, WalletKind};
use serde::Deserialize;
use types::{ChainId, Json};
use utoipa::ToSchema;

/// A wallet that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWallet {
    /// 1 to 128 characters, one of its own in the namespace.
    name: String,
    /// `org`: operational keys, each with a name. `user`: addresses, handed out by the million.
    #[schema(value_type = String)]
    kind: WalletKind,
    /// The BIP-44 account, mostly 0.
    #[serde(default)]
    account: u32,
    /// What its users keep with it: a JSON object.
    #[serde(default)]
    metadata: Option<Json>,
    /// Absent for a fresh one that nobody has seen.
    #[serde(default)]
    secret: Option<Import>,
}

/// A secret from elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum Import {
    /// Words of BIP-39.
    Mnemonic {
        /// 12 to 24 English words.
        words: String,
        /// Their passphrase, if they have one.
        #[serde(default)]
        passphrase: String,
    },
    /// A single key.
    PrivateKey {
        /// 32 bytes in hexadecimal.
        key: String,
        /// A chain that it is for.
        chain: ChainId,
    },
}

impl NewWallet {
    /// The command.
    pub(super) fn into_command(self) -> Result<keys::NewWallet> {
        Ok(keys::NewWallet {
            name: self.name,
            kind: self.kind,
            metadata: self.metadata.unwrap_or_else(empty),
            account: self.account,
            secret: self
                .secret
                .map_or(Ok(NewSecret::Fresh), Import::into_secret)?,
        })
    }
}

impl Import {
    fn into_secret(self) -> Result<NewSecret> {
        match self {
            Self::Mnemonic { words, passphrase } => Ok(NewSecret::Mnemonic {
                words: words.into(),
                passphrase: passphrase.into(),
            }),
            Self::PrivateKey { key, chain } => {
                let mut bytes = [0u8; 32];
                let text = key.strip_prefix("0x").unwrap_or(&key);
                let wrong = |_| Error::field("secret.key", "expected 32 bytes in hexadecimal");
                hex::decode_to_slice(text, &mut bytes).map_err(wrong)?;
                Ok(NewSecret::PrivateKey {
                    key: bytes.into(),
                    chain,
                })
            }
        }
    }
}

fn empty() -> Json {
    Json::parse("{}").expect("an empty object is JSON")
}

/// A change of a name or metadata. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    #[serde(default)]
    name: Option<String>,
    /// Other metadata, whole.
    #[serde(default)]
    metadata: Option<Json>,
    /// The version that was seen; if it is another by now, nothing changes.
    #[serde(default)]
    version: Option<u64>,
}

impl From<Patch> for keys::Patch {
    fn from(patch: Patch) -> Self {
        Self {
            name: patch.name,
            metadata: patch.metadata,
            version: patch.version,
        }
    }
}

/// Addresses that are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The namespace's default chain if it is left out.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    /// How many; 1 if nothing is said.
    #[serde(default = "one")]
    pub(super) count: u32,
}

const fn one() -> u32 {
    1
}

/// A key that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// One of its own in the wallet.
    name: String,
    /// A chain that it is for; the namespace's default chain if it is left out.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    #[serde(default)]
    metadata: Option<Json>,
}

impl NewKey {
    pub(super) fn into_command(self, chain: ChainId) -> keys::NewKey {
        keys::NewKey {
            name: self.name,
            chain,
            metadata: self.metadata.unwrap_or_else(empty),
        }
    }
}
