//! Calls of the standards: who loses and gains what, read from the selector and the arguments.

use super::STANDARDS;
use crate::evm::abi::{Entry, Token, Type};
use crate::evm::address;
use crate::{AssetRef, Grant, IncompleteCode, KnownContract, Move, Power, PowerKind, Standard};
use alloy_primitives::keccak256;
use std::collections::HashMap;
use std::sync::LazyLock;
use types::Amount;

/// The sender of what is created, and the receiver of what is destroyed.
pub(in crate::evm) const ZERO_ACCOUNT: &str = "0x0000000000000000000000000000000000000000";

/// A call of a standard.
pub(super) struct CallKind {
    /// The function with the names of its parameters, which gives the selector.
    pub(super) declaration: &'static str,
    /// Adds what the call does. `None` if the arguments do not have the form.
    pub(super) effects: fn(&mut CallReader<'_>) -> Option<()>,
}

/// A call of a standard, parsed.
pub(in crate::evm) struct DeclaredCall {
    pub(in crate::evm) standard: Standard,
    pub(in crate::evm) entry: Entry,
    pub(in crate::evm) effects: fn(&mut CallReader<'_>) -> Option<()>,
}

/// The calls of all standards by selector, parsed once.
static CALLS: LazyLock<HashMap<[u8; 4], Vec<DeclaredCall>>> = LazyLock::new(|| {
    let mut calls: HashMap<_, Vec<_>> = HashMap::new();
    for declaration in STANDARDS {
        for kind in declaration.calls {
            // The declarations are constants; a test parses each of them.
            let entry = Entry::declared(kind.declaration).expect("a declaration that parses");
            let declared = DeclaredCall {
                standard: declaration.standard,
                effects: kind.effects,
                entry,
            };
            let same_selector = calls.entry(declared.entry.selector()).or_default();
            same_selector.push(declared);
        }
    }
    calls
});

/// The calls with this selector.
pub(in crate::evm) fn calls(selector: [u8; 4]) -> &'static [DeclaredCall] {
    CALLS.get(&selector).map_or(&[], Vec::as_slice)
}

/// The selector of a signature.
pub(in crate::evm) fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = *keccak256(signature);
    [a, b, c, d]
}

/// What a call does by one standard.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::evm) struct Reading {
    pub(in crate::evm) moves: Vec<Move>,
    pub(in crate::evm) grants: Vec<Grant>,
    /// Without their paths.
    pub(in crate::evm) powers: Vec<Power>,
    pub(in crate::evm) nested: Vec<Nested>,
    pub(in crate::evm) incomplete: Vec<(IncompleteCode, String)>,
}

/// A call that another one makes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::evm) struct Nested {
    pub(in crate::evm) sender: String,
    pub(in crate::evm) contract: String,
    pub(in crate::evm) value: Amount,
    pub(in crate::evm) data: Vec<u8>,
    /// The receiver's reaction to tokens: the signature of the function.
    pub(in crate::evm) hook: Option<&'static str>,
}

/// A call while it is read as one of a standard.
pub(in crate::evm) struct CallReader<'c> {
    pub(in crate::evm) entry: &'c Entry,
    pub(in crate::evm) tokens: &'c [Token],
    pub(in crate::evm) sender: &'c str,
    pub(in crate::evm) contract: &'c str,
    pub(in crate::evm) known: Option<&'c KnownContract>,
    pub(in crate::evm) reading: Reading,
}

/// An argument, or a part of one.
#[derive(Clone, Copy)]
pub(in crate::evm) struct Argument<'c> {
    ty: &'c Type,
    token: &'c Token,
}

