//! Changing the default chain of a namespace while processes run.

use crate::installation::{Installation, Process};
use serde_json::{Value, json};
use testkit::{postgres, wait_until};

/// No node listens here: default chains work without one.
const CHAINS: &str = r#"
[[chains]]
preset = "anvil"
number = 31337
url = "http://127.0.0.1:9"

[[chains]]
preset = "anvil"
number = 31338
url = "http://127.0.0.1:9"
"#;

/// The chain of a new binding that names none.
fn default_chain(installation: &Installation, process: &Process, name: &str) -> Value {
    let path = format!("/bindings/{name}");
    installation.request_ok(process, "PUT", &path, &json!({}));
    installation.request_ok(process, "GET", &path, &Value::Null)["chain"].take()
}

fn set_default_chain(installation: &Installation, process: &Process, chain: &str) {
    installation.request_ok(
        process,
        "PUT",
        "/namespaces/current",
        &json!({ "defaultChain": chain }),
    );
}

#[test]
fn a_default_chain_applies_from_the_next_request() {
    let installation = Installation::new(None, CHAINS);
    let process = installation.serve();
    assert_eq!(default_chain(&installation, &process, "a"), "eip155:31337");
    set_default_chain(&installation, &process, "eip155:31338");
    assert_eq!(default_chain(&installation, &process, "b"), "eip155:31338");
    process.kill();
    let process = installation.serve();
    assert_eq!(default_chain(&installation, &process, "c"), "eip155:31338");
    process.stop();
}

#[test]
fn init_warns_of_a_namespace_without_a_default_chain() {
    let warning = |config| {
        let installation = Installation::new(None, config);
        let output = installation.run(&["init", "--namespace", "acme"]);
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(warning("").contains("warning: namespace acme has no default chain"));
    assert!(!warning(CHAINS).contains("warning"));
}

#[test]
fn other_processes_apply_it_without_a_restart() {
    let Some(database) = postgres::fresh_database() else {
        return;
    };
    let installation = Installation::new(Some(database), CHAINS);
    let (first, second) = (installation.serve(), installation.serve());
    assert_eq!(default_chain(&installation, &second, "a"), "eip155:31337");
    set_default_chain(&installation, &first, "eip155:31338");
    let mut number = 0;
    let applied = wait_until(10_000, || {
        number += 1;
        default_chain(&installation, &second, &format!("b{number}")) == "eip155:31338"
    });
    assert!(applied);
}
