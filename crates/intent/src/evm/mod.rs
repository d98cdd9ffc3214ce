//! EVM encoding, without I/O.
//!
//! | file | contents |
//! |---|---|
//! | `build` | an intent and its terms -> the signing payload (by alloy) |
//! | `read`, `rlp` | the signing payload -> the intent (our own strict reader) |
//! | `statement`, `typed_data`, `authorization` | off-chain statements |
//! | `assemble` | bytes and signature -> the signed transaction or statement |
//! | `abi` | contract ABIs: calls, results, events, revert reasons |
//! | `effects` | what an intent does, by its bytes and what is known of contracts |
//! | `standards` | the standards: effects of calls and typed data, movements in events |
//!
//! Types of alloy do not appear in the interface of this module.

mod abi;
mod address;
mod assemble;
mod authorization;
mod build;
mod effects;
mod log;
mod read;
mod rlp;
mod standards;
mod statement;
mod typed_data;

pub use abi::{Abi, DecodedEvent, selector};
pub use address::{address, checksum, parse_recipient};
pub use assemble::assemble;
pub use build::{Price, Terms, build_unsigned};
pub use effects::effects;
pub use log::Log;
pub use standards::transfers;
pub use statement::{statement, statement_signature};
pub use typed_data::typed_data;
pub(crate) use typed_data::typed_data_for;

use crate::{Decoded, Error, Interface, Result, Unsigned};
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest input that is decoded. Nodes take 128 KiB; private chains may allow more.
const MAX_BYTES: usize = 1 << 20;

/// Decodes a transaction, message, typed data or authorization, distinguished by the first byte
/// (see `statement`).
///
/// Everything comes from the bytes except the signer, which is the claim in `unsigned`.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    if unsigned.bytes.len() > MAX_BYTES {
        return Err(Error::undecodable(format!(
            "there are more than {MAX_BYTES} bytes"
        )));
    }
    statement::check_signer(unsigned)?;
    match unsigned.bytes.first() {
        Some(&authorization::MAGIC) => statement::decode_authorization(unsigned),
        Some(&statement::MESSAGE) => statement::decode_message(unsigned),
        Some(&statement::TYPED_DATA) => statement::decode_typed_data(unsigned),
        _ => read::transaction(unsigned),
    }
}

/// [`Abi::encode_call`] without keeping the parsed ABI.
pub(crate) fn encode_call(interface: &Interface, method: &str, params: &Value) -> Result<Vec<u8>> {
    Abi::parse(interface)?.encode_call(method, params)
}

/// [`Abi::encode_deploy`] without keeping the parsed ABI.
pub(crate) fn encode_deploy(interface: &Interface, code: &[u8], params: &Value) -> Result<Vec<u8>> {
    Abi::parse(interface)?.encode_deploy(code, params)
}

/// [`Abi::decode_output`] without keeping the parsed ABI.
pub(crate) fn decode_output(interface: &Interface, method: &str, data: &[u8]) -> Result<Value> {
    Abi::parse(interface)?.decode_output(method, data)
}

/// The first topics of [`Abi::events`], without keeping the parsed ABI.
pub(crate) fn event_topics(interface: &Interface) -> Result<Vec<String>> {
    Ok(Abi::parse(interface)?
        .events()
        .into_iter()
        .filter_map(|(_, topic)| topic)
        .collect())
}

/// [`Abi::functions`] without keeping the parsed ABI.
pub(crate) fn function_signatures(interface: &Interface) -> Result<BTreeSet<String>> {
    let abi = Abi::parse(interface)?;
    Ok(abi.functions().map(str::to_owned).collect())
}

/// The reason of a revert as text. Without an interface, only the two built-in errors are decoded;
/// see [`Abi::revert_reason`].
pub fn revert_reason(interface: Option<&Interface>, data: &[u8]) -> String {
    interface
        .and_then(|interface| Abi::parse(interface).ok())
        .unwrap_or_default()
        .revert_reason(data)
}
