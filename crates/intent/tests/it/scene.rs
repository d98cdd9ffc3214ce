//! A scene of accounts and contracts by name, calls encoded by alloy, and effects as short lines.

use crate::key::Key;
use alloy_dyn_abi::{JsonAbiExt as _, Specifier as _};
use alloy_json_abi::Function;
use intent::{
    Act, AssetRef, Effects, Intent, Knowledge, KnownAccount, KnownContract, Standard, effects,
};
use serde_json::Value;
use types::{Amount, ChainId};

pub(crate) const ZERO: &str = "0x0000000000000000000000000000000000000000";
pub(crate) const ALICE: &str = "0xa11ce0000000000000000000000000000000a11c";
pub(crate) const BOB: &str = "0xb0b0000000000000000000000000000000000b0b";
pub(crate) const TOKEN: &str = "0x70c0000000000000000000000000000000000070";
pub(crate) const COIN: &str = "0xc014000000000000000000000000000000000c01";
pub(crate) const SAFE: &str = "0x5afe00000000000000000000000000000005afe0";
pub(crate) const SENDER: &str = "0x5e4d0000000000000000000000000000000005e4";
/// Not registered.
pub(crate) const STRANGE: &str = "0x57a4000000000000000000000000000000057a40";

/// What is known: contracts with their standards; people have no code.
pub(crate) struct Scene(Knowledge);

pub(crate) fn me() -> String {
    Key::new(1).account()
}

/// The data of a call, with the arguments as JSON.
pub(crate) fn call(signature: &str, arguments: Value) -> Vec<u8> {
    let function = Function::parse(signature).unwrap();
    let arguments = arguments.as_array().unwrap();
    assert_eq!(function.inputs.len(), arguments.len(), "{signature}");
    let values: Vec<_> = function
        .inputs
        .iter()
        .zip(arguments)
        .map(|(input, value)| input.resolve().unwrap().coerce_json(value).unwrap())
        .collect();
    function.abi_encode_input(&values).unwrap()
}

pub(crate) fn hex_of(data: &[u8]) -> String {
    format!("0x{}", hex::encode(data))
}

/// Data as an argument.
pub(crate) fn nested(signature: &str, arguments: Value) -> String {
    hex_of(&call(signature, arguments))
}

impl Scene {
    pub(crate) fn new(contracts: &[(&str, &[Standard])]) -> Self {
        let mut known = Knowledge::default();
        for person in [&me(), ALICE, BOB] {
            known
                .accounts
                .insert(person.to_owned(), KnownAccount::NoCode);
        }
        known
            .accounts
            .insert(STRANGE.into(), KnownAccount::Unregistered);
        let mut scene = Self(known);
        for (address, standards) in contracts {
            scene.register(address, standards, |_| {});
        }
        scene
    }

    pub(crate) fn register(
        &mut self,
        address: &str,
        standards: &[Standard],
        change: impl FnOnce(&mut KnownContract),
    ) {
        let mut contract = KnownContract {
            name: address.into(),
            standards: standards.iter().copied().collect(),
            ..KnownContract::default()
        };
        change(&mut contract);
        let account = KnownAccount::Contract(contract);
        self.0.accounts.insert(address.to_owned(), account);
    }

    pub(crate) fn of(&self, intent: &Intent) -> Effects {
        let effects = effects(intent, &self.0).unwrap();
        assert_eq!(effects.complete, effects.incomplete.is_empty());
        effects
    }

    /// The effects of a call that I make, as lines.
    pub(crate) fn call(&self, to: &str, signature: &str, arguments: Value) -> Vec<String> {
        lines(&self.of(&intent(to, 0, call(signature, arguments))))
    }

    /// The effects of a call with value.
    pub(crate) fn pay(&self, to: &str, value: u64, data: Vec<u8>) -> Vec<String> {
        lines(&self.of(&intent(to, value, data)))
    }

    /// The effects of typed data that I sign.
    pub(crate) fn sign(&self, typed_data: &Value) -> Vec<String> {
        let act = Act::TypedData {
            json: intent::evm::typed_data(typed_data).unwrap(),
        };
        let intent = Intent {
            chain: ChainId::evm(5),
            signer: me(),
            act,
        };
        lines(&self.of(&intent))
    }
}

pub(crate) fn intent(to: &str, value: u64, data: Vec<u8>) -> Intent {
    let (chain, to) = (ChainId::evm(5), Some(to.to_owned()));
    Intent::call(chain, me(), to, Amount::from(value), data)
}

/// Effects as lines: `move token me->alice 5`, `grant token me->bob all`,
/// `power pause token by me`, `incomplete unknown_contract at 0.1`.
pub(crate) fn lines(effects: &Effects) -> Vec<String> {
    let moves = effects.moves.iter().map(|item| {
        let (from, to) = (name(&item.from), name(&item.to));
        format!(
            "move {} {from}->{to} {}",
            asset(&item.asset),
            amount(item.amount, "?")
        )
    });
    let grants = effects.grants.iter().map(|item| {
        let asset = item.asset.as_ref().map_or("account".to_owned(), asset);
        let (owner, to) = (name(&item.owner), name(&item.to));
        format!("grant {asset} {owner}->{to} {}", amount(item.amount, "all"))
    });
    let powers = effects.powers.iter().map(|power| {
        let mut line = format!("power {} {}", word(&power.kind), name(&power.contract));
        for (before, text) in [
            (" by ", power.from.as_deref().map(name)),
            (" to ", power.to.as_deref().map(name)),
            (" ", power.role.clone()),
            (" ", power.amount.map(|amount| amount.to_string())),
        ] {
            if let Some(text) = text {
                line.push_str(before);
                line.push_str(&text);
            }
        }
        line
    });
    let incomplete = effects.incomplete.iter().map(|reason| {
        let path = Some(&*reason.path).filter(|path| !path.is_empty());
        let at = path.map(|path| format!(" at {path}")).unwrap_or_default();
        format!("incomplete {}{at}", word(&reason.code))
    });
    moves
        .chain(grants)
        .chain(powers)
        .chain(incomplete)
        .collect()
}

fn asset(asset: &AssetRef) -> String {
    match asset {
        AssetRef::Native => "native".to_owned(),
        AssetRef::Token { contract, token_id } => {
            let id = token_id.map(|id| format!("#{id}"));
            format!("{}{}", name(contract), id.unwrap_or_default())
        }
    }
}

fn amount(amount: Option<Amount>, none: &str) -> String {
    amount.map_or(none.to_owned(), |amount| amount.to_string())
}

fn name(account: &str) -> String {
    let names = [
        (&*me(), "me"),
        (ZERO, "zero"),
        (ALICE, "alice"),
        (BOB, "bob"),
        (TOKEN, "token"),
        (COIN, "coin"),
        (SAFE, "safe"),
        (SENDER, "sender"),
        (STRANGE, "strange"),
        ("", "unknown"),
    ]
    .map(|(address, name)| (address.to_owned(), name));
    let known = names.iter().find(|(address, _)| address == account);
    known.map_or(account.to_owned(), |(_, name)| (*name).to_owned())
}

fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap();
    value.as_str().unwrap().to_owned()
}
