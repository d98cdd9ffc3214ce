//! A real Open Policy Agent server on a free loopback port: what it says about a document is what
//! a policy means.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Response, read_response, send};
use crate::{ChildOptions, ChildProcess, free_port, wait_until};

/// Path of the binary; takes precedence over all other locations.
const PROGRAM: &str = "FLORIN_OPA";
/// Start attempts: another process may take the free port first.
const TRIES: u32 = 5;
const READY_MS: u64 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub struct Opa {
    address: String,
    child: ChildProcess,
    _home: TempDir,
}

/// A connection to a server, for many requests in a row.
#[derive(Debug)]
pub struct OpaConnection {
    address: String,
    stream: BufReader<TcpStream>,
}

/// Start a server; returns `None` and counts the test as skipped if OPA is not installed.
///
/// # Panics
/// If OPA is installed and does not start, or is not installed and `FLORIN_REQUIRE_REAL=1`.
pub fn start() -> Option<Opa> {
    let program = program()?;
    let mut log = String::new();
    for _ in 0..TRIES {
        match try_start(&program) {
            Ok(opa) => return Some(opa),
            Err(output) => log = output,
        }
    }
    panic!("opa did not start, {TRIES} times: {log}")
}

/// The binary, or `None`, and the test is counted as skipped, if OPA is not installed.
///
/// # Panics
/// If it is not installed and `FLORIN_REQUIRE_REAL=1`.
pub fn program() -> Option<PathBuf> {
    let found = find();
    if found.is_none() {
        let why = "neither named by FLORIN_OPA, nor on the PATH, nor in ~/.cache/florin/tools/bin";
        crate::skip_missing("opa", why);
    }
    found
}

fn find() -> Option<PathBuf> {
    let configured = std::env::var_os(PROGRAM).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("opa"));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let tools = home.map(|home| home.join(".cache/florin/tools/bin/opa"));
    let mut all = configured.into_iter().chain(on_path).chain(tools);
    all.find(|path| path.is_file())
}

fn try_start(program: &Path) -> Result<Opa, String> {
    let home = tempfile::Builder::new()
        .prefix("florin-opa-")
        .tempdir()
        .expect("a temporary directory can be created");
    let log = home.path().join("log");
    let options = ChildOptions {
        log: Some(log.clone()),
        environment: vec![("HOME".to_owned(), home.path().as_os_str().to_owned())],
        remove: Some(home.path().to_owned()),
        ..ChildOptions::default()
    };
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [
        "run",
        "--server",
        "--disable-telemetry",
        "--log-level=error",
        "--addr",
        &address,
    ];
    let child = ChildProcess::start(&options, program.as_os_str(), &arguments);
    let mut opa = Opa {
        address,
        child: child.expect("a shell to start opa is available"),
        _home: home,
    };
    let mut alive = true;
    let responds = |opa: &Opa| {
        let health = send(&opa.address, "GET", "/health", &[], b"");
        health.is_ok_and(|response| response.status == 200)
    };
    let ready = wait_until(READY_MS, || {
        alive = opa.child.is_alive();
        !alive || responds(&opa)
    });
    match ready && alive {
        true => Ok(opa),
        false => Err(std::fs::read_to_string(log).unwrap_or_default()),
    }
}

impl Opa {
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Send a signal by name: `STOP`, `CONT`, `KILL`.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        self.child.signal(name)
    }

    /// A new connection.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub fn connect(&self) -> OpaConnection {
        OpaConnection {
            address: self.address.clone(),
            stream: stream(&self.address).expect("opa accepts connections"),
        }
    }
}

fn stream(address: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

impl OpaConnection {
    /// Store a document under an id, replacing the one before; the error is OPA's refusal.
    ///
    /// # Errors
    /// OPA's messages, if it refuses the document.
    ///
    /// # Panics
    /// If the server does not respond.
    pub fn put(&mut self, id: &str, document: &str) -> Result<(), String> {
        let response = self.send("PUT", &format!("/v1/policies/{id}"), document.as_bytes());
        match response.status {
            200 => Ok(()),
            _ => Err(response.json().to_string()),
        }
    }

    /// The value at a path for an input; `None` if it is undefined.
    ///
    /// # Errors
    /// OPA's message, if the evaluation fails.
    ///
    /// # Panics
    /// If the server does not respond.
    pub fn value(&mut self, path: &str, input: &Value) -> Result<Option<Value>, String> {
        self.value_of_text(path, &input.to_string())
    }

    /// [`OpaConnection::value`] for an input as JSON text.
    ///
    /// # Errors
    /// OPA's message, if the evaluation fails.
    ///
    /// # Panics
    /// If the server does not respond.
    pub fn value_of_text(&mut self, path: &str, input: &str) -> Result<Option<Value>, String> {
        let body = format!("{{\"input\":{input}}}");
        let response = self.send("POST", &format!("/v1/data/{path}"), body.as_bytes());
        match response.status {
            200 => Ok(response.json().get("result").cloned()),
            _ => Err(response.json().to_string()),
        }
    }

    fn send(&mut self, method: &str, target: &str, body: &[u8]) -> Response {
        match self.try_send(method, target, body) {
            Ok(response) => response,
            // An idle connection may have been closed.
            Err(_) => {
                self.stream = stream(&self.address).expect("opa accepts connections");
                let response = self.try_send(method, target, body);
                response.expect("opa responds")
            }
        }
    }

    fn try_send(&mut self, method: &str, target: &str, body: &[u8]) -> io::Result<Response> {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        read_response(&mut self.stream)
    }
}

/// The document that tells whether another one, `data.florin.judge`, permits.
pub const PERMIT: &str = "package judged\n\
    denied if some _ in data.florin.judge.deny\n\
    permit if {\n\tdata.florin.judge.allow == true\n\tnot denied\n}\n";

/// Whether a document in the package `florin.judge` permits an input, with [`PERMIT`] stored. An
/// error does not.
///
/// # Panics
/// If the server does not respond.
pub fn permits(opa: &mut OpaConnection, input: &str) -> bool {
    opa.value_of_text("judged/permit", input) == Ok(Some(json!(true)))
}
