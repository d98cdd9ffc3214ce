//! What a chain lets be used once: the proof that a payment cannot happen twice.

use serde::{Deserialize, Serialize};

/// One thing that a chain lets be used once, as text. The chain it belongs to stands beside it in
/// every key.
///
/// EVM: `nonce/<signer>/<n>`; UTXO: `input/<txid>:<n>`; a message, which no chain consumes:
/// `bytes/<sha256>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Witness(String);

impl Witness {
    /// A nonce of an account (also of an EIP-7702 authorisation, which consumes the authority's
    /// nonce).
    pub fn nonce(signer: &str, nonce: u64) -> Self {
        Self(format!("nonce/{signer}/{nonce}"))
    }

    /// An output that is spent.
    pub fn input(transaction: &str, output: u32) -> Self {
        Self(format!("input/{transaction}:{output}"))
    }

    /// Bytes that are signed for their own sake.
    pub fn bytes(digest: &crate::Digest) -> Self {
        Self(format!("bytes/{digest}"))
    }

    /// From its stored text.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nonce, where it is one.
    pub fn as_nonce(&self) -> Option<u64> {
        self.0
            .strip_prefix("nonce/")?
            .rsplit_once('/')?
            .1
            .parse()
            .ok()
    }
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
