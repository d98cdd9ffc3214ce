//! One door for every chain: each function hands on to the module of the chain's family.

use crate::{
    Decoded, Effects, Error, Intent, Interface, PublicKey, Result, Scheme, Signature, Signed,
    Unsigned, evm, utxo,
};
use serde_json::Value;
use types::{ChainId, Family};

/// Where a payment goes: an account, and what the chain wants written beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The account in the chain's canonical form.
    pub account: String,
    /// A memo or tag, on chains that have one.
    pub memo: Option<String>,
}

/// What unsigned bytes say, from the bytes alone.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    match family(&unsigned.chain)? {
        Family::Evm => evm::decode(unsigned),
        Family::Utxo => utxo::decode(unsigned),
    }
}

/// The bytes of an act that needs no plan, for it has neither nonce of its own nor fee: a message,
/// typed data, an authorisation.
pub fn statement(intent: &Intent) -> Result<Unsigned> {
    match family(&intent.chain)? {
        Family::Evm => evm::statement(intent),
        Family::Utxo => Err(Error::Unsuitable {
            why: "this chain signs transactions only".to_owned(),
        }),
    }
}

/// Join bytes and signatures, in the order of [`Decoded::requests`]; checks that each signature is
/// its account's.
pub fn assemble(unsigned: &Unsigned, signatures: &[Signature]) -> Result<Signed> {
    match family(&unsigned.chain)? {
        Family::Evm => evm::assemble(unsigned, signatures),
        Family::Utxo => utxo::assemble(unsigned, signatures),
    }
}

/// What an intent does. With an interface, calls are decoded; without, the known token standards
/// are.
pub fn effects(intent: &Intent, interface: Option<&Interface>) -> Result<Effects> {
    match family(&intent.chain)? {
        Family::Evm => evm::effects(intent, interface),
        Family::Utxo => utxo::effects(intent),
    }
}

/// The account of a public key.
pub fn address(chain: &ChainId, key: &PublicKey) -> Result<String> {
    match family(chain)? {
        Family::Evm => evm::address(key),
        Family::Utxo => utxo::address(chain, key),
    }
}

/// Read a recipient as people write it. A mixed-case EVM address must carry a right checksum
/// (EIP-55).
pub fn parse_recipient(chain: &ChainId, text: &str) -> Result<Recipient> {
    match family(chain)? {
        Family::Evm => evm::parse_recipient(text),
        Family::Utxo => utxo::parse_recipient(chain, text),
    }
}

/// The data of a call: `method` is a name, or a signature such as `transfer(address,uint256)` where
/// the name is overloaded; `params` is a JSON list, or an object by parameter name.
pub fn encode_call(
    chain: &ChainId,
    interface: &Interface,
    method: &str,
    params: &Value,
) -> Result<Vec<u8>> {
    match family(chain)? {
        Family::Evm => evm::encode_call(interface, method, params),
        Family::Utxo => Err(Error::Unsuitable {
            why: "this chain has no contracts".to_owned(),
        }),
    }
}

/// The data of a deployment: the code and its constructor's arguments.
pub fn encode_deploy(
    chain: &ChainId,
    interface: &Interface,
    code: &[u8],
    params: &Value,
) -> Result<Vec<u8>> {
    match family(chain)? {
        Family::Evm => evm::encode_deploy(interface, code, params),
        Family::Utxo => Err(Error::Unsuitable {
            why: "this chain has no contracts".to_owned(),
        }),
    }
}

/// What a call returned, as JSON by the outputs' names (an unnamed value is `output`, then
/// `output1` …); integers as decimal strings.
pub fn decode_output(
    chain: &ChainId,
    interface: &Interface,
    method: &str,
    data: &[u8],
) -> Result<Value> {
    match family(chain)? {
        Family::Evm => evm::decode_output(interface, method, data),
        Family::Utxo => Err(Error::Unsuitable {
            why: "this chain has no contracts".to_owned(),
        }),
    }
}

/// The topics by which events of an interface are found in the index. An anonymous event has none.
pub fn topics(chain: &ChainId, interface: &Interface) -> Result<Vec<String>> {
    match family(chain)? {
        Family::Evm => evm::topics(interface),
        Family::Utxo => Err(Error::Unsuitable {
            why: "this chain has no contracts".to_owned(),
        }),
    }
}

/// How the chain signs.
pub fn scheme(chain: &ChainId) -> Result<Scheme> {
    match family(chain)? {
        Family::Evm | Family::Utxo => Ok(Scheme::EcdsaSecp256k1),
    }
}

fn family(chain: &ChainId) -> Result<Family> {
    chain.family().ok_or_else(|| Error::UnknownFamily {
        chain: chain.clone(),
    })
}
