//! Request bodies of wallets and keys.

use crate::{Error, Result};
use keys::{NewSecret, WalletKind};
use serde::Deserialize;
use types::{ChainId, Json};
use utoipa::{IntoParams, ToSchema};

/// A wallet to create or import.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWallet {
    /// A name of 1 to 128 characters, unique in the namespace.
    name: String,
    /// `org` for a wallet of named keys, `user` for a wallet that issues addresses in any number.
    #[schema(value_type = String)]
    kind: WalletKind,
    /// The BIP-44 account. Defaults to 0.
    #[serde(default)]
    account: u32,
    /// The signing back end: `software` signs at once with keys encrypted in the database;
    /// `deferred` holds them alike and answers later, to try wallets that wait for their
    /// signatures: it protects keys no better. Defaults to `software`.
    #[serde(default)]
    backend: Option<String>,
    /// Data of the caller: a JSON object.
    #[serde(default)]
    metadata: Option<Json>,
    /// The secret to import. If absent, a new one is generated.
    #[serde(default)]
    secret: Option<Import>,
}

/// A secret to import.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum Import {
    /// A BIP-39 mnemonic.
    Mnemonic {
        /// 12 to 24 English words.
        words: String,
        /// The BIP-39 passphrase. Defaults to an empty one.
        #[serde(default)]
        passphrase: String,
    },
    /// A single private key.
    PrivateKey {
        /// 32 bytes in hexadecimal.
        key: String,
        /// A chain of the family that the key is used on.
        chain: ChainId,
    },
}

impl NewWallet {
    /// Converts the request to a command. An error names the invalid field.
    pub(super) fn into_command(self) -> Result<keys::NewWallet> {
        let backend = self.backend;
        Ok(keys::NewWallet {
            backend: backend.unwrap_or_else(|| keys::DEFAULT_BACKEND.to_owned()),
            name: self.name,
            kind: self.kind,
            metadata: self.metadata.unwrap_or_else(empty_object),
            account: self.account,
            secret: self
                .secret
                .map_or(Ok(NewSecret::Generated), Import::into_secret)?,
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
                let invalid = |_| Error::field("secret.key", "expected 32 bytes in hexadecimal");
                hex::decode_to_slice(text, &mut bytes).map_err(invalid)?;
                Ok(NewSecret::PrivateKey {
                    key: bytes.into(),
                    chain,
                })
            }
        }
    }
}

fn empty_object() -> Json {
    Json::parse("{}").expect("an empty object is JSON")
}

/// A request for new addresses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueAddresses {
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    /// The number of addresses. Defaults to 1.
    #[serde(default = "default_count")]
    pub(super) count: u32,
}

const fn default_count() -> u32 {
    1
}

/// A named key to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// A name that is unique in the wallet.
    name: String,
    /// A chain of the family that the key is used on. Defaults to the namespace's default chain.
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
            metadata: self.metadata.unwrap_or_else(empty_object),
        }
    }
}

/// Filter and paging of addresses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AddressQuery {
    /// The chain. Defaults to the namespace's default chain.
    pub(super) chain: Option<ChainId>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    pub(super) limit: Option<u32>,
    /// The number of items to skip, at most 10,000.
    pub(super) skip: Option<u32>,
    /// Return the addresses after this index, the `next` of the previous page.
    pub(super) after: Option<String>,
}
