//! The judge: what the chain itself says, asked without Florin.

use serde_json::{Value, json};
use testkit::anvil::Anvil;

/// Tokens of an account, by `eth_call`.
pub(crate) fn tokens(node: &Anvil, token: &str, account: &str) -> Result<u128, String> {
    let data = node.calldata("balanceOf(address)", &[account]);
    hex(&node.call(token, &data))
}

/// Transactions that the chain has of an account.
pub(crate) fn nonce(node: &Anvil, account: &str) -> Result<u128, String> {
    hex(node
        .rpc("eth_getTransactionCount", json!([account, "latest"]))
        .as_str()
        .unwrap_or_default())
}

/// A `Transfer` that the canonical chain has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Who gave; the zero address for a mint.
    pub(crate) from: String,
    /// Who got.
    pub(crate) to: String,
    /// Base units.
    pub(crate) amount: u128,
    /// Whose it is.
    pub(crate) transaction: String,
    /// The block's hash.
    pub(crate) block: String,
}

/// All `Transfer` events of a token, in the canonical chain's order.
pub(crate) fn transfers(node: &Anvil, token: &str) -> Result<Vec<Transfer>, String> {
    transfers_where(node, token, &json!([transfer_topic(node)]))
}

/// `Transfer` events of a token to an account.
pub(crate) fn transfers_to(node: &Anvil, token: &str, account: &str) -> usize {
    let to = format!("0x{:0>64}", account.trim_start_matches("0x"));
    transfers_where(node, token, &json!([transfer_topic(node), null, to]))
        .map_or(0, |all| all.len())
}

fn transfer_topic(node: &Anvil) -> Value {
    node.rpc(
        "web3_sha3",
        json!([format!("0x{}", ascii("Transfer(address,address,uint256)"))]),
    )
}

fn transfers_where(node: &Anvil, token: &str, topics: &Value) -> Result<Vec<Transfer>, String> {
    let filter =
        json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": token, "topics": topics }]);
    let logs = node.rpc("eth_getLogs", filter);
    let account = |log: &Value, place: usize| {
        log["topics"][place]
            .as_str()
            .and_then(|word| word.get(26..))
            .map(|digits| format!("0x{digits}"))
    };
    let words = |log: &Value, name: &str| log[name].as_str().map(str::to_owned);
    let read = |log: &Value| {
        Some(Transfer {
            from: account(log, 1)?,
            to: account(log, 2)?,
            amount: hex(log["data"].as_str()?).ok()?,
            transaction: words(log, "transactionHash")?,
            block: words(log, "blockHash")?,
        })
    };
    let logs = logs.as_array().ok_or("eth_getLogs gives no list")?;
    logs.iter()
        .map(|log| read(log).ok_or_else(|| format!("{log} is no transfer")))
        .collect()
}

fn ascii(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(text: &str) -> Result<u128, String> {
    let digits = text.trim_start_matches("0x").trim_start_matches('0');
    u128::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16)
        .map_err(|_| format!("{text:?} is no number"))
}

/// Two figures that must be the same.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: T,
    expected: T,
) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, expected {expected:?}"))
    }
}

/// Transaction and block of each log of a contract in the canonical chain.
pub(crate) fn logs(node: &Anvil, contract: &str) -> Vec<(String, String)> {
    let logs = node.rpc(
        "eth_getLogs",
        json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": contract }]),
    );
    let text = |log: &Value, name: &str| log[name].as_str().unwrap_or_default().to_owned();
    let logs = logs.as_array().cloned().unwrap_or_default();
    logs.iter()
        .map(|log| (text(log, "transactionHash"), text(log, "blockHash")))
        .collect()
}
