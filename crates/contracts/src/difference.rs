//! What differs between the registry and the chain.

use crate::table::contract::Contract;
use chain::{ContractState, Implementation};

/// Puts what the chain says into the row, and trusts it.
pub(crate) fn take(contract: &mut Contract, state: &ContractState) {
    let implementation = state.implementation.as_ref();
    contract.code_hash = Some(state.code_hash.clone());
    contract.proxy = implementation.map(|one| one.kind.as_str().to_owned());
    contract.implementation = implementation.map(|one| one.address.clone());
    contract.implementation_code_hash = implementation.map(|one| one.code_hash.clone());
    contract.decimals = state.decimals;
    contract.symbol.clone_from(&state.symbol);
    contract.underlying.clone_from(&state.underlying);
    contract.verified = Some(state.height);
    contract.changed = None;
}

/// Why a contract is not what was registered; none if it is. Constants of a token count where both
/// are known: a function that fails now, of a paused vault, changes nothing.
pub(crate) fn difference(contract: &Contract, state: Option<&ContractState>) -> Option<String> {
    let Some(state) = state else {
        return Some("it has no code any more".to_owned());
    };
    let implementation =
        |get: fn(&Implementation) -> &String| state.implementation.as_ref().map(get);
    let known = |value: &Option<u8>| value.map(|decimals| decimals.to_string());
    let pairs = [
        (
            "code",
            contract.code_hash.clone(),
            Some(state.code_hash.clone()),
        ),
        (
            "implementation",
            contract.implementation.clone(),
            implementation(|one| &one.address).cloned(),
        ),
        (
            "code of the implementation",
            contract.implementation_code_hash.clone(),
            implementation(|one| &one.code_hash).cloned(),
        ),
    ];
    let constants = [
        (
            "decimals",
            known(&contract.decimals),
            known(&state.decimals),
        ),
        (
            "underlying asset",
            contract.underlying.clone(),
            state.underlying.clone(),
        ),
    ];
    let constants = (constants.into_iter()).filter(|(_, was, is)| was.is_some() && is.is_some());
    let differs = |(_, was, is): &(_, Option<String>, Option<String>)| was != is;
    let reasons: Vec<String> = (pairs.into_iter().chain(constants).filter(differs))
        .map(|(what, was, is)| {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            format!("its {what} changed from {} to {}", shown(was), shown(is))
        })
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
