//! Typed data whose type is known.

use super::incomplete;
use crate::evm::abi::{Path, Token, Type, value};
use crate::evm::address;
use crate::evm::standards::token;
use crate::evm::typed_data::{self, Field, TypedData};
use crate::{Effects, Grant, IncompleteCode, Intent, Knowledge, Result, Standard};
use serde_json::Value;
use types::Amount;

/// The fields of EIP-2612's `Permit`.
const PERMIT: [(&str, &str); 5] = [
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
];

/// A grant, if the data is an EIP-2612 `Permit` that the signer's signature makes valid.
pub(super) fn effects(intent: &Intent, json: &str, known: &Knowledge) -> Result<Effects> {
    typed_data::digest(json, intent.chain.evm_number())?;
    let data = TypedData::parse(json)?;
    let Some(grant) = permit(&intent.signer, &data) else {
        let code = IncompleteCode::UnknownTypedData;
        let why = "what typed data of this type allows is not known";
        return Ok(incomplete(code, contract(&data), why));
    };
    let contract = contract(&data).unwrap_or_default();
    let known = known.contract(&contract);
    let address = contract.clone();
    let mut effects = match known {
        None => {
            let why = format!("{contract} is not registered");
            incomplete(IncompleteCode::UnknownContract, Some(contract), why)
        }
        Some(known) if !known.implements(Standard::Erc2612) => {
            let why = format!("{contract} is not registered as a contract that reads this type");
            incomplete(IncompleteCode::UnknownTypedData, Some(contract), why)
        }
        Some(known) => match &known.changed {
            Some(why) => {
                let why = format!("{contract} is not what was registered: {why}");
                incomplete(IncompleteCode::Changed, Some(contract), why)
            }
            None => Effects::none(),
        },
    };
    effects.grants.push(grant);
    effects.touched.insert(address);
    Ok(effects)
}

fn contract(data: &TypedData) -> Option<String> {
    account(data.domain("verifyingContract")?)
}

fn permit(signer: &str, data: &TypedData) -> Option<Grant> {
    let is_permit = |fields: &Vec<Field>| {
        fields
            .iter()
            .map(|f| (f.name.as_str(), f.ty.as_str()))
            .eq(PERMIT)
    };
    if data.primary_type != "Permit" || !data.types.get("Permit").is_some_and(is_permit) {
        return None;
    }
    data.domain("chainId")?;
    let spender = account(&data.message["spender"])?;
    let Ok(Token::Word(amount)) = value(
        &Type::Uint(256),
        &data.message["value"],
        &Path::Root("value"),
    ) else {
        return None;
    };
    let owner = account(&data.message["owner"])?;
    let asset = Some(token(&contract(data)?, None));
    (owner == signer).then_some(Grant {
        asset,
        owner,
        to: spender,
        amount: Some(Amount::from_be_bytes(amount)),
    })
}

fn account(value: &Value) -> Option<String> {
    address::parse(value.as_str()?)
        .ok()
        .map(|account| address::format(&account))
}
