//! Bytes on their way to a signature, and what can be read from them.

use crate::{FeeTerms, Intent};
use serde::{Deserialize, Serialize};
use types::{ChainId, Witness};

/// Bytes ready to be signed, as a connector planned them. Nothing here is believed but the bytes:
/// see [`decode`](crate::decode).
///
/// `signer` is a claim. The bytes of an EVM transaction do not name who signs them, so they cannot
/// prove it: whoever holds the key compares the claim with the key's own account, and
/// [`assemble`](crate::assemble) refuses a signature by anyone else. Where the bytes do name the
/// signer (chains of coins), [`decode`](crate::decode) refuses another claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsigned {
    /// The chain whose encoding the bytes follow.
    pub chain: ChainId,
    /// The account that is to sign, in the chain's canonical form.
    pub signer: String,
    /// The exact bytes.
    #[serde(with = "hex::serde")]
    pub bytes: Vec<u8>,
}

/// What unsigned bytes say, read from the bytes alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What a signature over them does.
    pub intent: Intent,
    /// What it uses up. Never empty.
    pub witnesses: Vec<Witness>,
    /// What it may cost.
    pub fee: FeeTerms,
    /// What is to be signed: one request a signature.
    pub requests: Vec<SignRequest>,
}

/// One signature that the bytes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignRequest {
    /// The account whose key signs.
    pub account: String,
    /// How.
    pub scheme: Scheme,
    /// The digest, computed from the bytes.
    pub digest: [u8; 32],
}

/// How a chain signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// ECDSA on secp256k1 over a 32-byte digest, low s (BIP-146, EIP-2), with recovery id.
    EcdsaSecp256k1,
}

/// A public key: 33 bytes compressed (SEC 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 33]);

/// A signature: r and s, 32 bytes each, s low, and which of the keys it recovers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// r and s.
    pub rs: [u8; 64],
    /// The recovery id, 0 or 1.
    pub recovery: u8,
}

/// A complete transaction, or a complete statement (message, typed data, authorisation) in the form
/// in which it is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The chain.
    pub chain: ChainId,
    /// The bytes that are broadcast.
    #[serde(with = "hex::serde")]
    pub raw: Vec<u8>,
    /// The id under which the chain will know it (its hash).
    pub id: String,
}
