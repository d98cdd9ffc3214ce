//! Hierarchical keys: BIP-39 mnemonics, BIP-32 nodes on secp256k1, BIP-44 paths.
//!
//! Mnemonics are those of the crate `bip39`. Nodes are implemented here, with the curve operations
//! of the crate `secp256k1`, which also signs: what BIP-32 adds to them is an HMAC and a text form,
//! and every private key is then wiped when dropped and cannot be printed. The official vectors of
//! BIP-32 test it.

mod node;
mod path;
mod phrase;
mod public;

pub(crate) use node::{Node, public_key as node_public, sign as sign_digest};
pub use path::{Path, Template};
pub(crate) use phrase::Phrase;
pub(crate) use public::PublicNode;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::Zeroizing;

/// The first hardened child number (BIP-32).
pub(crate) const HARDENED: u32 = 1 << 31;

/// The position of a node in its tree; only used in its text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lineage {
    depth: u8,
    /// The first bytes of the hash of the parent's public key.
    parent: [u8; 4],
    /// The child number under the parent.
    number: u32,
}

impl Lineage {
    /// The lineage of a child of a node with this public key; `None` below depth 255.
    fn child(self, parent: &[u8; 33], number: u32) -> Option<Self> {
        let hash = hash160(parent);
        Some(Self {
            depth: self.depth.checked_add(1)?,
            parent: [hash[0], hash[1], hash[2], hash[3]],
            number,
        })
    }
}

/// HMAC-SHA512 over the parts, split into halves: the key tweak and the chain code.
fn split_hmac(code: &[u8], parts: &[&[u8]]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let mut mac = Hmac::<Sha512>::new_from_slice(code).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    let mut output = mac.finalize().into_bytes();
    let (mut left, mut right) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    left.copy_from_slice(&output[..32]);
    right.copy_from_slice(&output[32..]);
    zeroize::Zeroize::zeroize(output.as_mut_slice());
    (left, right)
}

/// RIPEMD-160 of SHA-256.
fn hash160(bytes: &[u8]) -> [u8; 20] {
    use ripemd::Digest as _;
    ripemd::Ripemd160::digest(types::Digest::of(bytes).0).into()
}

#[cfg(test)]
mod tests;
