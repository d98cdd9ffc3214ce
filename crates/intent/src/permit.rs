//! A permit: a statement signed by policy that one intent may be signed, within an envelope, until
//! a deadline.

use crate::{Envelope, Error, Result};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use types::{Canon, DecisionId, Digest, Namespace, PermitId, Time};

/// The signed content of a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermitBody {
    pub id: PermitId,
    pub namespace: Namespace,
    pub decision: DecisionId,
    /// Hash over all policy documents that took part in the decision.
    pub bundle_hash: Digest,
    pub intent_hash: Digest,
    pub envelope: Envelope,
    /// The deadline for the first signature.
    pub not_after: Time,
    /// Hash over the approvals that the decision counted.
    pub approvals_hash: Digest,
    /// The permit whose transaction the signature replaces, on the same replay keys. Only a permit
    /// with it allows a cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<PermitId>,
}

/// A permit: the body and the policy key's Ed25519 signature over its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    pub body: PermitBody,
    /// 64 bytes, hexadecimal in JSON.
    #[serde(with = "hex::serde")]
    pub signature: Vec<u8>,
}

/// The public half of an installation's policy key, pinned wherever signatures are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyKey {
    verifying: VerifyingKey,
}

impl PolicyKey {
    /// Parses 32 bytes. Rejects points of small order, under which any signature would verify.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let verifying = VerifyingKey::from_bytes(bytes).map_err(|_| Error::InvalidPolicyKey)?;
        if verifying.is_weak() {
            Err(Error::InvalidPolicyKey)
        } else {
            Ok(Self { verifying })
        }
    }

    /// The 32 bytes of the key.
    pub fn to_bytes(self) -> [u8; 32] {
        self.verifying.to_bytes()
    }
}

impl PermitBody {
    /// The signed bytes: canonical form, domain `permit`. Version 1 supersedes nothing; version 2
    /// ends with the superseded permit.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let head = Canon::new("permit", if self.supersedes.is_some() { 2 } else { 1 })
            .display(&self.id)
            .display(&self.namespace)
            .display(&self.decision)
            .digest(&self.bundle_hash)
            .digest(&self.intent_hash);
        let body = self
            .envelope
            .canon(head)
            .int(self.not_after.micros())
            .digest(&self.approvals_hash);
        match &self.supersedes {
            Some(superseded) => body.display(superseded).finish(),
            None => body.finish(),
        }
    }
}

/// Verifies that the policy key signed this permit. Time, namespace, use and revocation are checked
/// by `keys`.
pub fn verify(permit: &Permit, key: &PolicyKey) -> Result<()> {
    let signature =
        Signature::from_slice(&permit.signature).map_err(|_| Error::InvalidPermitSignature)?;
    key.verifying
        .verify_strict(&permit.body.canonical_bytes(), &signature)
        .map_err(|_| Error::InvalidPermitSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use types::{Amount, Ulid};

    fn permit() -> (Permit, PolicyKey) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let body = PermitBody {
            id: PermitId::from_ulid(Ulid::from_bits(1)),
            namespace: "ns".parse().expect("legal"),
            decision: DecisionId::from_ulid(Ulid::from_bits(2)),
            bundle_hash: Digest([3; 32]),
            intent_hash: Digest([4; 32]),
            envelope: Envelope {
                gas: 21_000,
                fee_per_gas: Amount::from(9),
                tip: Amount::from(1),
                total_fee: Amount::from(189_000),
                signatures: 3,
            },
            not_after: Time::from_secs(1_700_000_000),
            approvals_hash: Digest([5; 32]),
            supersedes: None,
        };
        let signature = key.sign(&body.canonical_bytes()).to_bytes().to_vec();
        (
            Permit { body, signature },
            PolicyKey::from_bytes(&key.verifying_key().to_bytes()).expect("a strong key"),
        )
    }

    #[test]
    fn a_permit_verifies_until_any_field_changes() {
        let (permit, key) = permit();
        assert!(verify(&permit, &key).is_ok());
        let changes: [fn(&mut PermitBody); 9] = [
            |b| b.id = PermitId::from_ulid(Ulid::from_bits(9)),
            |b| b.namespace = "ns2".parse().expect("legal"),
            |b| b.decision = DecisionId::from_ulid(Ulid::from_bits(9)),
            |b| b.bundle_hash = Digest([9; 32]),
            |b| b.intent_hash = Digest([9; 32]),
            |b| b.envelope.signatures += 1,
            |b| b.not_after = b.not_after.plus_millis(1),
            |b| b.approvals_hash = Digest([9; 32]),
            |b| b.supersedes = Some(PermitId::from_ulid(Ulid::from_bits(9))),
        ];
        for change in changes {
            let mut changed = permit.clone();
            change(&mut changed.body);
            assert!(matches!(
                verify(&changed, &key),
                Err(Error::InvalidPermitSignature)
            ));
        }
    }

    #[test]
    fn every_flipped_bit_of_the_signature_is_detected() {
        let (permit, key) = permit();
        for bit in 0..permit.signature.len() * 8 {
            let mut changed = permit.clone();
            changed.signature[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&changed, &key).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_key_and_a_weak_key_are_rejected() {
        let (permit, _) = permit();
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert!(verify(&permit, &PolicyKey::from_bytes(&other).expect("strong")).is_err());
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert!(matches!(
            PolicyKey::from_bytes(&identity),
            Err(Error::InvalidPolicyKey)
        ));
    }
}
