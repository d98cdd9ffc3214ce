//! What an EVM intent does, as far as the bytes tell.
//!
//! | act | listed | `opaque` |
//! |---|---|---|
//! | payment without data | the move | no |
//! | deployment | `deploys`; value goes to `to: ""`, the contract that is made | no: the code's hash stands for all that it does |
//! | call, no interface given | the call; moves and grants if it is of a token standard | unless it is of a token standard and clear (see `tokens`) |
//! | call, interface given | the call with its decoded arguments; moves and grants as above | if the interface does not know the selector, the data is not exactly the encoding of the arguments, or a token standard's call is unclear |
//! | call with one to three bytes of data | the call, without a selector | yes |
//! | EIP-7702 authorisation, signed or carried | a grant over the whole account; none if it ends a delegation (zero address) | no |
//! | typed data | a grant, if it is the signer's EIP-2612 `Permit` for this chain | otherwise yes |
//! | message | nothing | yes |
//!
//! An interface is the caller's word. It can name what a call is, it cannot hide a token standard's
//! selector; whether the right interface was given is for policy to pin by its hash. What a
//! contract does beyond its standard, no bytes tell; and bytes within arguments (a `multicall`, an
//! `execTransaction`) are shown, not read: policy allows such functions by name or not at all.

use super::{
    abi::{Abi, Path, Token, Type, value},
    address, tokens,
    typed_data::{Field, TypedData},
};
use crate::{
    Act, AssetRef, Authorisation, Call, Effects, Error, Grant, Intent, Interface, Output, Result,
    Transaction,
};
use serde_json::Value;
use types::{Amount, Digest, Json};

/// EIP-2612.
const PERMIT: [(&str, &str); 5] = [
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
];

/// What an intent does. Error `intent.unsuitable` for accounts in other than the canonical form
/// (else a list of accounts could be passed by in capitals), `intent.abi` for an interface that
/// cannot be read.
pub fn effects(intent: &Intent, interface: Option<&Interface>) -> Result<Effects> {
    canonical(&intent.signer)?;
    match &intent.act {
        Act::Transaction(transaction) => of_transaction(
            intent,
            transaction,
            interface.map(Abi::parse).transpose()?.as_ref(),
        ),
        Act::TypedData { json } => Ok(of_typed_data(intent, json)?.unwrap_or_else(opaque)),
        Act::Authorisation(one) => Ok(Effects {
            grants: delegations(std::slice::from_ref(one))?,
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
        return Err(Error::unsuitable(
            "a transaction of this chain has exactly one output",
        ));
    };
    let receiver = to.as_deref().unwrap_or_default();
    let mut effects = Effects {
        grants: delegations(&transaction.authorisations)?,
        ..Effects::default()
    };
    if !value.is_zero() {
        effects.moves.push(tokens::moved(
            AssetRef::Native,
            &intent.signer,
            receiver,
            *value,
        ));
    }
    match to {
        None => effects.deploys = Some(Digest::of(&transaction.data)),
        Some(contract) if transaction.data.is_empty() => canonical(contract)?,
        Some(contract) => {
            canonical(contract)?;
            effects.add_call(&intent.signer, contract, &transaction.data, abi);
        }
    }
    Ok(effects)
}

impl Effects {
    fn add_call(&mut self, signer: &str, contract: &str, data: &[u8], abi: Option<&Abi>) {
        let token = tokens::read(signer, contract, data, abi);
        let told = match (abi, &token) {
            (Some(abi), _) => abi.decode_call(data),
            (None, token) => token
                .as_ref()
                .map(|token| (token.signature.clone(), token.arguments.clone())),
        };
        let exact = told.is_some() && abi.is_none_or(|abi| abi.is_canonical_call(data));
        self.opaque = !exact || token.as_ref().is_some_and(|token| !token.clear);
        let token = token.unwrap_or_default();
        self.moves.extend(token.moves);
        self.grants.extend(token.grants);
        self.calls.push(call(contract, data, told));
    }
}

fn call(contract: &str, data: &[u8], told: Option<(String, Value)>) -> Call {
    let (signature, arguments) = told.unzip();
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

fn delegations(authorisations: &[Authorisation]) -> Result<Vec<Grant>> {
    authorisations
        .iter()
        .try_for_each(|one| canonical(&one.delegate))?;
    let given = authorisations
        .iter()
        .filter(|one| address::canonical(&one.delegate) != Some([0; 20]));
    Ok(given
        .map(|one| Grant {
            asset: None,
            to: one.delegate.clone(),
            amount: None,
        })
        .collect())
}

/// A grant, if it is an EIP-2612 `Permit` that the signer's signature makes good.
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
    let asset = tokens::token(&contract, None);
    (owner == signer).then(|| tokens::granted(asset, &spender, Some(Amount::from_be_bytes(amount))))
}

fn account(given: &Value) -> Option<String> {
    address::parse(given.as_str()?)
        .ok()
        .map(|account| address::show(&account))
}

fn canonical(text: &str) -> Result<()> {
    let known = address::canonical(text).map(|_| ());
    known.ok_or_else(|| {
        Error::unsuitable(format!(
            "{text:?} is no account in lower-case hexadecimal with 0x"
        ))
    })
}
