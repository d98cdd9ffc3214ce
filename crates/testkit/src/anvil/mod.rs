//! A real EVM node, anvil, on a free loopback port, with the calls that tests use to control and
//! inspect it.
//!
//! The calls share no code with the EVM connector, so they are an independent check.

mod control;
mod program;

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ChildOptions, ChildProcess, free_port, http, wait_until};

pub use control::Account;

/// Start attempts: another process may take the free port first.
const TRIES: u32 = 5;
/// Takes half a second on an idle machine.
const READY_MS: u64 = 60_000;

/// When the node mines blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// A block per transaction, immediately.
    Auto,
    /// A block at a fixed interval, for load tests.
    EverySeconds(u64),
    /// Only by [`Anvil::mine`].
    OnDemand,
}

/// Start options of the node.
#[derive(Debug, Clone)]
pub struct Options {
    pub mining: Mining,
    /// EIP-155.
    pub chain_id: u64,
    /// Block gas limit; the default fits thousands of transfers.
    pub gas_limit: u64,
    /// Base fee of the first block in wei; default: anvil's own, 1 gwei.
    pub base_fee: Option<u64>,
    /// The `finalized` block is twice this number below the head.
    pub slots_in_an_epoch: u64,
    /// Number of funded accounts.
    pub accounts: u32,
    /// Further command-line arguments, such as `--hardfork`, `berlin` for a chain without EIP-1559.
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

/// A running node. Dropping it ends the process.
#[derive(Debug)]
pub struct Anvil {
    address: String,
    accounts: Vec<Account>,
    chain_id: u64,
    child: ChildProcess,
    _home: TempDir,
}

/// Anvil is not installed (`cargo xtask setup` installs it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotInstalled;

/// Start a node; returns `None` and counts the test as skipped if anvil is not installed.
///
/// # Panics
/// If anvil is installed and does not start, or is not installed and `FLORIN_REQUIRE_REAL=1`.
pub fn start(options: &Options) -> Option<Anvil> {
    match Anvil::start(options) {
        Ok(anvil) => Some(anvil),
        Err(NotInstalled) => {
            crate::skip_missing("anvil", "neither in contracts/node_modules nor on the PATH");
            None
        }
    }
}

/// Whether anvil is installed.
pub fn is_installed() -> bool {
    program::find().is_some()
}

impl Anvil {
    /// Start a node and wait until it responds.
    ///
    /// # Errors
    /// [`NotInstalled`] if anvil is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start; the message ends with its log.
    pub fn start(options: &Options) -> Result<Self, NotInstalled> {
        let program = program::find().ok_or(NotInstalled)?;
        let mut log = String::new();
        for _ in 0..TRIES {
            match try_start(&program, options) {
                Ok(anvil) => return Ok(anvil),
                Err(output) => log = output,
            }
        }
        panic!("anvil did not start, {TRIES} times: {log}")
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The funded accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Send a signal by name: `STOP`, `CONT`, `KILL`.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn signal(&self, name: &str) -> std::io::Result<()> {
        self.child.signal(name)
    }

    /// One JSON-RPC call; returns its result.
    ///
    /// # Errors
    /// The `error` member of the response.
    ///
    /// # Panics
    /// If the node does not respond with JSON-RPC.
    pub fn try_rpc(&self, method: &str, params: Value) -> Result<Value, Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let response = http::post_json(&self.address, "/", &call)
            .unwrap_or_else(|e| panic!("anvil: {method}: {e}"));
        let mut response = response.json();
        match response.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(response["result"].take()),
        }
    }

    /// One JSON-RPC call that must succeed.
    ///
    /// # Panics
    /// If the response is an error, or missing.
    pub fn rpc(&self, method: &str, params: Value) -> Value {
        self.try_rpc(method, params)
            .unwrap_or_else(|error| panic!("anvil: {method}: {error}"))
    }
}

/// One start attempt; returns the log if the node ended.
fn try_start(program: &Path, options: &Options) -> Result<Anvil, String> {
    let home = tempfile::Builder::new()
        .prefix("florin-anvil-")
        .tempdir()
        .expect("a temporary directory can be created");
    let log = home.path().join("log");
    let child_options = ChildOptions {
        log: Some(log.clone()),
        environment: vec![("HOME".to_owned(), home.path().as_os_str().to_owned())],
        remove: Some(home.path().to_owned()),
        ..ChildOptions::default()
    };
    let port = free_port();
    let child = ChildProcess::start(
        &child_options,
        program.as_os_str(),
        &arguments(options, port, home.path()),
    );
    let child = child.expect("a shell to start anvil is available");
    let address = format!("127.0.0.1:{port}");
    let mut anvil = Anvil {
        address,
        accounts: Vec::new(),
        chain_id: options.chain_id,
        child,
        _home: home,
    };
    if !anvil.wait_ready() {
        return Err(std::fs::read_to_string(log).unwrap_or_default());
    }
    anvil.accounts = control::read_accounts(&anvil._home.path().join("config.json"));
    Ok(anvil)
}

impl Anvil {
    /// Wait until the node responds and has written its whole configuration, or ends. The
    /// configuration proves that the response is not from another node on the same port.
    fn wait_ready(&mut self) -> bool {
        let mut alive = true;
        wait_until(READY_MS, || {
            alive = self.child.is_alive();
            !alive || (self.has_configuration() && self.responds())
        }) && alive
    }

    fn has_configuration(&self) -> bool {
        let text =
            std::fs::read_to_string(self._home.path().join("config.json")).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok()
    }

    fn responds(&self) -> bool {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
        http::post_json(&self.address, "/", &call).is_ok_and(|response| response.status == 200)
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
