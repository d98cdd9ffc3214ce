//! Calls of the token standards: who loses and gains what, read from the selector and the
//! arguments.

use super::STANDARDS;
use super::holdings::Holdings;
use crate::evm::abi::Abi;
use crate::{AssetRef, Grant, Interface, Move};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use types::Amount;

/// A call of a standard.
pub(super) struct CallKind {
    /// The signature, which gives the selector.
    pub(super) signature: &'static str,
    /// The names of the parameters in the standard.
    pub(super) parameters: &'static [&'static str],
    pub(super) reading: Reading,
    /// Adds what it moves and grants. `None` if the arguments do not have the form.
    pub(super) effects: fn(&mut TokenCall) -> Option<()>,
}

/// When a call is read as one of this standard, and whether that is certain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// No other standard has this selector, or all of them give it the same effects.
    Always,
    /// Contracts of the other kind have it too; certain unless the interface shows such a contract.
    Unless(Holdings),
    /// Another standard has this selector with other effects; certain only if the interface shows
    /// this kind.
    If(Holdings),
}

/// A call of a token standard.
#[derive(Debug, Default)]
pub(in crate::evm) struct TokenCall {
    pub(in crate::evm) signature: String,
    pub(in crate::evm) arguments: Value,
    pub(in crate::evm) moves: Vec<Move>,
    pub(in crate::evm) grants: Vec<Grant>,
    /// Whether moves and grants are the whole effect by the standard. False if the call could be of
    /// two standards, if the data holds more than the arguments, or if the lists of a batch differ
    /// in length.
    pub(in crate::evm) complete: bool,
    /// Whether the contract certainly implements the standard by which the call is read.
    pub(super) is_certain: bool,
    signer: String,
    contract: String,
}

/// The calls of all standards as one interface. A shared one has the parameters of the first
/// standard.
static CALLS: LazyLock<Abi> = LazyLock::new(|| {
    let first: BTreeMap<&str, Value> = calls()
        .map(|call| (call.signature, call.function()))
        .rev()
        .collect();
    let interface = Interface::new(Value::from_iter(first.into_values()).to_string());
    // The declarations are constants, and every test that decodes a token call reads them.
    Abi::parse(&interface).expect("the declared calls are a valid JSON ABI")
});

fn calls() -> impl DoubleEndedIterator<Item = &'static CallKind> {
    STANDARDS.iter().flat_map(|standard| standard.calls)
}

/// Decodes a call. `None` if it is not of a token standard or its arguments do not decode.
pub(in crate::evm) fn read_call(
    signer: &str,
    contract: &str,
    data: &[u8],
    abi: Option<&Abi>,
) -> Option<TokenCall> {
    let (signature, arguments) = CALLS.decode_call(data)?;
    let holdings = Holdings::of(abi, data);
    let mut candidates = calls().filter(|call| call.signature == signature);
    let first = candidates.next()?;
    let kind = candidates
        .find(|call| call.reading == Reading::If(holdings))
        .unwrap_or(first);
    let is_certain = kind.reading.is_certain(holdings);
    let mut call = TokenCall {
        complete: CALLS.is_canonical_call(data) && is_certain,
        is_certain,
        signature,
        arguments,
        signer: signer.to_owned(),
        contract: contract.to_owned(),
        ..TokenCall::default()
    };
    (kind.effects)(&mut call)?;
    Some(call)
}

impl Reading {
    fn is_certain(self, holdings: Holdings) -> bool {
        match self {
            Self::Always => true,
            Self::Unless(other) => holdings != other && holdings != Holdings::Both,
            Self::If(own) => holdings == own,
        }
    }
}

impl CallKind {
    /// The entry of a JSON ABI.
    fn function(&self) -> Value {
        let (name, types) = self.signature.split_once('(').unwrap_or_default();
        let types = types.trim_end_matches(')').split(',');
        let inputs: Vec<Value> = types
            .zip(self.parameters)
            .map(|(kind, name)| serde_json::json!({ "name": name, "type": kind }))
            .collect();
        serde_json::json!({ "type": "function", "name": name, "inputs": inputs })
    }
}

impl TokenCall {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    pub(super) fn amount(&self, name: &str) -> Option<Amount> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn amounts(&self, name: &str) -> Option<Vec<Amount>> {
        let items = self.arguments.get(name)?.as_array()?;
        items
            .iter()
            .map(|item| item.as_str()?.parse().ok())
            .collect()
    }

    /// Adds a movement between the arguments `from` and `to`.
    pub(super) fn add_move(&mut self, token_id: Option<Amount>, amount: Amount) -> Option<()> {
        let (from, to) = (self.text("from")?.to_owned(), self.text("to")?.to_owned());
        let asset = token(&self.contract, token_id);
        self.moves.push(movement(asset, &from, &to, amount));
        Some(())
    }

    /// Adds a movement from the signer to the argument `to`.
    pub(super) fn add_payment(&mut self, amount: Amount) -> Option<()> {
        let to = self.text("to")?.to_owned();
        let asset = token(&self.contract, None);
        self.moves.push(movement(asset, &self.signer, &to, amount));
        Some(())
    }

    /// Adds a grant: of a token, of an amount, or of everything.
    pub(super) fn add_grant(&mut self, to: &str, token_id: Option<Amount>, amount: Option<Amount>) {
        let asset = token(&self.contract, token_id);
        self.grants.push(grant(asset, to, amount));
    }
}

pub(in crate::evm) fn token(contract: &str, token_id: Option<Amount>) -> AssetRef {
    AssetRef::Token {
        contract: contract.to_owned(),
        token_id,
    }
}

pub(in crate::evm) fn movement(asset: AssetRef, from: &str, to: &str, amount: Amount) -> Move {
    Move {
        asset,
        from: from.to_owned(),
        to: to.to_owned(),
        amount,
    }
}

pub(in crate::evm) fn grant(asset: AssetRef, to: &str, amount: Option<Amount>) -> Grant {
    Grant {
        asset: Some(asset),
        to: to.to_owned(),
        amount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_names_its_parameters() {
        for call in calls() {
            let types = call.signature.matches(',').count() + 1;
            assert_eq!(types, call.parameters.len(), "{}", call.signature);
        }
    }
}
