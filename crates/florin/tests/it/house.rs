//! The one door of the stories: a folder with a configuration, a database, and processes of the
//! binary.

use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::http::{Response, send};
use testkit::postgres::{self, Database};
use testkit::{Leash, Tether, free_port, wait_until};

pub(crate) const FLORIN: &str = env!("CARGO_BIN_EXE_florin");
const READY_MS: u64 = 60_000;

pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    /// None on SQLite.
    pub(crate) database: Option<Database>,
    /// An administrator's key of the operators' namespace.
    pub(crate) key: String,
}

/// A process that serves.
pub(crate) struct Process {
    pub(crate) address: String,
    pub(crate) log: PathBuf,
    leash: Leash,
}

/// Run a story on SQLite, and on PostgreSQL where there is one.
pub(crate) fn on_each_engine(story: impl Fn(House)) {
    story(House::new(None, ""));
    if let Some(database) = postgres::fresh_database() {
        story(House::new(Some(database), ""));
    }
}

impl House {
    /// On this database, with more lines of configuration.
    pub(crate) fn new(database: Option<Database>, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let store = match &database {
            None => format!("engine = \"sqlite\"\npath = {:?}", at("florin.db")),
            Some(database) => format!(
                "engine = \"postgres\"\nurl = {:?}\nlease_ms = 2000",
                database.url()
            ),
        };
        let text = format!(
            "[store]\n{store}\n[secrets]\nfile = {:?}\n[seal]\nexport = {:?}\nkey_file = {:?}\n{more}",
            at("passphrase"),
            at("seals.jsonl"),
            at("seal.key")
        );
        std::fs::write(folder.path().join("florin.toml"), text).unwrap();
        let mut house = Self {
            folder,
            database,
            key: String::new(),
        };
        let made = house.json(&["init", "--json"]);
        house.key = made["apiKey"].as_str().unwrap().to_owned();
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Run a command of the binary.
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

    /// Run a command that must succeed, and read the JSON that it says.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Start a process that serves, and wait until it is ready.
    pub(crate) fn serve(&self) -> Process {
        self.try_serve(&[]).unwrap()
    }

    /// The same with more of the environment; why it ended, if it did.
    pub(crate) fn try_serve(&self, environment: &[(&str, &str)]) -> Result<Process, String> {
        let address = format!("127.0.0.1:{}", free_port());
        let log = self.path(&format!("{}.log", address.replace(':', "-")));
        let mut variables = vec![("FLORIN__SERVER__LISTEN".to_owned(), address.clone().into())];
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.into())),
        );
        let tether = Tether {
            log: Some(log.clone()),
            environment: variables,
            ..Tether::default()
        };
        let config = self.path("florin.toml");
        let arguments = [
            OsStr::new("--config"),
            config.as_os_str(),
            OsStr::new("serve"),
        ];
        let mut leash = Leash::start(&tether, OsStr::new(FLORIN), &arguments).unwrap();
        let mut alive = true;
        let ready = wait_until(READY_MS, || {
            alive = leash.is_alive();
            !alive
                || send(&address, "GET", "/readyz", &[], &[])
                    .is_ok_and(|answer| answer.status == 200)
        });
        if ready && alive {
            Ok(Process {
                address,
                log,
                leash,
            })
        } else {
            Err(read(&log))
        }
    }

    /// Ask a process.
    pub(crate) fn ask(
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

    /// Ask what must be answered well.
    pub(crate) fn good(&self, process: &Process, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(process, method, path, body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {text}",
            answer.status
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

impl Process {
    /// End it from one instruction to the next.
    pub(crate) fn kill(self) {
        self.leash.kill().unwrap();
    }

    /// Let it end in order.
    pub(crate) fn stop(self) {
        drop(self.leash);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
