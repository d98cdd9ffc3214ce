//! Checks against the chain, independent of Florin.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::anvil::Anvil;

/// Token balance of an account, by `eth_call`.
pub(crate) fn tokens(node: &Anvil, token: &str, account: &str) -> Result<u128> {
    let data = node.calldata("balanceOf(address)", &[account]);
    hex(&node.call(token, &data))
}

/// Nonce of an account at the latest block.
pub(crate) fn nonce(node: &Anvil, account: &str) -> Result<u128> {
    hex(node
        .rpc("eth_getTransactionCount", json!([account, "latest"]))
        .as_str()
        .unwrap_or_default())
}

/// A `Transfer` event on the canonical chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// The zero address for a mint.
    pub(crate) from: String,
    pub(crate) to: String,
    /// In base units.
    pub(crate) amount: u128,
    pub(crate) transaction: String,
    /// Hash of the block.
    pub(crate) block: String,
}

/// All `Transfer` events of a token, in chain order.
pub(crate) fn transfers(node: &Anvil, token: &str) -> Result<Vec<Transfer>> {
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

fn transfers_where(node: &Anvil, token: &str, topics: &Value) -> Result<Vec<Transfer>> {
    let filter =
        json!([{ "fromBlock": "0x0", "toBlock": "latest", "address": token, "topics": topics }]);
    let logs = node.rpc("eth_getLogs", filter);
    let account = |log: &Value, topic: usize| {
        log["topics"][topic]
            .as_str()
            .and_then(|topic_hex| topic_hex.get(26..))
            .map(|digits| format!("0x{digits}"))
    };
    let text_field = |log: &Value, name: &str| log[name].as_str().map(str::to_owned);
    let parse = |log: &Value| {
        Some(Transfer {
            from: account(log, 1)?,
            to: account(log, 2)?,
            amount: hex(log["data"].as_str()?).ok()?,
            transaction: text_field(log, "transactionHash")?,
            block: text_field(log, "blockHash")?,
        })
    };
    let logs = logs.as_array().context("eth_getLogs returned no list")?;
    logs.iter()
        .map(|log| parse(log).with_context(|| format!("{log} is not a transfer")))
        .collect()
}

fn ascii(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(text: &str) -> Result<u128> {
    let digits = text.trim_start_matches("0x").trim_start_matches('0');
    u128::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16)
        .with_context(|| format!("{text:?} is not a number"))
}

/// Fail unless two values are equal.
pub(crate) fn expect_eq<T: PartialEq + std::fmt::Debug>(
    description: &str,
    actual: T,
    expected: T,
) -> Result<()> {
    ensure!(
        actual == expected,
        "{description}: {actual:?}, expected {expected:?}"
    );
    Ok(())
}

/// Transaction hash and block hash of each log of a contract on the canonical chain.
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
