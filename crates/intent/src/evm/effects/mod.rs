//! Computes the effects of an EVM intent from the bytes and what is known of contracts.
//!
//! - A payment without data is its movement. It is incomplete if the receiver may have code.
//! - A deployment `deploys`, and moves value to `to: ""`, the new contract. It is complete: the code
//!   hash identifies all that it does.
//! - A call is what the standards of its target say about it (see `unfold`).
//! - An EIP-7702 authorization, signed or carried, is a grant over the whole account and a power;
//!   none if it ends a delegation (zero address).
//! - Typed data is what its type is known to allow (see `typed_data`), else incomplete.
//! - A message has no known effects and is incomplete.
//!
//! An interface names functions and arguments. It changes nothing else.

mod typed_data;
mod unfold;

use super::address;
use super::standards::ZERO_ACCOUNT;
use crate::{
    Act, Authorization, Effects, Error, Grant, Incomplete, IncompleteCode, Intent, Knowledge,
    Output, Power, PowerKind, Result, Transaction,
};
use types::Digest;
use unfold::Unfolding;

/// Computes the effects of an intent. Error `intent.invalid_intent` for accounts in another than
/// the canonical form (otherwise a deny list could be bypassed by upper case).
pub fn effects(intent: &Intent, known: &Knowledge) -> Result<Effects> {
    check_canonical(&intent.signer)?;
    if intent.is_cancel() {
        return Ok(Effects::none());
    }
    match &intent.act {
        Act::Transaction(transaction) => of_transaction(intent, transaction, known),
        Act::TypedData { json } => typed_data::effects(intent, json, known),
        Act::Authorization(authorization) => {
            let mut effects = Effects::none();
            effects.add_delegations(std::slice::from_ref(authorization))?;
            Ok(effects)
        }
        Act::Message { .. } => Ok(incomplete(
            IncompleteCode::Message,
            None,
            "what a message allows is not known",
        )),
    }
}

/// No known effects, for a reason.
fn incomplete(code: IncompleteCode, contract: Option<String>, why: impl Into<String>) -> Effects {
    let mut effects = Effects::none();
    effects.add_incomplete(Incomplete {
        code,
        path: String::new(),
        contract,
        text: why.into(),
    });
    effects
}

fn of_transaction(
    intent: &Intent,
    transaction: &Transaction,
    known: &Knowledge,
) -> Result<Effects> {
    let [Output { to, value }] = transaction.outputs.as_slice() else {
        return Err(Error::invalid_intent(
            "a transaction of this chain has exactly one output",
        ));
    };
    let mut unfolding = Unfolding::new(known);
    unfolding
        .effects
        .add_delegations(&transaction.authorizations)?;
    match to {
        None => {
            unfolding.add_payment(&intent.signer, "", *value);
            unfolding.effects.deploys = Some(Digest::of(&transaction.data));
        }
        Some(contract) => {
            check_canonical(contract)?;
            unfolding.call(&intent.signer, contract, *value, &transaction.data);
        }
    }
    Ok(unfolding.effects)
}

impl Effects {
    fn add_delegations(&mut self, authorizations: &[Authorization]) -> Result<()> {
        for authorization in authorizations {
            check_canonical(&authorization.delegate)?;
            if authorization.delegate == ZERO_ACCOUNT {
                continue;
            }
            let (owner, to) = (authorization.authority.clone(), &authorization.delegate);
            self.powers.push(Power {
                kind: PowerKind::Delegation,
                contract: owner.clone(),
                from: Some(owner.clone()),
                to: Some(to.clone()),
                role: None,
                amount: None,
                path: String::new(),
            });
            self.grants.push(Grant {
                asset: None,
                owner,
                to: to.clone(),
                amount: None,
            });
        }
        Ok(())
    }
}

fn check_canonical(text: &str) -> Result<()> {
    let parsed = address::parse_canonical(text).map(|_| ());
    parsed.ok_or_else(|| {
        Error::invalid_intent(format!(
            "{text:?} is not an address in lower-case hexadecimal with 0x"
        ))
    })
}
