//! What documents see of registered contracts, and of the assets in effects.

use crate::{AccountInfo, ContractInfo};
use intent::{Effects, Standard};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, Digest, Family, Time};

/// The standards of tokens; the first of a contract is shown with its assets.
const TOKENS: [Standard; 5] = [
    Standard::Erc721,
    Standard::Erc1155,
    Standard::Erc1400,
    Standard::Erc20,
    Standard::Erc777,
];

/// A member of `input.contracts`.
#[derive(Debug, Serialize)]
pub(super) struct InputContract<'k> {
    name: &'k str,
    standards: &'k BTreeSet<Standard>,
    code_hash: Option<&'k str>,
    implementation: Option<&'k str>,
    interface: Option<Digest>,
    decimals: Option<u8>,
    symbol: Option<&'k str>,
    asset: Option<&'k str>,
    registered_by: Option<&'k str>,
    registered_at: Option<Time>,
    changed: Option<&'k str>,
}

impl<'k> From<&'k ContractInfo> for InputContract<'k> {
    fn from(info: &'k ContractInfo) -> Self {
        let contract = &info.contract;
        Self {
            name: &contract.name,
            standards: &contract.standards,
            code_hash: info.code_hash.as_deref(),
            implementation: info.implementation.as_deref(),
            interface: contract.interface.as_ref().map(|interface| interface.hash),
            decimals: info.decimals,
            symbol: info.symbol.as_deref(),
            asset: only(&info.assets),
            registered_by: info.registered_by.as_deref(),
            registered_at: info.registered_at,
            changed: contract.changed.as_deref(),
        }
    }
}

/// The name, if there is only one.
fn only(names: &[String]) -> Option<&str> {
    match names {
        [name] => Some(name),
        _ => None,
    }
}

/// A contract as a member of `input.contracts`.
pub(crate) fn contract_value(info: &ContractInfo) -> Value {
    json!(InputContract::from(info))
}

/// The registered contracts among the accounts.
pub(super) fn contracts(
    known: &BTreeMap<String, AccountInfo>,
) -> BTreeMap<&str, InputContract<'_>> {
    let registered = known.iter().filter_map(|(address, info)| match info {
        AccountInfo::Contract(info) => Some((address.as_str(), (&**info).into())),
        _ => None,
    });
    registered.collect()
}

/// The names of the assets of the contracts that the effects act on.
pub(crate) fn assets<'k>(
    effects: &Effects,
    known: &'k BTreeMap<String, AccountInfo>,
) -> BTreeSet<&'k str> {
    let contracts = effects.contracts();
    let infos = contracts.iter().filter_map(|address| known.get(*address));
    let names = infos.flat_map(|info| match info {
        AccountInfo::Contract(info) => info.assets.as_slice(),
        _ => &[],
    });
    names.map(String::as_str).collect()
}

/// The effects with what is known of each asset: name, decimals and standard.
pub(super) fn effects(
    effects: &Effects,
    chain: &ChainId,
    known: &BTreeMap<String, AccountInfo>,
) -> Value {
    let mut value = serde_json::to_value(effects).expect("plain data with text keys is JSON");
    for list in ["moves", "grants"] {
        let items = value[list].as_array_mut().into_iter().flatten();
        for asset in items.filter_map(|item| item["asset"].as_object_mut()) {
            let contract = asset.get("contract").and_then(Value::as_str);
            let [name, decimals, standard] = match contract {
                Some(contract) => token(known.get(contract)),
                None => [Value::Null, native_decimals(chain), Value::Null],
            };
            asset.insert("name".to_owned(), name);
            asset.insert("decimals".to_owned(), decimals);
            asset.insert("standard".to_owned(), standard);
        }
    }
    value
}

/// Name, decimals and standard of a token.
fn token(info: Option<&AccountInfo>) -> [Value; 3] {
    let Some(AccountInfo::Contract(info)) = info else {
        return [const { Value::Null }; 3];
    };
    let first = TOKENS
        .iter()
        .find(|token| info.contract.implements(**token));
    [
        json!(only(&info.assets)),
        json!(info.decimals),
        json!(first),
    ]
}

fn native_decimals(chain: &ChainId) -> Value {
    match chain.family() {
        Some(Family::Evm) => json!(18),
        Some(Family::Utxo) => json!(8),
        None => Value::Null,
    }
}
