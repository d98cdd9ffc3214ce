//! What the demo and the torture stand on: the binary, a chain for it, an application that speaks
//! to it, and a judge beside it.

pub(crate) mod api;
pub(crate) mod judge;

use crate::run;
use std::path::PathBuf;
use testkit::anvil::{Anvil, Mining, Options};

/// Build the binary with its places to fail.
pub(crate) fn build() -> Result<PathBuf, String> {
    run::succeed(run::cargo().args(["build", "--package", "florin", "--features", "fail-points"]))?;
    Ok(run::target().join("debug").join("florin"))
}

/// A node that makes blocks only when it is told to.
pub(crate) fn node() -> Result<Anvil, String> {
    Anvil::start(&Options {
        mining: Mining::OnDemand,
        slots_in_an_epoch: 1,
        ..Options::default()
    })
    .map_err(|_| "anvil is not installed".to_owned())
}

/// The part of a configuration that names the node, final so many blocks deep.
pub(crate) fn chain_settings(node: &Anvil, depth: u64) -> String {
    format!(
        "[[chains]]\npreset = \"anvil\"\nnumber = {}\nurl = \"{}\"\nstart = 0\nkeep_all = true\npoll_interval_ms = 50\n\
         finality = {{ rule = \"depth\", blocks = {depth} }}\n",
        node.chain_id(),
        node.url(),
    )
}

/// Ether for an account.
pub(crate) fn fund(node: &Anvil, account: &str) {
    const MUCH: &str = "0x56bc75e2d63100000"; // a hundred ether
    let from = &node.accounts()[0].address;
    node.rpc(
        "eth_sendTransaction",
        serde_json::json!([{ "from": from, "to": account, "value": MUCH }]),
    );
    node.mine(1);
}
