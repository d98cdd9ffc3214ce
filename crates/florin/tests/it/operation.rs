//! Behavior toward operators and clients: file modes, output, error messages, silent connections.

use crate::installation::{FLORIN, Installation};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn error_output(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn created_files_are_private() {
    let installation = Installation::new(None, "");
    let process = installation.serve();
    installation.request_ok(&process, "GET", "/wallets", &serde_json::Value::Null);
    let exported = || installation.path("tree-heads.jsonl").exists();
    assert!(testkit::wait_until(20_000, exported));
    for file in [
        "florin.db",
        "florin.db-wal",
        "florin.db.lock",
        "passphrase",
        "tree-head.key",
        "tree-heads.jsonl",
    ] {
        let mode = std::fs::metadata(installation.path(file))
            .unwrap_or_else(|_| panic!("{file}"))
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let installation = Installation::new(None, "");
    let commands = [
        ["completion", "bash"],
        ["completion", "fish"],
        ["init", "--json"],
        ["init", "--new-key"],
    ];
    for arguments in commands {
        let mut command = Command::new(FLORIN);
        command
            .arg("--config")
            .arg(installation.path("florin.toml"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut error = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut error)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}: {error}");
    }
}

#[test]
fn a_list_is_kept_from_the_command_line() {
    let installation = Installation::new(None, "");
    let process = installation.serve();
    let url = process.url();
    let list = |arguments: &[&str]| {
        installation.json(&[&["list"], arguments, &["--json", "--url", &url]].concat())
    };
    let account = "0x00000000000000000000000000000000000b0b00";
    let chain = "eip155:1";
    list(&["put", "suppliers", "--kind", "account", "--cooling-ms", "0"]);
    let added = list(&[
        "add",
        "suppliers",
        account,
        "--chain",
        chain,
        "--note",
        "Bob",
    ]);
    let entries = list(&["entries", "suppliers"]);
    assert_eq!(entries["items"], added["items"]);
    assert_eq!(list(&["list"])["items"][0]["entries"], 1);
    list(&[
        "remove",
        "suppliers",
        added["items"][0]["id"].as_str().unwrap(),
    ]);
    assert_eq!(list(&["entries", "suppliers"])["count"], 0);

    list(&["put", "calls", "--kind", "call"]);
    let call = list(&["add", "calls", account, "pause()", "--chain", chain]);
    assert_eq!(call["items"][0]["selector"], "0x8456cb59");
}

#[test]
fn commands_print_json() {
    let installation = Installation::new(None, "");
    assert_eq!(installation.json(&["migrate", "--json"])["migrated"], true);
    let store = &installation.json(&["config", "--json"])["store"];
    assert_eq!(
        (store["engine"].as_str(), store["readers"].as_i64()),
        (Some("sqlite"), Some(4))
    );
    assert!(installation.json(&["verify", "--json"])["partitions"].is_array());
    let process = installation.serve();
    for arguments in [["api", "GET", "status"], ["api", "GET", "/status"]] {
        assert_eq!(
            installation.json(&[&arguments[..], &["--json", "--url", &process.url()]].concat())["status"],
            "ok"
        );
    }
}

/// Options of the client come before or after the command, and tables have the chosen columns.
#[test]
fn lists_are_tables_with_the_columns_of_their_resource() {
    let installation = Installation::new(None, "");
    let process = installation.serve();
    let wallet = json!({ "name": "treasury", "kind": "org" });
    installation.request_ok(&process, "POST", "/wallets", &wallet);
    let url = process.url();
    let table = |arguments: &[&str]| {
        let output = installation.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let header = |table: &str| {
        let words = table.lines().nth(1).unwrap_or_default().split_whitespace();
        let words = words.filter(|word| word.chars().all(char::is_alphabetic));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let wallets = table(&["--url", &url, "key", "wallets"]);
    assert_eq!(
        header(&wallets),
        ["name", "kind", "backend", "origin", "created"]
    );
    assert!(wallets.contains("treasury"), "{wallets}");
    let by_route = table(&["api", "GET", "/wallets", "--url", &url]);
    assert_eq!(by_route, wallets);
    let chosen = table(&["key", "wallets", "--columns", "kind,name", "--url", &url]);
    assert_eq!(header(&chosen), ["kind", "name"]);
}

#[test]
fn errors_come_with_a_hint() {
    let installation = Installation::new(None, "");
    let error =
        error_output(&installation.run(&["submission", "list", "--url", "http://127.0.0.1:1"]));
    assert!(
        error.contains("http://127.0.0.1:1 is not reachable: Connection refused"),
        "{error}"
    );
    assert!(error.contains("florin serve"), "{error}");

    let process = installation.serve();
    let second = installation.try_serve(&[]).err().unwrap();
    assert!(second.contains("another process uses"), "{second}");
    let error = error_output(&installation.run(&[
        "submission",
        "show",
        "a b/c?d#e",
        "--url",
        &process.url(),
    ]));
    assert!(error.contains("id: expected an id"), "{error}");
    let error =
        error_output(&installation.run(&["task", "run", "../wallets", "--url", &process.url()]));
    assert!(error.contains("there is no task \"../wallets\""), "{error}");

    let url = process.url();
    let columns = ["key", "wallets", "--columns", "nmae", "--url", &url];
    installation.request_ok(
        &process,
        "POST",
        "/wallets",
        &json!({ "name": "w", "kind": "org" }),
    );
    let error = error_output(&installation.run(&columns));
    assert!(error.contains("no column \"nmae\""), "{error}");
    let error = error_output(&installation.run(&["--api-key", "", "task", "list"]));
    assert!(
        error.contains("pass --api-key or set FLORIN_API_KEY"),
        "{error}"
    );
    let error = error_output(&installation.run(&["task", "push", "t", "/none", "--url", &url]));
    assert_eq!(
        error,
        "error: /none: No such file or directory (os error 2)\n"
    );

    let other = Installation::new(None, "");
    let listen = [("FLORIN__SERVER__LISTEN", process.address.as_str())];
    let error = other.try_serve(&listen).err().unwrap();
    assert!(error.contains("choose another server.listen"), "{error}");
    process.stop();

    let error = installation
        .try_serve(&[("FLORIN__LOG__FILTER", "!!,=")])
        .err()
        .unwrap();
    assert!(error.contains("log.filter"), "{error}");
    let environment = [
        ("FLORIN__SECRETS__SOURCE", "env"),
        ("FLORIN_PASSPHRASE", "another"),
    ];
    let error = installation.try_serve(&environment).err().unwrap();
    assert!(
        error.contains(
            "does the passphrase in the environment variable FLORIN_PASSPHRASE belong to this database?"
        ),
        "{error}"
    );
}

/// Connections that send no complete request are closed; other requests are served meanwhile.
#[test]
fn silent_connections_are_closed() {
    let installation = Installation::new(None, "");
    let process = installation.serve();
    let started = Instant::now();
    let silent = ["", "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "].map(|partial_request| {
        let mut stream = std::net::TcpStream::connect(&process.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(40)))
            .unwrap();
        stream.write_all(partial_request.as_bytes()).unwrap();
        stream
    });
    installation.request_ok(&process, "GET", "/wallets", &serde_json::Value::Null);
    for mut stream in silent {
        let mut rest = Vec::new();
        assert!(
            stream.read_to_end(&mut rest).is_ok(),
            "still open after {:?}",
            started.elapsed()
        );
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}
