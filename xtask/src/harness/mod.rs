//! Shared by demo and torture: the binary, a chain, an API client, and checks against the chain.

pub(crate) mod api;
pub(crate) mod judge;

use crate::run;
use anyhow::{Context, Result};
use std::path::PathBuf;
use testkit::anvil::{Anvil, Mining, Options};

/// Build the binary with fail points.
pub(crate) fn build() -> Result<PathBuf> {
    run::succeed(run::cargo().args(["build", "--package", "florin", "--features", "fail-points"]))?;
    Ok(run::target().join("debug").join("florin"))
}

/// A node that mines only on request.
pub(crate) fn node() -> Result<Anvil> {
    Anvil::start(&Options {
        mining: Mining::OnDemand,
        slots_in_an_epoch: 1,
        ..Options::default()
    })
    .ok()
    .context("anvil is not installed")
}

/// Configuration of the chain of a node, with finality at the given depth.
pub(crate) fn chain_settings(node: &Anvil, depth: u64) -> String {
    format!(
        "[[chains]]\npreset = \"anvil\"\nnumber = {}\nurl = \"{}\"\nstart = 0\nstore_all_events = true\npoll_interval_ms = 50\n\
         finality = {{ rule = \"depth\", blocks = {depth} }}\n",
        node.chain_id(),
        node.url(),
    )
}

/// Send ether to an account.
pub(crate) fn fund(node: &Anvil, account: &str) {
    const AMOUNT: &str = "0x56bc75e2d63100000"; // a hundred ether
    let from = &node.accounts()[0].address;
    node.rpc(
        "eth_sendTransaction",
        serde_json::json!([{ "from": from, "to": account, "value": AMOUNT }]),
    );
    node.mine(1);
}
