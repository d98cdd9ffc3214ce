//! The entry point of the tests: a folder with a configuration, a database, and processes of the
//! binary.

use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::http::{Response, send};
use testkit::postgres::{self, Database};
use testkit::{ChildOptions, ChildProcess, free_port, wait_until};

pub(crate) const FLORIN: &str = env!("CARGO_BIN_EXE_florin");
const READY_MS: u64 = 60_000;

pub(crate) struct Installation {
    pub(crate) folder: tempfile::TempDir,
    /// None on SQLite.
    pub(crate) database: Option<Database>,
    /// API key of an administrator of the operators' namespace.
    pub(crate) key: String,
}

/// A running `florin serve`.
pub(crate) struct Process {
    pub(crate) address: String,
    pub(crate) log: PathBuf,
    child: ChildProcess,
}

/// Run a test on SQLite, and on PostgreSQL if it is installed.
pub(crate) fn on_each_engine(test: impl Fn(Installation)) {
    test(Installation::new(None, ""));
    if let Some(database) = postgres::fresh_database() {
        test(Installation::new(Some(database), ""));
    }
}

impl Installation {
    /// Initialize an installation, with extra lines of configuration.
    pub(crate) fn new(database: Option<Database>, extra_config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path_text = |name: &str| folder.path().join(name).display().to_string();
        let store = match &database {
            None => format!("engine = \"sqlite\"\npath = {:?}", path_text("florin.db")),
            Some(database) => format!(
                "engine = \"postgres\"\nurl = {:?}\nlease_ms = 2000",
                database.url()
            ),
        };
        let text = format!(
            "[store]\n{store}\n[secrets]\nfile = {:?}\n[tree_head]\nexport = {:?}\nkey_file = {:?}\n{extra_config}",
            path_text("passphrase"),
            path_text("tree-heads.jsonl"),
            path_text("tree-head.key")
        );
        std::fs::write(folder.path().join("florin.toml"), text).unwrap();
        let mut installation = Self {
            folder,
            database,
            key: String::new(),
        };
        let output = installation.json(&["init", "--json"]);
        installation.key = output["apiKey"].as_str().unwrap().to_owned();
        installation
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Run a command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(FLORIN);
        command
            .arg("--config")
            .arg(self.path("florin.toml"))
            .args(arguments);
        command
            .env("FLORIN_API_KEY", &self.key)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Run a command that must succeed, and parse its JSON output.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Start `florin serve`, and wait until it is ready.
    pub(crate) fn serve(&self) -> Process {
        self.try_serve(&[]).unwrap()
    }

    /// Like `serve`, with extra environment variables. Returns the log if the process ends early.
    pub(crate) fn try_serve(&self, environment: &[(&str, &str)]) -> Result<Process, String> {
        let address = format!("127.0.0.1:{}", free_port());
        let log = self.path(&format!("{}.log", address.replace(':', "-")));
        let mut variables = vec![("FLORIN__SERVER__LISTEN".to_owned(), address.clone().into())];
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.into())),
        );
        let options = ChildOptions {
            log: Some(log.clone()),
            environment: variables,
            ..ChildOptions::default()
        };
        let config = self.path("florin.toml");
        let arguments = [
            OsStr::new("--config"),
            config.as_os_str(),
            OsStr::new("serve"),
        ];
        let mut child = ChildProcess::start(&options, OsStr::new(FLORIN), &arguments).unwrap();
        let mut alive = true;
        let ready = wait_until(READY_MS, || {
            alive = child.is_alive();
            !alive
                || send(&address, "GET", "/readyz", &[], &[])
                    .is_ok_and(|response| response.status == 200)
        });
        if ready && alive {
            Ok(Process {
                address,
                log,
                child,
            })
        } else {
            Err(read(&log))
        }
    }

    /// Send an API request to a process.
    pub(crate) fn request(
        &self,
        process: &Process,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Response {
        let bearer = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        send(
            &process.address,
            method,
            &format!("/api/v1{path}"),
            &headers,
            body.as_bytes(),
        )
        .unwrap()
    }

    /// Send a request that must succeed.
    pub(crate) fn request_ok(
        &self,
        process: &Process,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Value {
        let response = self.request(process, method, path, body);
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(
            (200..300).contains(&response.status),
            "{method} {path}: {} {text}",
            response.status
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

impl Process {
    /// Kill it (SIGKILL).
    pub(crate) fn kill(self) {
        self.child.kill().unwrap();
    }

    /// Stop it in order.
    pub(crate) fn stop(self) {
        drop(self.child);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
