//! A signing job: the bytes, and the permit for what they do. They are checked against each other
//! before anything else. And its result, a signature.

use crate::state::SigningAttempt;
use crate::{Error, Keys, Result};
use intent::{Permit, PolicyKey, RequiredSignature, Unsigned};
use std::sync::Arc;
use types::{ChainId, Digest, Namespace, PermitId, Principal, ReplayKey, WalletId};

/// The bytes to sign, and the permit that allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningJob {
    pub permit: Permit,
    /// The bytes, as planned by the connector.
    pub unsigned: Unsigned,
    /// The permit that this job's permit supersedes, on the same replay key, if the permit does not
    /// say so itself: for the same intent. A cancel needs a permit that says so.
    pub supersedes: Option<PermitId>,
}

/// A job whose permit is genuine and allows what the bytes do.
#[derive(Clone)]
pub struct VerifiedJob {
    pub(crate) namespace: Namespace,
    pub(crate) attempt: SigningAttempt,
    pub(crate) permit: Arc<Permit>,
    pub(crate) unsigned: Arc<Unsigned>,
    pub(crate) required: Vec<RequiredSignature>,
}

/// Verify a job before [`request_signatures`](crate::request_signatures); [`sign`](crate::sign)
/// does this itself. Takes about 100 microseconds, so call it before the transaction.
///
/// Errors: `intent.invalid_permit_signature`, `intent.undecodable`, `keys.foreign_permit`,
/// `keys.intent_mismatch`, `keys.envelope_exceeded`.
pub fn verify_job(keys: &Keys, principal: &Principal, job: SigningJob) -> Result<VerifiedJob> {
    job.check(keys.policy_key(), &principal.namespace)
}

impl VerifiedJob {
    /// The replay keys that the bytes use.
    pub fn replay_keys(&self) -> &[ReplayKey] {
        &self.attempt.replay_keys
    }
}

/// A signature that is not recorded yet. [`bytes`](crate::bytes) returns its bytes once
/// [`record`](crate::record) is committed.
#[derive(Clone)]
pub struct Signed {
    pub(crate) namespace: Namespace,
    pub(crate) attempt: SigningAttempt,
    pub(crate) wallet: WalletId,
    pub(crate) signed: intent::Signed,
}

impl Signed {
    /// The id of the transaction on the chain (its hash).
    pub fn id(&self) -> &str {
        &self.signed.id
    }

    /// The chain of the signed transaction.
    pub fn chain(&self) -> &ChainId {
        &self.attempt.chain
    }

    /// The account that signed.
    pub fn signer(&self) -> &str {
        &self.attempt.signer
    }

    /// The replay keys that the signature uses.
    pub fn replay_keys(&self) -> &[ReplayKey] {
        &self.attempt.replay_keys
    }

    /// The permit under which it was made.
    pub fn permit(&self) -> &PermitId {
        &self.attempt.permit
    }

    /// The permit that this one supersedes.
    pub fn supersedes(&self) -> Option<&PermitId> {
        self.attempt.supersedes.as_ref()
    }
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed")
            .field("permit", &self.attempt.permit)
            .field("id", &self.signed.id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for VerifiedJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedJob")
            .field("permit", &self.attempt.permit)
            .finish_non_exhaustive()
    }
}

impl SigningJob {
    /// Decode the bytes and compare them with the permit. No claim of the job about its bytes is
    /// trusted.
    pub(crate) fn check(self, key: &PolicyKey, namespace: &Namespace) -> Result<VerifiedJob> {
        let body = &self.permit.body;
        intent::verify(&self.permit, key)?;
        let permit = body.id;
        if body.namespace != *namespace {
            return Err(Error::ForeignPermit { permit });
        }
        let decoded = intent::decode(&self.unsigned)?;
        let (intent, required) = (decoded.intent, decoded.required_signatures);
        let hash = intent.hash();
        let same_account =
            intent.chain == self.unsigned.chain && intent.signer == self.unsigned.signer;
        if hash != body.intent_hash
            || !same_account
            || decoded.replay_keys.is_empty()
            || required.is_empty()
        {
            return Err(Error::IntentMismatch { permit });
        }
        if required
            .iter()
            .any(|required| required.account != intent.signer)
        {
            return Err(Error::IntentMismatch { permit });
        }
        body.envelope
            .allows(&decoded.fee)
            .map_err(|breach| Error::EnvelopeExceeded { permit, breach })?;
        let supersedes = body.supersedes.or(self.supersedes);
        if let Some(named) = self.supersedes
            && supersedes != self.supersedes
        {
            return Err(Error::CannotSupersede {
                permit,
                earlier: named,
                why: "its permit names another",
            });
        }
        let attempt = SigningAttempt {
            permit,
            supersedes,
            // A transaction that looks like a cancel and replaces nothing is an ordinary one.
            is_cancel: body.supersedes.is_some() && intent.is_cancel(),
            chain: intent.chain,
            signer: intent.signer,
            intent: hash,
            bytes: Digest::of(&self.unsigned.bytes),
            replay_keys: decoded.replay_keys,
            limit: body.envelope.signatures,
            not_after: body.not_after,
        };
        Ok(VerifiedJob {
            namespace: *namespace,
            attempt,
            permit: Arc::new(self.permit),
            unsigned: Arc::new(self.unsigned),
            required,
        })
    }
}
