//! Calls of the standards, and typed data of the same form: who loses and gains what, read from the
//! function and its arguments.

use super::STANDARDS;
use crate::evm::abi::{Entry, Token, Type};
use crate::evm::address;
use crate::{
    AssetRef, Grant, IncompleteCode, Knowledge, KnownContract, Move, Power, PowerKind, Standard,
};
use alloy_primitives::keccak256;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;
use types::Amount;

/// The sender of what is created, and the receiver of what is destroyed.
pub(in crate::evm) const ZERO_ACCOUNT: &str = "0x0000000000000000000000000000000000000000";

/// Adds what a call does. `None` if the arguments do not have the form.
type Effect = fn(&mut CallReader<'_>) -> Option<()>;

/// A call of a standard.
pub(super) struct CallKind {
    /// The function with the names of its parameters, which gives the selector.
    pub(super) declaration: &'static str,
    effect: Effect,
}

/// A type of typed data (EIP-712) that a standard reads.
pub(super) struct TypedKind {
    /// `encodeType` of the primary type, which typed data must have exactly.
    pub(super) encoded: &'static str,
    /// The field that must be the signer, if there is one.
    pub(super) signer: Option<&'static str>,
    pub(super) effect: Effect,
}

/// A call of a standard, parsed; or a type of typed data.
pub(in crate::evm) struct Declared {
    pub(in crate::evm) standard: Standard,
    pub(in crate::evm) entry: Entry,
    /// The field of typed data that must be the signer.
    pub(in crate::evm) signer: Option<&'static str>,
    pub(in crate::evm) effect: Effect,
}

/// The calls of all standards by selector, parsed once.
static CALLS: LazyLock<HashMap<[u8; 4], Vec<Declared>>> = LazyLock::new(|| {
    let mut calls: HashMap<_, Vec<_>> = HashMap::new();
    for standard in STANDARDS {
        for kind in standard.calls {
            let declared = Declared {
                standard: standard.standard,
                // The declarations are constants; a test parses each of them.
                entry: Entry::declared(kind.declaration).expect("a declaration that parses"),
                signer: None,
                effect: kind.effect,
            };
            let same_selector = calls.entry(declared.entry.selector()).or_default();
            same_selector.push(declared);
        }
    }
    calls
});

/// The types of typed data of all standards by `encodeType`, parsed once.
static TYPED: LazyLock<HashMap<&'static str, Declared>> = LazyLock::new(|| {
    let kinds = STANDARDS.iter().flat_map(|standard| {
        let kinds = standard.typed.iter();
        kinds.map(|kind| (standard.standard, kind))
    });
    let declared = kinds.map(|(standard, kind)| {
        let declared = Declared {
            standard,
            // As above.
            entry: Entry::typed(kind.encoded).expect("a type that parses"),
            signer: kind.signer,
            effect: kind.effect,
        };
        (kind.encoded, declared)
    });
    declared.collect()
});

/// The calls with this selector.
pub(in crate::evm) fn calls(selector: [u8; 4]) -> &'static [Declared] {
    CALLS.get(&selector).map_or(&[], Vec::as_slice)
}

/// The typed data with this `encodeType`.
pub(in crate::evm) fn typed(encoded: &str) -> Option<&'static Declared> {
    TYPED.get(encoded)
}

/// The selector of a signature.
pub(in crate::evm) fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = *keccak256(signature);
    [a, b, c, d]
}

impl CallKind {
    pub(super) const fn new(declaration: &'static str, effect: Effect) -> Self {
        Self {
            declaration,
            effect,
        }
    }
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
    /// The accounts whose knowledge it depends on, besides those called.
    pub(in crate::evm) touched: BTreeSet<String>,
}

impl Reading {
    /// Drops the callbacks without data. Of a contract that is not known they say nothing: it may
    /// make any call.
    pub(in crate::evm) fn forget_callbacks(&mut self) {
        let is_callback =
            |nested: &Nested| matches!(nested.kind, NestedKind::Hook(_)) && nested.data.is_empty();
        self.nested.retain(|nested| !is_callback(nested));
    }
}

/// A call that another one makes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::evm) struct Nested {
    /// The account that the contract sees as its caller.
    pub(in crate::evm) sender: String,
    pub(in crate::evm) contract: String,
    pub(in crate::evm) value: Amount,
    pub(in crate::evm) data: Vec<u8>,
    pub(in crate::evm) kind: NestedKind,
}

/// How a call is nested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::evm) enum NestedKind {
    Call,
    /// The contract calls itself for its caller (`multicall`): no value is moved again.
    Itself,
    /// The contract's code runs as the caller (`delegatecall`).
    Delegate,
    /// The receiver of tokens reacts to them by this function.
    Hook(&'static str),
}

