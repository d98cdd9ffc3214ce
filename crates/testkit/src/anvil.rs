//! A real EVM node, anvil, on a free port of the loopback interface, with the calls by which tests
//! drive and judge it.
//!
//! The calls share no code with our connector: what they tell is the judge's word.

mod control;
mod program;

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Leash, Tether, free_port, http, wait_until};

pub use control::Account;

/// Nobody else may have taken a free port more often than this in a row.
const TRIES: u32 = 5;
/// It takes half a second on an idle machine.
const READY_MS: u64 = 60_000;

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// A block for each transaction, at once.
    Auto,
    /// A block every so many seconds: for load.
    EverySeconds(u64),
    /// Only when [`Anvil::mine`] asks.
    OnDemand,
}

/// How the node is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// When blocks are made.
    pub mining: Mining,
    /// The EIP-155 chain id.
    pub chain_id: u64,
    /// Gas a block; enough for a block of thousands of transfers.
    pub gas_limit: u64,
    /// The first block's base fee in wei; anvil's own (1 gwei) without one.
    pub base_fee: Option<u64>,
    /// `finalized` stands twice this below the head.
    pub slots_in_an_epoch: u64,
    /// How many accounts hold ether.
    pub accounts: u32,
    /// Further arguments of anvil, such as `--hardfork`, `berlin` for a chain without EIP-1559.
    pub arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mining: Mining::Auto,
            chain_id: 31337,
            gas_limit: 300_000_000,
            base_fee: None,
            slots_in_an_epoch: 1,
            accounts: 10,
            arguments: Vec::new(),
        }
    }
}

/// A running node. Dropping it ends it.
#[derive(Debug)]
pub struct Anvil {
    address: String,
    accounts: Vec<Account>,
    chain_id: u64,
    leash: Leash,
    _home: TempDir,
}

/// Anvil is not installed (`cargo xtask setup` installs it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

/// A node, or `None` and the test counted as skipped where anvil is not installed.
///
/// # Panics
/// If anvil is there and does not start; or is not there, and `FLORIN_REQUIRE_REAL=1`.
pub fn start(options: &Options) -> Option<Anvil> {
    match Anvil::start(options) {
        Ok(anvil) => Some(anvil),
        Err(Missing) => {
            crate::skipped_for_want_of(
                "anvil",
                "it is neither in contracts/node_modules nor on the PATH",
            );
            None
        }
    }
}

/// Whether anvil is on this machine.
pub fn is_installed() -> bool {
    program::find().is_some()
}

impl Anvil {
    /// Start a node and wait until it answers.
    ///
    /// # Errors
    /// [`Missing`] where anvil is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start; the message ends with what it said.
    pub fn start(options: &Options) -> Result<Self, Missing> {
        let program = program::find().ok_or(Missing)?;
        let mut log = String::new();
        for _ in 0..TRIES {
            match attempt(&program, options) {
                Ok(anvil) => return Ok(anvil),
                Err(said) => log = said,
            }
        }
        panic!("anvil did not start, {TRIES} times: {log}")
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `ws://127.0.0.1:PORT`.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The accounts that hold ether, with their keys.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Make the node stand still (`STOP`), go on (`CONT`) or end (`KILL`).
    ///
    /// # Errors
    /// If there is no shell.
    pub fn signal(&self, name: &str) -> std::io::Result<()> {
        self.leash.signal(name)
    }

    /// One JSON-RPC call: the result, or the error object.
    ///
    /// # Errors
    /// The `error` member of the answer.
    ///
    /// # Panics
    /// If the node does not answer, or not by JSON-RPC.
    pub fn try_rpc(&self, method: &str, params: Value) -> Result<Value, Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = http::post_json(&self.address, "/", &call)
            .unwrap_or_else(|e| panic!("anvil: {method}: {e}"));
        let mut answer = answer.json();
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].take()),
        }
    }

    /// One JSON-RPC call that must succeed.
    ///
    /// # Panics
    /// If the node answers by an error, or not at all.
    pub fn rpc(&self, method: &str, params: Value) -> Value {
        self.try_rpc(method, params)
            .unwrap_or_else(|error| panic!("anvil: {method}: {error}"))
    }
}

/// One try; what the node said if it ended.
fn attempt(program: &Path, options: &Options) -> Result<Anvil, String> {
    let home = tempfile::Builder::new()
        .prefix("florin-anvil-")
        .tempdir()
        .expect("a temporary folder");
    let log = home.path().join("log");
    let tether = Tether {
        log: Some(log.clone()),
        environment: vec![("HOME".to_owned(), home.path().as_os_str().to_owned())],
        remove: Some(home.path().to_owned()),
        ..Tether::default()
    };
    let port = free_port();
    let leash = Leash::start(
        &tether,
        program.as_os_str(),
        &arguments(options, port, home.path()),
    );
    let leash = leash.expect("a shell to start anvil");
    let address = format!("127.0.0.1:{port}");
    let mut anvil = Anvil {
        address,
        accounts: Vec::new(),
        chain_id: options.chain_id,
        leash,
        _home: home,
    };
    if !anvil.becomes_ready() {
        return Err(std::fs::read_to_string(log).unwrap_or_default());
    }
    anvil.accounts = control::read_accounts(&anvil._home.path().join("config.json"));
    Ok(anvil)
}

impl Anvil {
    /// Wait until it answers and has written its configuration whole, or ends. Another's node may
    /// have the port and answer for it: that one writes no configuration of ours, and ours
    /// ends.
    fn becomes_ready(&mut self) -> bool {
        let mut alive = true;
        wait_until(READY_MS, || {
            alive = self.leash.is_alive();
            !alive || (self.has_configuration() && self.answers())
        }) && alive
    }

    fn has_configuration(&self) -> bool {
        let text =
            std::fs::read_to_string(self._home.path().join("config.json")).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok()
    }

    fn answers(&self) -> bool {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
        http::post_json(&self.address, "/", &call).is_ok_and(|answer| answer.status == 200)
    }
}

fn arguments(options: &Options, port: u16, home: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |name: &str, value: String| arguments.extend([name.into(), value.into()]);
    add("--host", "127.0.0.1".to_owned());
    add("--port", port.to_string());
    add("--chain-id", options.chain_id.to_string());
    add("--gas-limit", options.gas_limit.to_string());
    add("--slots-in-an-epoch", options.slots_in_an_epoch.to_string());
    add("--accounts", options.accounts.to_string());
    add(
        "--config-out",
        home.join("config.json").display().to_string(),
    );
    add("--cache-path", home.join("cache").display().to_string());
    if let Some(fee) = options.base_fee {
        add("--block-base-fee-per-gas", fee.to_string());
    }
    match options.mining {
        Mining::Auto => {}
        Mining::EverySeconds(seconds) => add("--block-time", seconds.to_string()),
        Mining::OnDemand => arguments.push("--no-mining".into()),
    }
    arguments.push("--quiet".into());
    arguments.extend(options.arguments.iter().map(OsString::from));
    arguments
}
