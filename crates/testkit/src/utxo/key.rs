//! A key for signing directly in tests: for coins of other parties, and for double spends with a
//! leaked key.

use intent::{PublicKey, Signature, Signed, Unsigned};
use secp256k1::{Message, SECP256K1, SecretKey};
use types::ChainId;

/// A fixed, public test key.
#[derive(Debug, Clone)]
pub struct CoinKey(SecretKey);

impl CoinKey {
    /// The key whose 32 bytes all equal `byte`.
    ///
    /// # Panics
    /// If `byte` is 0, which is not a valid key.
    pub fn new(byte: u8) -> Self {
        Self(SecretKey::from_slice(&[byte; 32]).expect("32 equal nonzero bytes are a valid key"))
    }

    /// The address of the key on a chain.
    pub fn address(&self, chain: &ChainId) -> String {
        let key = PublicKey(self.0.public_key(SECP256K1).serialize());
        intent::address(chain, &key).expect("the family of the chain is known")
    }

    /// Sign a transaction.
    ///
    /// # Panics
    /// If the bytes cannot be decoded, or need another signer.
    pub fn sign(&self, unsigned: &Unsigned) -> Signed {
        let decoded = intent::decode(unsigned).expect("the bytes can be decoded");
        let signatures: Vec<Signature> = decoded
            .required_signatures
            .iter()
            .map(|request| self.sign_digest(request.digest))
            .collect();
        intent::assemble(unsigned, &signatures).expect("this key is the signer of the bytes")
    }

    fn sign_digest(&self, digest: [u8; 32]) -> Signature {
        let (recovery, rs) = SECP256K1
            .sign_ecdsa_recoverable(&Message::from_digest(digest), &self.0)
            .serialize_compact();
        Signature {
            rs,
            recovery: u8::try_from(i32::from(recovery)).expect("0 to 3"),
        }
    }
}