/// A call while it is read as one of a standard.
pub(in crate::evm) struct CallReader<'c> {
    pub(in crate::evm) entry: &'c Entry,
    pub(in crate::evm) tokens: &'c [Token],
    /// The account that the contract sees as its caller; of typed data, the signer.
    pub(in crate::evm) sender: &'c str,
    pub(in crate::evm) contract: &'c str,
    /// The account that acts: the contract, except where its code runs as another.
    pub(in crate::evm) actor: &'c str,
    /// What the caller sends along.
    pub(in crate::evm) value: Amount,
    pub(in crate::evm) known: &'c Knowledge,
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

    pub(in crate::evm) fn account(&self, name: &str) -> Option<String> {
        self.argument(name)?.account()
    }

    pub(super) fn amount(&self, name: &str) -> Option<Amount> {
        self.argument(name)?.amount()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        Some(!self.amount(name)?.is_zero())
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&'c [u8]> {
        self.argument(name)?.bytes()
    }

    /// A word of bytes in hexadecimal, such as a role.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        self.argument(name)?.word()
    }

    pub(super) fn items(&self, name: &str) -> Option<Vec<Argument<'c>>> {
        self.argument(name)?.items()
    }

    pub(super) fn amounts(&self, name: &str) -> Option<Vec<Amount>> {
        let items = self.items(name)?;
        items.iter().map(Argument::amount).collect()
    }

    pub(super) fn accounts(&self, name: &str) -> Option<Vec<String>> {
        let items = self.items(name)?;
        items.iter().map(Argument::account).collect()
    }

    /// The account that the contract sees as its caller.
    pub(super) fn sender(&self) -> String {
        self.sender.to_owned()
    }

    /// Whether the contract's tokens are single ones with an id (ERC-721), not amounts. `None` if
    /// it is not known.
    pub(super) fn has_token_ids(&self) -> Option<bool> {
        let known = self.known.contract(self.contract)?;
        match (
            known.implements(Standard::Erc721),
            known.implements(Standard::Erc20),
        ) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Adds a movement of the contract's tokens.
    pub(super) fn add_move(
        &mut self,
        token_id: Option<Amount>,
        from: String,
        to: String,
        amount: Amount,
    ) -> Option<()> {
        let asset = token(self.contract, token_id);
        self.add_move_of(asset, from, to, Some(amount));
        Some(())
    }

    /// Adds a movement of any asset.
    pub(super) fn add_move_of(
        &mut self,
        asset: AssetRef,
        from: String,
        to: String,
        amount: Option<Amount>,
    ) {
        self.reading.moves.push(Move {
            asset,
            from,
            to,
            amount,
        });
    }

    /// Adds a movement from the caller.
    pub(super) fn add_payment(&mut self, to: String, amount: Amount) -> Option<()> {
        self.add_move(None, self.sender(), to, amount)
    }

    /// Adds new tokens.
    pub(super) fn add_mint(&mut self, to: String, amount: Amount) -> Option<()> {
        self.add_move(None, ZERO_ACCOUNT.to_owned(), to, amount)
    }

    /// Adds tokens that end.
    pub(super) fn add_burn(&mut self, from: String, amount: Amount) -> Option<()> {
        self.add_move(None, from, ZERO_ACCOUNT.to_owned(), amount)
    }

    /// Adds a grant of the contract's tokens: of one token id, of an amount, or of everything.
    pub(super) fn add_grant(
        &mut self,
        token_id: Option<Amount>,
        owner: String,
        to: String,
        amount: Option<Amount>,
    ) {
        let asset = token(self.contract, token_id);
        self.add_grant_of(asset, owner, to, amount);
    }

    /// Adds a grant of any asset.
    pub(super) fn add_grant_of(
        &mut self,
        asset: AssetRef,
        owner: String,
        to: String,
        amount: Option<Amount>,
    ) {
        self.reading.grants.push(Grant {
            asset: Some(asset),
            owner,
            to,
            amount,
        });
    }

    /// Adds an allowance of the contract's tokens; one of 0 ends those before.
    pub(super) fn add_allowance(
        &mut self,
        owner: String,
        spender: String,
        amount: Amount,
    ) -> Option<()> {
        if amount.is_zero() {
            self.add_power(PowerKind::GrantRevocation, Some(spender), None);
        } else {
            self.add_grant(None, owner, spender, Some(amount));
        }
        Some(())
    }

    /// Adds a change of power over the contract.
    pub(super) fn add_power(&mut self, kind: PowerKind, to: Option<String>, role: Option<String>) {
        let contract = self.contract.to_owned();
        self.add_power_over(contract, kind, to, role, None);
    }

    /// Adds a change of power over a contract.
    pub(super) fn add_power_over(
        &mut self,
        contract: String,
        kind: PowerKind,
        to: Option<String>,
        role: Option<String>,
        amount: Option<Amount>,
    ) {
        self.reading.powers.push(Power {
            kind,
            contract,
            from: Some(self.sender()),
            to,
            role,
            amount,
            path: String::new(),
        });
    }

    /// Adds a change of power over the contract that concerns the account in an argument.
    pub(super) fn add_power_for(&mut self, kind: PowerKind, account: &str) -> Option<()> {
        let to = Some(self.account(account)?);
        self.add_power(kind, to, None);
        Some(())
    }

    /// Adds a change of power over the contract that concerns an amount of an account.
    pub(super) fn add_power_of(
        &mut self,
        kind: PowerKind,
        account: String,
        amount: Option<Amount>,
    ) -> Option<()> {
        let contract = self.contract.to_owned();
        self.add_power_over(contract, kind, Some(account), None, amount);
        Some(())
    }

    /// Adds a setting of the contract, named by the function; `account` is the argument that it
    /// concerns, if it is an account.
    pub(super) fn add_setting(&mut self, account: Option<&str>) -> Option<()> {
        let to = match account {
            Some(name) => Some(self.account(name)?),
            None => None,
        };
        let role = Some(self.entry.name.clone());
        self.add_power(PowerKind::Configuration, to, role);
        Some(())
    }

    /// Adds a call by the acting account.
    pub(super) fn add_call(&mut self, contract: String, value: Amount, data: Vec<u8>) {
        self.add_nested(contract, value, data, NestedKind::Call);
    }

    /// Adds a call by the acting account.
    pub(super) fn add_nested(
        &mut self,
        contract: String,
        value: Amount,
        data: Vec<u8>,
        kind: NestedKind,
    ) {
        self.reading.nested.push(Nested {
            sender: self.actor.to_owned(),
            contract,
            value,
            data,
            kind,
        });
    }

    /// Adds the call that a receiver of tokens gets, with the argument `data` if there is one.
    pub(super) fn add_hook(&mut self, receiver: &str, signature: &'static str) -> Option<()> {
        let receiver = self.account(receiver)?;
        let data = self.bytes("data").unwrap_or_default().to_vec();
        self.add_nested(receiver, Amount::ZERO, data, NestedKind::Hook(signature));
        Some(())
    }

    pub(super) fn add_incomplete(&mut self, code: IncompleteCode, why: impl Into<String>) {
        self.reading.incomplete.push((code, why.into()));
    }

    /// Requires that bytes on which other code acts are empty.
    pub(super) fn require_empty(&mut self, name: &str) -> Option<()> {
        if !self.bytes(name)?.is_empty() {
            let why = format!("what is done with {name} is not known");
            self.add_incomplete(IncompleteCode::HookData, why);
        }
        Some(())
    }

    /// Requires that a contract that the call acts on, without calling it by itself, is registered
    /// and unchanged.
    pub(super) fn require_contract(&mut self, address: &str) {
        self.reading.touched.insert(address.to_owned());
        let known = self.known.contract(address);
        if known.is_none_or(|known| known.changed.is_some()) {
            let why = format!("{address} is not registered, or is not what was registered");
            self.add_incomplete(IncompleteCode::UnknownUnderlying, why);
        }
    }

    /// What is known of the contract.
    pub(super) fn known(&self) -> Option<&'c KnownContract> {
        self.known.contract(self.contract)
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

    pub(super) fn word(&self) -> Option<String> {
        match (self.ty, self.token) {
            (Type::Fixed(size), Token::Word(word)) => {
                Some(format!("0x{}", hex::encode(&word[..*size])))
            }
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

    /// A member of a struct.
    pub(super) fn member(&self, name: &str) -> Option<Argument<'c>> {
        let (Type::Tuple(members), Token::Tuple(tokens)) = (self.ty, self.token) else {
            return None;
        };
        let mut members = members.iter().zip(tokens);
        let (param, token) = members.find(|(param, _)| param.name == name)?;
        let ty = &param.ty;
        Some(Argument { ty, token })
    }
}

pub(in crate::evm) fn token(contract: &str, token_id: Option<Amount>) -> AssetRef {
    AssetRef::Token {
        contract: contract.to_owned(),
        token_id,
    }
}

/// Encodes a call by the words of its arguments.
pub(super) fn encode(signature: &str, words: &[[u8; 32]]) -> Vec<u8> {
    let mut data = selector(signature).to_vec();
    words.iter().for_each(|word| data.extend(word));
    data
}

/// An account as a word.
pub(super) fn account_word(account: &str) -> Option<[u8; 32]> {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&address::parse_canonical(account)?);
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_parses() {
        for kind in STANDARDS.iter().flat_map(|standard| standard.calls) {
            let entry = Entry::declared(kind.declaration);
            assert!(entry.is_some(), "{}", kind.declaration);
        }
        for kind in STANDARDS.iter().flat_map(|standard| standard.typed) {
            let entry = Entry::typed(kind.encoded).expect(kind.encoded);
            let has = |name: &str| entry.inputs.iter().any(|param| param.name == name);
            assert!(kind.signer.is_none_or(has), "{}", kind.encoded);
        }
    }
}
