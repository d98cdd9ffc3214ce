//! EVM: the pure half.
//!
//! | file | what |
//! |---|---|
//! | `build` | an intent and its terms -> the bytes that are signed (by alloy) |
//! | `read`, `rlp` | those bytes -> what they do (our own, strict) |
//! | `statement`, `typed_data`, `authorisation` | what is signed for its own sake |
//! | `assemble` | bytes and signature -> what is broadcast |
//! | `abi` | contracts' interfaces: calls, results, events, reasons of a revert |
//! | `effects`, `tokens` | what a transaction does, as far as the bytes tell |
//! | `transfers` | movements of value in events of the token standards |
//!
//! No other part of Florin sees a type of alloy.

mod abi;
mod address;
mod assemble;
mod authorisation;
mod build;
mod effects;
mod log;
mod read;
mod rlp;
mod statement;
mod tokens;
mod transfers;
mod typed_data;

pub use abi::{Abi, DecodedEvent, topic_of};
pub use address::{address, checksum, parse_recipient};
pub use assemble::assemble;
pub use build::{Price, Terms, unsigned};
pub use effects::effects;
pub use log::Log;
pub use statement::statement;
pub use transfers::transfers;
pub use typed_data::typed_data;

use crate::{Decoded, Error, Interface, Result, Unsigned};
use serde_json::Value;

/// The longest bytes that are read. Nodes take 128 KiB; private chains are sometimes set higher.
const MAX_BYTES: usize = 1 << 20;

/// What unsigned bytes say: a transaction, a message, typed data or an authorisation, told apart by
/// the first byte (see `statement`).
///
/// Everything comes from the bytes, but the signer: that is the claim which `unsigned` carries.
pub fn decode(unsigned: &Unsigned) -> Result<Decoded> {
    if unsigned.bytes.len() > MAX_BYTES {
        return Err(Error::undecodable(format!(
            "there are more than {MAX_BYTES}"
        )));
    }
    statement::check_signer(unsigned)?;
    match unsigned.bytes.first() {
        Some(&authorisation::MAGIC) => statement::authorisation(unsigned),
        Some(&statement::MESSAGE) => statement::message(unsigned),
        Some(&statement::TYPED_DATA) => statement::typed(unsigned),
        _ => read::transaction(unsigned),
    }
}

/// [`Abi::encode_call`] for a single use.
pub fn encode_call(interface: &Interface, method: &str, params: &Value) -> Result<Vec<u8>> {
    Abi::parse(interface)?.encode_call(method, params)
}

/// [`Abi::encode_deploy`] for a single use.
pub fn encode_deploy(interface: &Interface, code: &[u8], params: &Value) -> Result<Vec<u8>> {
    Abi::parse(interface)?.encode_deploy(code, params)
}

/// [`Abi::decode_output`] for a single use.
pub fn decode_output(interface: &Interface, method: &str, data: &[u8]) -> Result<Value> {
    Abi::parse(interface)?.decode_output(method, data)
}

/// [`Abi::decode_call`] for a single use.
pub fn decode_call(interface: &Interface, data: &[u8]) -> Result<Option<(String, Value)>> {
    Ok(Abi::parse(interface)?.decode_call(data))
}

/// The first topics of [`Abi::events`] for a single use.
pub fn topics(interface: &Interface) -> Result<Vec<String>> {
    Ok(Abi::parse(interface)?
        .events()
        .into_iter()
        .filter_map(|(_, topic)| topic)
        .collect())
}

/// [`Abi::decode_event`] for a single use.
pub fn decode_event(interface: &Interface, log: &Log) -> Result<Option<DecodedEvent>> {
    Ok(Abi::parse(interface)?.decode_event(log))
}

/// Why a call was undone, in words. Without an interface only the two built-in errors are known;
/// see [`Abi::revert_reason`].
pub fn revert_reason(interface: Option<&Interface>, data: &[u8]) -> String {
    interface
        .and_then(|interface| Abi::parse(interface).ok())
        .unwrap_or_default()
        .revert_reason(data)
}
