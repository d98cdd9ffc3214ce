//! Typed data (EIP-712) whose type a standard reads.
//!
//! It is complete if its domain names this chain and a contract that is registered with the
//! standard, its type is exactly the standard's, the account in it is the signer, and every call
//! nested in it is complete.

use super::frame::Frame;
use super::unfold::Unfolding;
use crate::evm::abi::{Path, params};
use crate::evm::address;
use crate::evm::standards::{self, CallReader, Declared, Reading};
use crate::evm::typed_data::TypedData;
use crate::{Effects, IncompleteCode, Intent, Knowledge, Result};
use types::Amount;

pub(super) fn effects(intent: &Intent, json: &str, known: &Knowledge) -> Result<Effects> {
    let data = TypedData::checked(json, intent.chain.evm_number())?;
    let contract = data.domain("verifyingContract");
    let contract = contract.and_then(|contract| address::parse(contract.as_str()?).ok());
    let contract = contract.map(|contract| address::format(&contract));
    let frame = Frame {
        path: String::new(),
        depth: 0,
        sender: &intent.signer,
        contract: contract.as_deref().unwrap_or_default(),
        actor: contract.as_deref().unwrap_or_default(),
        value: Amount::ZERO,
        data: &[],
    };
    let mut unfolding = Unfolding::new(known);
    if contract.is_some() {
        unfolding.effects.touched.insert(frame.contract.to_owned());
    }
    if contract.is_none() || data.domain("chainId").is_none() {
        let why = "the domain does not name both a chain and a contract";
        unfolding.incomplete(&frame, IncompleteCode::UnboundTypedData, why);
    }
    match standards::typed(&data.encoded_type()).filter(|_| data.has_no_other_types()) {
        Some(declared) => unfolding.typed(&frame, &data, declared),
        None => {
            let why = "what typed data of this type allows is not known";
            unfolding.incomplete(&frame, IncompleteCode::UnknownTypedData, why);
        }
    }
    Ok(unfolding.effects)
}

impl Unfolding<'_> {
    fn typed(&mut self, frame: &Frame<'_>, data: &TypedData, declared: &Declared) {
        self.judge_contract(frame, declared);
        // The digest has checked each value by its type.
        let at = Path::Root("message");
        let tokens = params(&declared.entry.inputs, &data.message, &at).unwrap_or_default();
        let mut reader = CallReader {
            entry: &declared.entry,
            tokens: &tokens,
            sender: frame.sender,
            contract: frame.contract,
            actor: frame.actor,
            value: Amount::ZERO,
            known: self.known,
            reading: Reading::default(),
        };
        let signer = declared.signer.map(|field| reader.account(field));
        if signer.is_some_and(|account| account.as_deref() != Some(frame.sender)) {
            let why = "the account in it is not the signer";
            self.incomplete(frame, IncompleteCode::UnboundTypedData, why);
            return;
        }
        if (declared.effect)(&mut reader).is_none() {
            let why = "its values do not have the form that the contract reads";
            self.incomplete(frame, IncompleteCode::UnknownArgument, why);
            return;
        }
        let reading = reader.reading;
        self.add_readings(frame, vec![reading]);
    }

    fn judge_contract(&mut self, frame: &Frame<'_>, declared: &Declared) {
        let known = self.known.contract(frame.contract);
        let is_own = known.is_some_and(|known| known.implements(declared.standard));
        match super::judge::target(self.known, frame, is_own) {
            Some((IncompleteCode::UnknownSelector, _)) => {
                let why = format!("{} is not known to read this type", frame.contract);
                self.incomplete(frame, IncompleteCode::UnknownTypedData, why);
            }
            Some((code, why)) => self.incomplete(frame, code, why),
            None => {}
        }
        if let Some(why) = known.and_then(|known| known.changed.as_ref()) {
            let why = format!("{} is not what was registered: {why}", frame.contract);
            self.incomplete(frame, IncompleteCode::Changed, why);
        }
    }
}
