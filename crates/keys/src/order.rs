//! An order to sign: the bytes, and the permit for what they do. Checked against each other before
//! anything else.

use crate::state::Ask;
use crate::{Error, Keys, Result};
use intent::{Decoded, Permit, PolicyKey, SignRequest, Unsigned};
use types::{Digest, Namespace, PermitId, Principal};

/// What is to be signed, and by whose leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Policy's word.
    pub permit: Permit,
    /// The bytes, as the connector planned them.
    pub unsigned: Unsigned,
    /// The permit whose place this one takes, on the same witness: for a cancel, or for the same
    /// intent with a new envelope.
    pub supersedes: Option<PermitId>,
}

/// An order whose permit is genuine and allows what the bytes do.
#[derive(Clone)]
pub struct Checked {
    pub(crate) namespace: Namespace,
    pub(crate) ask: Ask,
    pub(crate) unsigned: Unsigned,
    pub(crate) requests: Vec<SignRequest>,
}

/// Check an order before it is asked for by [`request`](crate::request); [`sign`](crate::sign) does
/// so by itself. Takes some 100 microseconds, so it comes before the transaction.
///
/// Errors: `intent.forged_permit`, `intent.undecodable`, `keys.foreign_permit`,
/// `keys.other_intent`, `keys.over_envelope`.
pub fn check(keys: &Keys, who: &Principal, order: Order) -> Result<Checked> {
    order.check(keys.policy_key(), &who.namespace)
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked")
            .field("permit", &self.ask.permit)
            .finish_non_exhaustive()
    }
}

impl Order {
    /// Read the bytes, and hold them against the permit. Nothing that the order says about its
    /// bytes is believed.
    pub(crate) fn check(self, key: &PolicyKey, namespace: &Namespace) -> Result<Checked> {
        let body = &self.permit.body;
        intent::verify(&self.permit, key)?;
        let permit = body.id;
        if body.namespace != *namespace {
            return Err(Error::ForeignPermit { permit });
        }
        let Decoded {
            intent,
            witnesses,
            fee,
            requests,
        } = intent::decode(&self.unsigned)?;
        let hash = intent.hash();
        let same_place =
            intent.chain == self.unsigned.chain && intent.signer == self.unsigned.signer;
        if hash != body.intent_hash || !same_place || witnesses.is_empty() || requests.is_empty() {
            return Err(Error::OtherIntent { permit });
        }
        if requests
            .iter()
            .any(|request| request.account != intent.signer)
        {
            return Err(Error::OtherIntent { permit });
        }
        body.envelope
            .allows(&fee)
            .map_err(|breach| Error::OverEnvelope { permit, breach })?;
        let ask = Ask {
            permit,
            supersedes: self.supersedes,
            is_cancel: intent.is_cancel(),
            chain: intent.chain,
            signer: intent.signer,
            intent: hash,
            bytes: Digest::of(&self.unsigned.bytes),
            witnesses,
            limit: body.envelope.signatures,
            not_after: body.not_after,
        };
        Ok(Checked {
            namespace: namespace.clone(),
            ask,
            unsigned: self.unsigned,
            requests,
        })
    }
}
