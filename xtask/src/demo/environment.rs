//! The environment of the demo: a real node, the binary on SQLite in a temporary folder, and an
//! application that receives webhooks.

use crate::harness;
use crate::harness::api::{Api, is_ready, text};
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::anvil::Anvil;
use testkit::{free_port, http};

/// Timeout of every wait.
const TIMEOUT_MS: u64 = 20_000;

pub(super) struct Environment {
    pub(super) node: Anvil,
    pub(super) api: Api,
    pub(super) webhooks: http::Server,
    pub(super) treasury: String,
    pub(super) alice: String,
    pub(super) token: String,
    pub(super) token_abi: Value,
    florin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Environment {
    /// Build the binary, start the node, create the database and the first API key, start the
    /// server.
    pub(super) fn start() -> Result<Self> {
        let florin = harness::build()?;
        let node = harness::node()?;
        let folder = tempfile::tempdir()?;
        let port = free_port();
        write_config(folder.path(), port, &node)?;
        let api = Api {
            address: format!("127.0.0.1:{port}"),
            key: String::new(),
            timeout: Duration::from_millis(TIMEOUT_MS),
        };
        let mut environment = Self {
            node,
            api,
            webhooks: http::Server::start(),
            treasury: String::new(),
            alice: String::new(),
            token: String::new(),
            token_abi: testkit::artifact("DemoCallToken").abi,
            florin,
            folder,
            port,
            server: None,
        };
        let output = run::read(environment.command().args(["init", "--json"]))?;
        let output: Value = serde_json::from_str(&output).context(output)?;
        environment.api.key = text(&output, "apiKey")?;
        environment.start_server(&[])?;
        Ok(environment)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.florin);
        command
            .current_dir(self.folder.path())
            .env_remove("FLORIN_CONFIG");
        command
    }

    /// The log file of the server.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.path().join("florin.log")
    }

    /// Start the server and wait until it is ready. Returns the time that took.
    pub(super) fn start_server(&mut self, env: &[(&str, &str)]) -> Result<Duration> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let started = Instant::now();
        let mut command = self.command();
        command
            .arg("serve")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.server = Some(command.spawn()?);
        let address = self.api.address.clone();
        self.until("the server is ready", || is_ready(&address))?;
        Ok(started.elapsed())
    }

    /// Kill the server (SIGKILL).
    pub(super) fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    /// Wait until a condition holds.
    pub(super) fn until(
        &self,
        description: &str,
        mut condition: impl FnMut() -> bool,
    ) -> Result<()> {
        ensure!(
            testkit::wait_until(TIMEOUT_MS, &mut condition),
            "timeout after {TIMEOUT_MS} ms: {description}"
        );
        Ok(())
    }

    /// Wait until a submission has this state. Returns the submission.
    pub(super) fn until_state(&self, id: &str, state: &str) -> Result<Value> {
        let mut last = Value::Null;
        let waited = self.until(&format!("{id} is {state}"), || {
            last = self
                .api
                .get(&format!("/submissions/{id}"))
                .unwrap_or(Value::Null);
            last["state"] == state
        });
        waited.with_context(|| format!("last response: {last}"))?;
        Ok(last)
    }

    /// Mine until a submission is final.
    pub(super) fn mine_until_final(&self, id: &str) -> Result<Value> {
        self.until_state(id, "accepted")?;
        self.node.mine(1);
        self.until_state(id, "mined")?;
        self.node.mine(3);
        self.until_state(id, "final")
    }

    /// Submit a call of the token, signed by the treasury. Returns the id of the submission.
    pub(super) fn submit_token_call(&self, method: &str, params: &Value) -> Result<String> {
        let body = json!({
            "signer": self.treasury, "to": self.token, "abi": self.token_abi, "method": method, "params": params,
        });
        text(&self.api.post("/submissions", &body)?, "id")
    }

    /// Tokens of an account, according to the chain.
    pub(super) fn tokens(&self, account: &str) -> Result<u128> {
        harness::judge::tokens(&self.node, &self.token, account)
    }

    /// A file in the folder of the environment.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Run a command of the binary.
    pub(super) fn florin(&self, arguments: &[&str]) -> Result<String> {
        run::read(self.command().args(arguments))
    }

    /// Print commands to try, and wait until the server exits.
    pub(super) fn leave_running(mut self) -> Result<()> {
        let (url, key) = (format!("http://127.0.0.1:{}", self.port), &self.api.key);
        println!("\nThe server runs at {url} (API documentation: {url}/docs). Things to try:\n");
        println!("  export FLORIN_URL={url} FLORIN_API_KEY={key}");
        println!(
            "  {0} submission list\n  {0} chain list\n  {0} policy decisions",
            self.florin.display()
        );
        println!("  curl -H \"Authorization: Bearer $FLORIN_API_KEY\" $FLORIN_URL/api/v1/balances");
        println!(
            "  curl -H \"Authorization: Bearer $FLORIN_API_KEY\" $FLORIN_URL/api/v1/transfers"
        );
        println!("  chain: {}\n\nStop with Ctrl-C.", self.node.url());
        if let Some(mut server) = self.server.take() {
            server.wait()?;
        }
        Ok(())
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn write_config(folder: &Path, port: u16, node: &Anvil) -> Result<()> {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[outbound]\nallow = [\"127.0.0.1\"]\n[submit]\nretry_backoff_ms = 100\nrebroadcast_ms = 2000\n{}",
        harness::chain_settings(node, 2),
    );
    Ok(std::fs::write(folder.join("florin.toml"), config)?)
}
