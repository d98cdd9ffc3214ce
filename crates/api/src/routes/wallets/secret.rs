//! A secret that leaves. It stands in its own file so that nobody adds `Debug` to it by habit.

use keys::Exported;
use serde::Serialize;
use utoipa::ToSchema;

/// A secret, shown to whoever may export it.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Secret {
    /// The words of a wallet.
    Mnemonic {
        /// The words.
        words: String,
        /// Their passphrase, or an empty one.
        passphrase: String,
    },
    /// A single key.
    PrivateKey {
        /// In hexadecimal.
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
