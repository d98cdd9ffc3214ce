//! Signing keys for tests.

use intent::{PublicKey, Signature};
use secp256k1::{Message, SECP256K1, SecretKey};

pub(crate) struct Key(SecretKey);

impl Key {
    /// The key with 32 equal bytes.
    pub(crate) fn new(byte: u8) -> Self {
        Self(SecretKey::from_slice(&[byte; 32]).unwrap())
    }

    pub(crate) fn from_hex(text: &str) -> Self {
        Self(SecretKey::from_slice(&hex::decode(text).unwrap()).unwrap())
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key(SECP256K1).serialize())
    }

    pub(crate) fn account(&self) -> String {
        intent::evm::address(&self.public()).unwrap()
    }

    pub(crate) fn sign(&self, digest: [u8; 32]) -> Signature {
        let (id, rs) = SECP256K1
            .sign_ecdsa_recoverable(&Message::from_digest(digest), &self.0)
            .serialize_compact();
        Signature {
            rs,
            recovery: u8::try_from(i32::from(id)).unwrap(),
        }
    }
}

/// The same signature with the other s: valid on the curve, but rejected by every chain since EIP-2
/// and BIP-146.
pub(crate) fn high_s(signature: Signature) -> Signature {
    let order =
        hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap();
    let mut rs = signature.rs;
    let mut borrow = 0i16;
    for index in (0..32).rev() {
        let digit = i16::from(order[index]) - i16::from(rs[32 + index]) - borrow;
        borrow = i16::from(digit < 0);
        rs[32 + index] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    Signature {
        rs,
        recovery: signature.recovery ^ 1,
    }
}
