//! The judge: what the chain itself says, asked without Florin.

use serde_json::json;
use testkit::anvil::Anvil;

/// Tokens of an account, by `eth_call`.
pub(super) fn tokens(node: &Anvil, token: &str, account: &str) -> Result<u128, String> {
    let data = node.calldata("balanceOf(address)", &[account]);
    hex(&node.call(token, &data))
}

/// Transactions that the chain has of an account.
pub(super) fn nonce(node: &Anvil, account: &str) -> Result<u128, String> {
    hex(node.rpc("eth_getTransactionCount", json!([account, "latest"])).as_str().unwrap_or_default())
}

/// `Transfer` events of a token to an account, in the canonical chain.
pub(super) fn transfers_to(node: &Anvil, token: &str, account: &str) -> usize {
    let topic = node.rpc("web3_sha3", json!([format!("0x{}", ascii("Transfer(address,address,uint256)"))]));
    let to = format!("0x{:0>64}", account.trim_start_matches("0x"));
    let filter = json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": token, "topics": [topic, null, to] }]);
    node.rpc("eth_getLogs", filter).as_array().map_or(0, Vec::len)
}

fn ascii(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(text: &str) -> Result<u128, String> {
    let digits = text.trim_start_matches("0x").trim_start_matches('0');
    u128::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16).map_err(|_| format!("{text:?} is no number"))
}

/// Two figures that must be the same.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}