impl<'c> CallReader<'c> {
    pub(in crate::evm) fn argument(&self, name: &str) -> Option<Argument<'c>> {
        let mut inputs = self.entry.inputs.iter().zip(self.tokens);
        let (param, token) = inputs.find(|(param, _)| param.name == name)?;
        let ty = &param.ty;
        Some(Argument { ty, token })
    }

    pub(super) fn account(&self, name: &str) -> Option<String> {
        self.argument(name)?.account()
    }

    pub(super) fn amount(&self, name: &str) -> Option<Amount> {
        self.argument(name)?.amount()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        Some(!self.amount(name)?.is_zero())
    }

    pub(super) fn amounts(&self, name: &str) -> Option<Vec<Amount>> {
        let items = self.argument(name)?.items()?;
        items.iter().map(Argument::amount).collect()
    }

    /// The account that the contract sees as its caller.
    pub(super) fn sender(&self) -> String {
        self.sender.to_owned()
    }

    /// Adds a movement of the contract's tokens.
    pub(super) fn add_move(
        &mut self,
        token_id: Option<Amount>,
        from: String,
        to: String,
        amount: Amount,
    ) -> Option<()> {
        self.reading.moves.push(Move {
            asset: token(self.contract, token_id),
            from,
            to,
            amount: Some(amount),
        });
        Some(())
    }

    /// Adds a movement from the caller.
    pub(super) fn add_payment(&mut self, to: String, amount: Amount) -> Option<()> {
        self.add_move(None, self.sender(), to, amount)
    }

    /// Adds a grant of the contract's tokens: of one token id, of an amount, or of everything.
    pub(super) fn add_grant(
        &mut self,
        token_id: Option<Amount>,
        owner: String,
        to: String,
        amount: Option<Amount>,
    ) {
        let asset = Some(token(self.contract, token_id));
        self.reading.grants.push(Grant {
            asset,
            owner,
            to,
            amount,
        });
    }

    /// Adds a call that a receiver of tokens gets, with the argument `data` if there is one.
    pub(super) fn add_hook(&mut self, receiver: &str, signature: &'static str) -> Option<()> {
        let data = self.argument("data").and_then(|data| data.bytes());
        self.reading.nested.push(Nested {
            sender: self.contract.to_owned(),
            contract: self.account(receiver)?,
            value: Amount::ZERO,
            data: data.unwrap_or_default().to_vec(),
            hook: Some(signature),
        });
        Some(())
    }

    /// Adds a change of power that the caller makes.
    pub(super) fn add_power(&mut self, kind: PowerKind, to: Option<String>, role: Option<String>) {
        self.reading.powers.push(Power {
            kind,
            contract: self.contract.to_owned(),
            from: Some(self.sender()),
            to,
            role,
            amount: None,
            path: String::new(),
        });
    }

    pub(super) fn add_incomplete(&mut self, code: IncompleteCode, why: impl Into<String>) {
        self.reading.incomplete.push((code, why.into()));
    }
}

impl<'c> Argument<'c> {
    pub(super) fn account(&self) -> Option<String> {
        match (self.ty, self.token) {
            (Type::Address, Token::Word(word)) => Some(address::format(&word[12..])),
            _ => None,
        }
    }

    /// An unsigned integer; also a boolean.
    pub(super) fn amount(&self) -> Option<Amount> {
        match (self.ty, self.token) {
            (Type::Uint(_) | Type::Bool, Token::Word(word)) => Some(Amount::from_be_bytes(*word)),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Option<&'c [u8]> {
        match self.token {
            Token::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> Option<Vec<Argument<'c>>> {
        match (self.ty, self.token) {
            (Type::List(ty) | Type::Array(ty, _), Token::List(items) | Token::Tuple(items)) => {
                Some(items.iter().map(|token| Argument { ty, token }).collect())
            }
            _ => None,
        }
    }
}

pub(in crate::evm) fn token(contract: &str, token_id: Option<Amount>) -> AssetRef {
    AssetRef::Token {
        contract: contract.to_owned(),
        token_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_parses() {
        for kind in STANDARDS.iter().flat_map(|standard| standard.calls) {
            assert!(
                Entry::declared(kind.declaration).is_some(),
                "{}",
                kind.declaration
            );
        }
    }
}
