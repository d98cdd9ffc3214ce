//! The response body of an export. It must not implement `Debug`: that would let a secret reach a
//! log.

use keys::Exported;
use serde::Serialize;
use utoipa::ToSchema;

/// An exported secret.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Secret {
    /// The BIP-39 mnemonic of a wallet.
    Mnemonic {
        words: String,
        /// The BIP-39 passphrase, or an empty string.
        passphrase: String,
    },
    /// A single private key.
    PrivateKey {
        /// 32 bytes in hexadecimal.
        key: String,
    },
}

impl From<Exported> for Secret {
    fn from(exported: Exported) -> Self {
        match exported {
            Exported::Mnemonic { words, passphrase } => Self::Mnemonic {
                words: words.to_string(),
                passphrase: passphrase.to_string(),
            },
            Exported::PrivateKey(key) => Self::PrivateKey {
                key: format!("0x{}", hex::encode(key.as_slice())),
            },
        }
    }
}
