//! Signer recovery for ECDSA on secp256k1.

use crate::{PublicKey, Signature};
use secp256k1::{
    Message, SECP256K1,
    ecdsa::{self, RecoverableSignature, RecoveryId},
};

/// The key that signed this digest. `None` if the signature is malformed or its s is high (EIP-2,
/// BIP-146): a high s is a second encoding of the same signature, which would give one transaction
/// two ids.
pub(crate) fn recover(digest: &[u8; 32], signature: &Signature) -> Option<PublicKey> {
    if signature.recovery > 1 || !is_low(signature) {
        return None;
    }
    let id = RecoveryId::try_from(i32::from(signature.recovery)).ok()?;
    let signature = RecoverableSignature::from_compact(&signature.rs, id).ok()?;
    let key = SECP256K1
        .recover_ecdsa(&Message::from_digest(*digest), &signature)
        .ok()?;
    Some(PublicKey(key.serialize()))
}

fn is_low(signature: &Signature) -> bool {
    let Ok(signature) = ecdsa::Signature::from_compact(&signature.rs) else {
        return false;
    };
    let mut normalized = signature;
    normalized.normalize_s();
    normalized == signature
}

impl PublicKey {
    /// The point on the curve. `None` if it is not on it.
    pub(crate) fn point(&self) -> Option<secp256k1::PublicKey> {
        secp256k1::PublicKey::from_slice(&self.0).ok()
    }

    /// The point in 65 bytes (SEC 1, uncompressed).
    pub(crate) fn uncompressed(&self) -> Option<[u8; 65]> {
        Some(self.point()?.serialize_uncompressed())
    }
}
