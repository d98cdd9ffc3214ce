//! How the binary behaves towards who runs it, and towards who connects to it.

use crate::house::{FLORIN, House};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_made_is_for_its_owner_alone() {
    let house = House::new(None, "");
    let process = house.serve();
    house.good(&process, "GET", "/wallets", &serde_json::Value::Null);
    let sealed = || house.path("seals.jsonl").exists();
    assert!(testkit::wait_until(20_000, sealed));
    for file in [
        "florin.db",
        "florin.db-wal",
        "florin.db.lock",
        "passphrase",
        "seal.key",
        "seals.jsonl",
    ] {
        let mode = std::fs::metadata(house.path(file))
            .unwrap_or_else(|_| panic!("{file}"))
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_reader_may_go_away() {
    let house = House::new(None, "");
    let lines = [
        ["completion", "bash"],
        ["completion", "fish"],
        ["init", "--json"],
        ["init", "--new-key"],
    ];
    for line in lines {
        let mut command = Command::new(FLORIN);
        command
            .arg("--config")
            .arg(house.path("florin.toml"))
            .args(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{line:?}: {told}");
    }
}

#[test]
fn programs_are_told_in_json() {
    let house = House::new(None, "");
    assert_eq!(house.json(&["migrate", "--json"])["migrated"], true);
    let store = &house.json(&["config", "--json"])["store"];
    assert_eq!(
        (store["engine"].as_str(), store["readers"].as_i64()),
        (Some("sqlite"), Some(4))
    );
    assert!(house.json(&["verify", "--json"])["partitions"].is_array());
    let process = house.serve();
    for line in [["api", "GET", "status"], ["api", "GET", "/status"]] {
        assert_eq!(
            house.json(&[&line[..], &["--json", "--url", &process.url()]].concat())["status"],
            "ok"
        );
    }
}

#[test]
fn what_hinders_is_told_with_what_helps() {
    let house = House::new(None, "");
    let told = said(&house.run(&["submission", "list", "--url", "http://127.0.0.1:1"]));
    assert!(
        told.contains("http://127.0.0.1:1 does not answer: Connection refused"),
        "{told}"
    );
    assert!(told.contains("florin serve"), "{told}");

    let process = house.serve();
    let second = house.try_serve(&[]).err().unwrap();
    assert!(second.contains("another process uses"), "{second}");
    let told = said(&house.run(&["submission", "show", "a b/c?d#e", "--url", &process.url()]));
    assert!(told.contains("id: expected an id"), "{told}");
    let told = said(&house.run(&["task", "run", "../wallets", "--url", &process.url()]));
    assert!(told.contains("there is no task \"../wallets\""), "{told}");

    let other = House::new(None, "");
    let listen = [("FLORIN__SERVER__LISTEN", process.address.as_str())];
    let taken = other.try_serve(&listen).err().unwrap();
    assert!(taken.contains("choose another server.listen"), "{taken}");
    process.stop();

    let refused = house
        .try_serve(&[("FLORIN__LOG__FILTER", "!!,=")])
        .err()
        .unwrap();
    assert!(refused.contains("log.filter"), "{refused}");
    let phrase = [
        ("FLORIN__SECRETS__FROM", "env"),
        ("FLORIN_PASSPHRASE", "another"),
    ];
    let refused = house.try_serve(&phrase).err().unwrap();
    assert!(
        refused.contains(
            "is the passphrase in the environment's FLORIN_PASSPHRASE that of this database?"
        ),
        "{refused}"
    );
}

/// Each holds a connection and gives nothing: all are sent away, and who asks properly is served
/// meanwhile.
#[test]
fn who_connects_and_says_nothing_is_sent_away() {
    let house = House::new(None, "");
    let process = house.serve();
    let begun = Instant::now();
    let silent = ["", "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "].map(|head| {
        let mut stream = std::net::TcpStream::connect(&process.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(40)))
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    house.good(&process, "GET", "/wallets", &serde_json::Value::Null);
    for mut stream in silent {
        let mut rest = Vec::new();
        assert!(
            stream.read_to_end(&mut rest).is_ok(),
            "still open after {:?}",
            begun.elapsed()
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
}
