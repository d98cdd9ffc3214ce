//! The chain-independent entry points: each function dispatches to the module of the chain's
//! family.

use crate::{
    Decoded, Effects, Error, Intent, Interface, Knowledge, PublicKey, Result, Signature, Signed,
    Unsigned, evm, utxo,
};
use serde_json::Value;
use std::collections::BTreeSet;
use types::{ChainId, Family};

/// A payment's destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// In the chain's canonical form.
    pub account: String,
    /// A memo or destination tag, on chains that have one.
    pub memo: Option<String>,
}

/// Decodes unsigned bytes. Everything but an EVM signer comes from the bytes alone.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    match family(&unsigned.chain)? {
        Family::Evm => evm::decode(unsigned),
        Family::Utxo => utxo::decode(unsigned),
    }
}

/// Encodes a statement (message, typed data, authorization): it needs no plan, since it has neither
/// fees nor a nonce of its own.
pub fn statement(intent: &Intent) -> Result<Unsigned> {
    match family(&intent.chain)? {
        Family::Evm => evm::statement(intent),
        Family::Utxo => Err(Error::invalid_intent("this chain only signs transactions")),
    }
}

/// Brings typed data into the one form that is signed: the canonical text of
/// [`Act::TypedData`](crate::Act::TypedData). Its domain must name `chain`. Error
/// `intent.undecodable`, or `intent.abi_mismatch` with the path of the invalid member.
pub fn typed_data(chain: &ChainId, value: &Value) -> Result<String> {
    match family(chain)? {
        Family::Evm => evm::typed_data_for(chain, value),
        Family::Utxo => Err(Error::invalid_intent("this chain only signs transactions")),
    }
}

/// The digest that the key signs for a statement, in hexadecimal with 0x. Fails like
/// [`statement`].
pub fn statement_digest(intent: &Intent) -> Result<String> {
    let decoded = decode(&statement(intent)?)?;
    let required = decoded.required_signatures.first();
    let required = required.ok_or_else(|| Error::invalid_intent("nothing of it is signed"))?;
    Ok(format!("0x{}", hex::encode(required.digest)))
}

/// The signature in the signed form of a statement, as [`assemble`] returns it.
pub fn statement_signature(intent: &Intent, raw: &[u8]) -> Result<Signature> {
    match family(&intent.chain)? {
        Family::Evm => evm::statement_signature(intent, raw),
        Family::Utxo => Err(Error::invalid_intent("this chain only signs transactions")),
    }
}

/// Joins bytes and signatures, given in the order of [`Decoded::required_signatures`]. Checks that
/// each signature is by its account.
pub fn assemble(unsigned: &Unsigned, signatures: &[Signature]) -> Result<Signed> {
    match family(&unsigned.chain)? {
        Family::Evm => evm::assemble(unsigned, signatures),
        Family::Utxo => utxo::assemble(unsigned, signatures),
    }
}

/// Computes the effects of an intent from its bytes and what is known of the accounts that they
/// depend on ([`Effects::touched`]).
pub fn effects(intent: &Intent, known: &Knowledge) -> Result<Effects> {
    match family(&intent.chain)? {
        Family::Evm => evm::effects(intent, known),
        Family::Utxo => utxo::effects(intent),
    }
}

/// Derives the account of a public key.
pub fn address(chain: &ChainId, key: &PublicKey) -> Result<String> {
    match family(chain)? {
        Family::Evm => evm::address(key),
        Family::Utxo => utxo::address(chain, key),
    }
}

/// Parses a recipient as people write it. A mixed-case EVM address must carry a valid checksum
/// (EIP-55).
pub fn parse_recipient(chain: &ChainId, text: &str) -> Result<Recipient> {
    match family(chain)? {
        Family::Evm => evm::parse_recipient(text),
        Family::Utxo => utxo::parse_recipient(chain, text),
    }
}

/// Encodes a call. `method` is a name, or a signature such as `transfer(address,uint256)` if the
/// name is overloaded. `params` is a JSON list, or an object by parameter name.
pub fn encode_call(
    chain: &ChainId,
    interface: &Interface,
    method: &str,
    params: &Value,
) -> Result<Vec<u8>> {
    match family(chain)? {
        Family::Evm => evm::encode_call(interface, method, params),
        Family::Utxo => Err(no_contracts()),
    }
}

/// Encodes a deployment: the code and its constructor arguments.
pub fn encode_deploy(
    chain: &ChainId,
    interface: &Interface,
    code: &[u8],
    params: &Value,
) -> Result<Vec<u8>> {
    match family(chain)? {
        Family::Evm => evm::encode_deploy(interface, code, params),
        Family::Utxo => Err(no_contracts()),
    }
}

/// Decodes what a call returned into JSON by output name (an unnamed value is `output`, then
/// `output1` …). Integers are decimal strings.
pub fn decode_output(
    chain: &ChainId,
    interface: &Interface,
    method: &str,
    data: &[u8],
) -> Result<Value> {
    match family(chain)? {
        Family::Evm => evm::decode_output(interface, method, data),
        Family::Utxo => Err(no_contracts()),
    }
}

/// The event topics of an interface, for lookup in the index. An anonymous event has none.
pub fn event_topics(chain: &ChainId, interface: &Interface) -> Result<Vec<String>> {
    match family(chain)? {
        Family::Evm => evm::event_topics(interface),
        Family::Utxo => Err(no_contracts()),
    }
}

/// The signatures of an interface's functions, such as `transfer(address,uint256)`.
pub fn function_signatures(chain: &ChainId, interface: &Interface) -> Result<BTreeSet<String>> {
    match family(chain)? {
        Family::Evm => evm::function_signatures(interface),
        Family::Utxo => Err(no_contracts()),
    }
}

/// The selector of a function: of its signature, such as `transfer(address,uint256)`, or itself.
pub fn selector(chain: &ChainId, text: &str) -> Result<String> {
    match family(chain)? {
        Family::Evm => evm::selector(text),
        Family::Utxo => Err(no_contracts()),
    }
}

/// The reason of a revert as text, decoded by an interface.
pub fn revert_reason(chain: &ChainId, interface: &Interface, data: &[u8]) -> Result<String> {
    match family(chain)? {
        Family::Evm => Ok(evm::revert_reason(Some(interface), data)),
        Family::Utxo => Err(no_contracts()),
    }
}

fn no_contracts() -> Error {
    Error::invalid_intent("this chain has no contracts")
}

fn family(chain: &ChainId) -> Result<Family> {
    chain.family().ok_or(Error::UnknownFamily { chain: *chain })
}
