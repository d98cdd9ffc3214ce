//! Recognizes reverts in the formats of different nodes.
//!
//! | node | format |
//! |---|---|
//! | geth, anvil, reth | error 3 with the data as a string |
//! | Besu, Erigon | error -32000 with the data as a string |
//! | Nethermind | error -32015, the data after the word `Reverted` |
//! | Hardhat and some providers | the data inside an object |
//! | GoQuorum, geth before 1.9.15 | no error: the result is the data, words and four bytes |

use crate::Error;
use crate::evm::numerals::{FromHex as _, show_bytes};
use crate::evm::rpc::ErrorObject;
use intent::Interface;
use serde_json::Value;
use types::ChainId;

/// Messages of failed executions without revert data.
const FAILURES: &[&str] = &[
    "out of gas",
    "gas required exceeds allowance",
    "invalid opcode",
    "invalid jump",
    "stack underflow",
    "stack limit reached",
    "contract creation code storage out of gas",
    "max code size exceeded",
    "vm execution error",
    "always failing transaction",
    "evm error",
];

/// Converts a node's error for a call or an estimate into a revert with its reason, or a rejection.
pub(super) fn error(chain: &ChainId, interface: Option<&Interface>, error: &ErrorObject) -> Error {
    let text = error.message.to_lowercase();
    let data = error.data.as_ref().and_then(find_data);
    match data {
        Some(data) if !data.is_empty() || text.contains("revert") => reverts(interface, &data),
        _ if error.code == 3
            || text.contains("revert")
            || FAILURES.iter().any(|phrase| text.contains(phrase)) =>
        {
            Error::ExecutionReverted {
                reason: error.sanitized_message(),
                data: "0x".to_owned(),
            }
        }
        _ => Error::RequestRejected {
            chain: chain.to_string(),
            number: error.code,
            message: error.sanitized_message(),
        },
    }
}

/// The error for revert data.
pub(super) fn reverts(interface: Option<&Interface>, data: &[u8]) -> Error {
    Error::ExecutionReverted {
        reason: intent::evm::revert_reason(interface, data),
        data: show_bytes(data),
    }
}

/// Whether a call's result is revert data: whole words after a selector. Results of calls are whole
/// words.
pub(super) fn is_revert_data(data: &[u8]) -> bool {
    data.len() % 32 == 4
}

fn find_data(data: &Value) -> Option<Vec<u8>> {
    match data {
        Value::String(text) => Vec::from_hex(
            text.trim_start_matches("Reverted ")
                .trim_start_matches("revert: ")
                .trim(),
        ),
        Value::Object(members) => members
            .get("data")
            .or_else(|| members.get("result"))
            .and_then(find_data),
        _ => None,
    }
}
