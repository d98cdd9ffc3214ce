//! A public node (BIP-32): derives the public keys of its children, and cannot sign.

use super::{HARDENED, Lineage, split_hmac};
use secp256k1::{PublicKey, SECP256K1, Scalar};
use zeroize::Zeroizing;

/// The version bytes of a public node's text form (`xpub`).
const VERSION: [u8; 4] = [0x04, 0x88, 0xb2, 0x1e];
/// The bytes of a node, and of the checksum in its text form.
const NODE: usize = 78;
const CHECKSUM: usize = 4;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PublicNode {
    key: [u8; 33],
    code: [u8; 32],
    lineage: Lineage,
}

impl PublicNode {
    pub(super) fn new(key: [u8; 33], code: [u8; 32], lineage: Lineage) -> Self {
        Self { key, code, lineage }
    }

    /// The public key of a non-hardened child; `None` for the one number in 2^127 that has none.
    pub(crate) fn child_key(&self, number: u32) -> Option<[u8; 33]> {
        Some(self.step(number)?.0)
    }

    /// A non-hardened child.
    #[cfg(test)]
    pub(crate) fn child(&self, number: u32) -> Option<Self> {
        let (key, code) = self.step(number)?;
        Some(Self {
            key,
            code,
            lineage: self.lineage.child(&self.key, number)?,
        })
    }

    fn step(&self, number: u32) -> Option<([u8; 33], [u8; 32])> {
        if number >= HARDENED {
            return None; // hardened children require the private key
        }
        let (tweak, code) = split_hmac(&self.code, &[&self.key, &number.to_be_bytes()]);
        let parent = PublicKey::from_byte_array_compressed(&self.key).ok()?;
        let child = parent
            .add_exp_tweak(SECP256K1, &Scalar::from_be_bytes(*tweak).ok()?)
            .ok()?;
        Some((child.serialize(), *code))
    }

    /// The text form, `xpub…`.
    pub(crate) fn to_xpub(&self) -> String {
        text(VERSION, self.lineage, &self.code, &self.key)
    }

    /// Parse the text form.
    pub(crate) fn from_xpub(text: &str) -> Option<Self> {
        let (lineage, code, key) = parse(VERSION, text)?;
        PublicKey::from_byte_array_compressed(&key).ok()?;
        Some(Self { key, code, lineage })
    }
}

/// The text form of any node: version, depth, parent, number, chain code, key, in Base58Check.
pub(super) fn text(version: [u8; 4], lineage: Lineage, code: &[u8; 32], key: &[u8]) -> String {
    let Lineage {
        depth,
        parent,
        number,
    } = lineage;
    let parts = [
        &version[..],
        &[depth],
        &parent,
        &number.to_be_bytes(),
        code,
        key,
    ];
    let bytes = Zeroizing::new(parts.concat());
    bs58::encode(bytes.as_slice()).with_check().into_string()
}

/// The content of a node's text form.
pub(super) fn parse(version: [u8; 4], text: &str) -> Option<(Lineage, [u8; 32], [u8; 33])> {
    let mut bytes = Zeroizing::new([0; NODE + CHECKSUM]);
    let decoded = bs58::decode(text).with_check(None).onto(&mut *bytes);
    if decoded != Ok(NODE) {
        return None;
    }
    let bytes: &[u8; NODE] = bytes.first_chunk()?;
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let (&[depth], rest) = rest.split_first_chunk::<1>()?;
    let (parent, rest) = rest.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (code, key) = rest.split_first_chunk::<32>()?;
    let lineage = Lineage {
        depth,
        parent: *parent,
        number: u32::from_be_bytes(*number),
    };
    let consistent = depth > 0 || lineage == Lineage::default(); // a master node has no parent
    (*head == version && consistent).then_some(())?;
    Some((lineage, *code, key.try_into().ok()?))
}
