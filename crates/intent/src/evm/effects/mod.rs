//! Computes the effects of an EVM intent from the bytes and what is known of contracts.
//!
//! - A payment without data is its movement. It is incomplete if the receiver may have code.
//! - A deployment `deploys`, and moves value to `to: ""`, the new contract. It is complete: the
//!   code hash identifies all that it does.
//! - A call is what the standards of its target say about it (see `unfold`).
//! - An EIP-7702 authorization, signed or carried, is a grant over the whole account and a power;
//!   only a power if it ends a delegation (zero address). It is complete if it is for this chain
//!   alone and its delegate is registered as an account.
//! - Typed data is what its type is known to allow (see `typed_data`), else incomplete.
//! - A message has no known effects and is incomplete.
//!
//! An interface names functions and arguments. It changes nothing else.

mod frame;
mod interfaces;
mod judge;
mod typed_data;
mod unfold;

use super::address;
use super::standards::ZERO_ACCOUNT;
use crate::{
    Act, Authorization, Effects, Error, Grant, Incomplete, IncompleteCode, Intent, Knowledge,
    Output, Power, PowerKind, Result, Standard, Transaction,
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
            let mut unfolding = Unfolding::new(known);
            unfolding.add_delegations(std::slice::from_ref(authorization))?;
            Ok(unfolding.effects)
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
    unfolding.add_delegations(&transaction.authorizations)?;
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

impl Unfolding<'_> {
    fn add_delegations(&mut self, authorizations: &[Authorization]) -> Result<()> {
        for authorization in authorizations {
            check_canonical(&authorization.delegate)?;
            check_canonical(&authorization.authority)?;
            self.add_delegation(authorization);
        }
        Ok(())
    }

    fn add_delegation(&mut self, authorization: &Authorization) {
        let (owner, to) = (&authorization.authority, &authorization.delegate);
        self.add_power(Power {
            kind: PowerKind::Delegation,
            contract: owner.clone(),
            from: Some(owner.clone()),
            to: Some(to.clone()),
            role: None,
            amount: None,
            path: String::new(),
        });
        if to != ZERO_ACCOUNT {
            self.effects.grants.push(Grant {
                asset: None,
                owner: owner.clone(),
                to: to.clone(),
                amount: None,
            });
        }
        self.judge_delegate(authorization);
    }

    fn judge_delegate(&mut self, authorization: &Authorization) {
        let delegate = &authorization.delegate;
        let mut incomplete = |code, text: String| {
            self.effects.add_incomplete(Incomplete {
                code,
                path: String::new(),
                contract: Some(delegate.clone()),
                text,
            });
        };
        if authorization.any_chain {
            let why = "the authorization is valid on every chain";
            incomplete(IncompleteCode::UnknownArgument, why.to_owned());
        }
        if delegate == ZERO_ACCOUNT {
            return;
        }
        let known = self.known.contract(delegate);
        match known {
            Some(known) if known.changed.is_some() => {
                let why = format!("{delegate} is not what was registered");
                incomplete(IncompleteCode::Changed, why);
            }
            Some(known) if known.implements(Standard::SmartAccount) => {}
            _ => {
                let why = format!("{delegate} is not registered as an account");
                incomplete(IncompleteCode::UnknownContract, why);
            }
        }
        self.effects.touched.insert(delegate.clone());
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
