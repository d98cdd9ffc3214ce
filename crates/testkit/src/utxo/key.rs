//! A key that signs in tests, where no engine does: others' coins, and a double spend by somebody
//! who has ours.

use intent::{PublicKey, Signature, Signed, Unsigned};
use secp256k1::{Message, SECP256K1, SecretKey};
use types::ChainId;

/// A key known to all the world.
#[derive(Debug, Clone)]
pub struct CoinKey(SecretKey);

impl CoinKey {
    /// The key whose 32 bytes are all this one, from 1 on.
    ///
    /// # Panics
    /// For 0, which is no key.
    pub fn new(byte: u8) -> Self {
        Self(SecretKey::from_slice(&[byte; 32]).expect("32 bytes from 1 on are a key"))
    }

    /// Its address on a chain.
    pub fn address(&self, chain: &ChainId) -> String {
        let key = PublicKey(self.0.public_key(SECP256K1).serialize());
        intent::address(chain, &key).expect("a chain whose family is known")
    }

    /// Its signature over whatever the bytes ask of their signer.
    ///
    /// # Panics
    /// If the bytes cannot be read, or are another's to sign.
    pub fn sign(&self, unsigned: &Unsigned) -> Signed {
        let decoded = intent::decode(unsigned).expect("bytes that can be read");
        let signatures: Vec<Signature> = decoded
            .requests
            .iter()
            .map(|request| self.one(request.digest))
            .collect();
        intent::assemble(unsigned, &signatures).expect("bytes that are this key's to sign")
    }

    fn one(&self, digest: [u8; 32]) -> Signature {
        let (recovery, rs) = SECP256K1
            .sign_ecdsa_recoverable(&Message::from_digest(digest), &self.0)
            .serialize_compact();
        Signature {
            rs,
            recovery: u8::try_from(i32::from(recovery)).expect("0 to 3"),
        }
    }
}
