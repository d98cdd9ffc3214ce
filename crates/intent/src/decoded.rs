//! Unsigned and signed bytes, and what is decoded from them.

use crate::{FeeTerms, Intent};
use serde::{Deserialize, Serialize};
use types::{ChainId, ReplayKey};

/// Bytes ready to be signed, as planned by a connector. Only the bytes are trusted: see
/// [`decode`](crate::decode).
///
/// `signer` is a claim. The bytes of an EVM transaction do not name the signer and cannot prove it:
/// the key holder compares the claim with the account of its key, and [`assemble`](crate::assemble)
/// rejects a signature by any other account. Where the bytes do name the signer (UTXO chains),
/// [`decode`](crate::decode) rejects a different claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsigned {
    /// The chain that defines the encoding of the bytes.
    pub chain: ChainId,
    /// In the chain's canonical form.
    pub signer: String,
    #[serde(with = "hex::serde")]
    pub bytes: Vec<u8>,
}

/// The contents of unsigned bytes, read from the bytes alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub intent: Intent,
    /// What the transaction consumes. Never empty.
    pub replay_keys: Vec<ReplayKey>,
    pub fee: FeeTerms,
    /// One per signature needed.
    pub required_signatures: Vec<RequiredSignature>,
}

/// A signature that the bytes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredSignature {
    pub account: String,
    pub scheme: Scheme,
    /// Computed from the bytes.
    pub digest: [u8; 32],
}

/// A signature scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// ECDSA on secp256k1 over a 32-byte digest, low s (BIP-146, EIP-2), with recovery id.
    EcdsaSecp256k1,
}

/// A public key: 33 bytes compressed (SEC 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 33]);

/// A recoverable ECDSA signature with low s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// r and s, 32 bytes each.
    pub rs: [u8; 64],
    /// 0 or 1.
    pub recovery: u8,
}

/// A signed transaction, or a signed statement (message, typed data, authorization) in its standard
/// form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub chain: ChainId,
    /// The bytes to broadcast.
    #[serde(with = "hex::serde")]
    pub raw: Vec<u8>,
    /// The transaction hash. For a statement, the signed digest.
    pub id: String,
}
