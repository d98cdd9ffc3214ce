//! Computes the effects of an EVM intent, as far as the bytes show.
//!
//! - A payment without data is its movement.
//! - A deployment `deploys`, and moves value to `to: ""`, the new contract. It is not opaque: the
//!   code hash identifies all that it does.
//! - A call without interface is the call, with moves and grants if it is a token standard's. It is
//!   opaque unless it is a token standard's and complete (see `standards`).
//! - A call with interface is the same with its decoded arguments. It is opaque if the interface
//!   does not have the selector, the data is not exactly the encoding of the arguments, or a token
//!   standard's call is incomplete.
//! - A call with one to three bytes of data has no selector and is opaque.
//! - An EIP-7702 authorization, signed or carried, is a grant over the whole account; none if it
//!   ends a delegation (zero address).
//! - Typed data is a grant if it is the signer's EIP-2612 `Permit` for this chain, else opaque.
//! - A message has no effects and is opaque.
//!
//! An interface is supplied by the caller. It can name a call but cannot hide a token standard's
//! selector; policy pins the right interface by its hash. The bytes do not show what a contract
//! does beyond its standard, and calls nested in arguments (`multicall`, `execTransaction`) are
//! shown, not decoded: policy allows such functions by name or not at all.

use super::{
    abi::{Abi, Path, Token, Type, value},
    address, standards,
    typed_data::{Field, TypedData},
};
use crate::{
    Act, AssetRef, Authorization, Call, Effects, Error, Grant, Intent, Interface, Output, Result,
    Transaction,
};
use serde_json::Value;
use types::{Amount, Digest, Json};

/// The fields of EIP-2612's `Permit`.
const PERMIT: [(&str, &str); 5] = [
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
];

/// Computes the effects of an intent. Error `intent.invalid_intent` for accounts in another than
/// the canonical form (otherwise a deny list could be bypassed by upper case),
/// `intent.abi_mismatch` for an interface that cannot be parsed.
pub fn effects(intent: &Intent, interface: Option<&Interface>) -> Result<Effects> {
    check_canonical(&intent.signer)?;
    match &intent.act {
        Act::Transaction(transaction) => of_transaction(
            intent,
            transaction,
            interface.map(Abi::parse).transpose()?.as_ref(),
        ),
        Act::TypedData { json } => Ok(of_typed_data(intent, json)?.unwrap_or_else(opaque)),
        Act::Authorization(authorization) => Ok(Effects {
            grants: delegations(std::slice::from_ref(authorization))?,
            ..Effects::default()
        }),
        Act::Message { .. } => Ok(opaque()),
    }
}

fn opaque() -> Effects {
    Effects {
        opaque: true,
        ..Effects::default()
    }
}

fn of_transaction(
    intent: &Intent,
    transaction: &Transaction,
    abi: Option<&Abi>,
) -> Result<Effects> {
    let [Output { to, value }] = transaction.outputs.as_slice() else {
        return Err(Error::invalid_intent(
            "a transaction of this chain has exactly one output",
        ));
    };
    let receiver = to.as_deref().unwrap_or_default();
    let mut effects = Effects {
        grants: delegations(&transaction.authorizations)?,
        ..Effects::default()
    };
    if !value.is_zero() {
        effects.moves.push(standards::movement(
            AssetRef::Native,
            &intent.signer,
            receiver,
            *value,
        ));
    }
    match to {
        None => effects.deploys = Some(Digest::of(&transaction.data)),
        Some(contract) if transaction.data.is_empty() => check_canonical(contract)?,
        Some(contract) => {
            check_canonical(contract)?;
            effects.add_call(&intent.signer, contract, &transaction.data, abi);
        }
    }
    Ok(effects)
}

impl Effects {
    fn add_call(&mut self, signer: &str, contract: &str, data: &[u8], abi: Option<&Abi>) {
        let token = standards::read_call(signer, contract, data, abi);
        let decoded = match (abi, &token) {
            (Some(abi), _) => abi.decode_call(data),
            (None, token) => token
                .as_ref()
                .map(|token| (token.signature.clone(), token.arguments.clone())),
        };
        let is_exact = decoded.is_some() && abi.is_none_or(|abi| abi.is_canonical_call(data));
        self.opaque = !is_exact || token.as_ref().is_some_and(|token| !token.complete);
        let token = token.unwrap_or_default();
        self.moves.extend(token.moves);
        self.grants.extend(token.grants);
        self.calls.push(call(contract, data, decoded));
    }
}

fn call(contract: &str, data: &[u8], decoded: Option<(String, Value)>) -> Call {
    let (signature, arguments) = decoded.unzip();
    Call {
        contract: contract.to_owned(),
        selector: data
            .first_chunk::<4>()
            .map(|selector| format!("0x{}", hex::encode(selector)))
            .unwrap_or_default(),
        signature,
        arguments: arguments.and_then(|arguments| Json::of(&arguments).ok()),
    }
}

fn delegations(authorizations: &[Authorization]) -> Result<Vec<Grant>> {
    authorizations
        .iter()
        .try_for_each(|authorization| check_canonical(&authorization.delegate))?;
    let active = authorizations
        .iter()
        .filter(|authorization| address::parse_canonical(&authorization.delegate) != Some([0; 20]));
    Ok(active
        .map(|authorization| Grant {
            asset: None,
            to: authorization.delegate.clone(),
            amount: None,
        })
        .collect())
}

/// A grant, if the data is an EIP-2612 `Permit` that the signer's signature makes valid.
fn of_typed_data(intent: &Intent, json: &str) -> Result<Option<Effects>> {
    super::typed_data::digest(json, intent.chain.evm_number())?;
    let data = TypedData::parse(json)?;
    let grant = permit(&intent.signer, &data);
    Ok(grant.map(|grant| Effects {
        grants: vec![grant],
        ..Effects::default()
    }))
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
    let contract = account(data.domain("verifyingContract")?)?;
    let spender = account(&data.message["spender"])?;
    let Ok(Token::Word(amount)) = value(
        &Type::Uint(256),
        &data.message["value"],
        &Path::Root("value"),
    ) else {
        return None;
    };
    let owner = account(&data.message["owner"])?;
    let asset = standards::token(&contract, None);
    (owner == signer)
        .then(|| standards::grant(asset, &spender, Some(Amount::from_be_bytes(amount))))
}

fn account(value: &Value) -> Option<String> {
    address::parse(value.as_str()?)
        .ok()
        .map(|account| address::format(&account))
}

fn check_canonical(text: &str) -> Result<()> {
    let parsed = address::parse_canonical(text).map(|_| ());
    parsed.ok_or_else(|| {
        Error::invalid_intent(format!(
            "{text:?} is not an address in lower-case hexadecimal with 0x"
        ))
    })
}
