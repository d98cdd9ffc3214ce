//! Replay keys: what a chain accepts only once, such as a nonce or an outpoint.

use serde::{Deserialize, Serialize};

/// Something that a chain accepts only once, as text. Two transactions with the same replay key
/// cannot both be included. The chain is stored beside it in every key.
///
/// EVM: `nonce/<signer>/<n>`; UTXO: `input/<txid>:<n>`; a message, which no chain consumes:
/// `bytes/<sha256>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplayKey(String);

impl ReplayKey {
    /// The nonce of an account. An EIP-7702 authorization consumes the nonce of its authority.
    pub fn nonce(signer: &str, nonce: u64) -> Self {
        Self(format!("nonce/{signer}/{nonce}"))
    }

    /// The outpoint that an input spends.
    pub fn outpoint(transaction: &str, output: u32) -> Self {
        Self(format!("input/{transaction}:{output}"))
    }

    /// The hash of a message that is signed off chain.
    pub fn message(digest: &crate::Digest) -> Self {
        Self(format!("bytes/{digest}"))
    }

    /// From the stored text.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nonce, if it is one.
    pub fn as_nonce(&self) -> Option<u64> {
        let (_, nonce) = self.as_str().strip_prefix("nonce/")?.rsplit_once('/')?;
        nonce.parse().ok()
    }
}

impl std::fmt::Display for ReplayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
