//! The stage: a real node, the binary on SQLite in a folder of its own, and an application that is
//! told what happens.

use crate::run;
use crate::stage;
use crate::stage::api::{Api, is_ready, text};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::anvil::Anvil;
use testkit::{free_port, http};

/// Nothing of the story takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Stage {
    pub(super) node: Anvil,
    pub(super) api: Api,
    pub(super) hooks: http::Server,
    pub(super) treasury: String,
    pub(super) alice: String,
    pub(super) token: String,
    pub(super) token_abi: Value,
    florin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Stage {
    /// Build the binary, start the node, make the database and its first key, start the server.
    pub(super) fn open() -> Result<Self, String> {
        let florin = stage::build()?;
        let node = stage::node()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = free_port();
        write_config(folder.path(), port, &node)?;
        let api = Api {
            address: format!("127.0.0.1:{port}"),
            key: String::new(),
            patience: PATIENCE,
        };
        let mut stage = Self {
            node,
            api,
            hooks: http::Server::start(),
            treasury: String::new(),
            alice: String::new(),
            token: String::new(),
            token_abi: testkit::artifact("DemoToken").abi,
            florin,
            folder,
            port,
            server: None,
        };
        let made = run::read(stage.command().args(["init", "--json"]))?;
        let made: Value =
            serde_json::from_str(&made).map_err(|error| format!("{made}: {error}"))?;
        stage.api.key = text(&made, "apiKey")?;
        stage.start(&[])?;
        Ok(stage)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.florin);
        command
            .current_dir(self.folder.path())
            .env_remove("FLORIN_CONFIG");
        command
    }

    /// Where the server writes its log.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.path().join("florin.log")
    }

    /// Start the server and wait until it is ready; how long that took.
    pub(super) fn start(&mut self, env: &[(&str, &str)]) -> Result<Duration, String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(|error| error.to_string())?;
        let at = Instant::now();
        let mut command = self.command();
        command
            .arg("serve")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.server = Some(command.spawn().map_err(|error| error.to_string())?);
        let address = self.api.address.clone();
        self.until("the server is ready", || is_ready(&address))?;
        Ok(at.elapsed())
    }

    /// kill -9.
    pub(super) fn kill(&mut self) -> Result<(), String> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        server
            .kill()
            .and_then(|()| server.wait())
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Wait until something is so.
    pub(super) fn until(&self, what: &str, mut so: impl FnMut() -> bool) -> Result<(), String> {
        let limit = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        if testkit::wait_until(limit, &mut so) {
            Ok(())
        } else {
            Err(format!("not within {PATIENCE:?}: {what}"))
        }
    }

    /// Wait until a submission stands there; the submission.
    pub(super) fn until_state(&self, id: &str, state: &str) -> Result<Value, String> {
        let mut last = Value::Null;
        let waited = self.until(&format!("{id} is {state}"), || {
            last = self
                .api
                .get(&format!("/submissions/{id}"))
                .unwrap_or(Value::Null);
            last["state"] == state
        });
        waited.map_err(|why| format!("{why}; it is {last}"))?;
        Ok(last)
    }

    /// Mine until a submission is final.
    pub(super) fn mine_until_final(&self, id: &str) -> Result<Value, String> {
        self.until_state(id, "accepted")?;
        self.node.mine(1);
        self.until_state(id, "mined")?;
        self.node.mine(3);
        self.until_state(id, "final")
    }

    /// Ask for a call of the token by the treasury; the submission's id.
    pub(super) fn token_call(&self, method: &str, params: &Value) -> Result<String, String> {
        let body = json!({
            "signer": self.treasury, "to": self.token, "abi": self.token_abi, "method": method, "params": params,
        });
        text(&self.api.post("/submissions", &body)?, "id")
    }

    /// A file in the stage's folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Run the binary's command line.
    pub(super) fn florin(&self, arguments: &[&str]) -> Result<String, String> {
        run::read(self.command().args(arguments))
    }

    /// Say what can be tried, and wait for the server to end.
    pub(super) fn leave_running(mut self) -> crate::Outcome {
        let (url, key) = (format!("http://127.0.0.1:{}", self.port), &self.api.key);
        println!("\nThe server runs at {url} (its API by hand: {url}/docs). Things to try:\n");
        println!("  export FLORIN_URL={url} FLORIN_API_KEY={key}");
        println!(
            "  {0} submission list\n  {0} chain list\n  {0} policy decisions",
            self.florin.display()
        );
        println!("  curl -H \"Authorization: Bearer $FLORIN_API_KEY\" $FLORIN_URL/api/v1/balances");
        println!(
            "  curl -H \"Authorization: Bearer $FLORIN_API_KEY\" $FLORIN_URL/api/v1/transfers"
        );
        println!("  the chain: {}\n\nEnd it with Ctrl-C.", self.node.url());
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        server.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn write_config(folder: &Path, port: u16, node: &Anvil) -> Result<(), String> {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[outbound]\nallow = [\"127.0.0.1\"]\n[submit]\nretry_ms = 100\nresubmit_ms = 2000\n{}",
        stage::chain_settings(node, 2),
    );
    std::fs::write(folder.join("florin.toml"), config).map_err(|error| error.to_string())
}
