//! The chain that a namespace means where none is named, changed while processes run.

use crate::house::{House, Process};
use serde_json::{Value, json};
use testkit::{postgres, wait_until};

/// Nobody answers for these: what a namespace means is known without a node.
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

/// The chain of a binding that names none.
fn meant(house: &House, process: &Process, name: &str) -> Value {
    let path = format!("/bindings/{name}");
    house.good(process, "PUT", &path, &json!({}));
    house.good(process, "GET", &path, &Value::Null)["chain"].take()
}

fn change(house: &House, process: &Process, chain: &str) {
    house.good(
        process,
        "PUT",
        "/namespaces/current",
        &json!({ "defaultChain": chain }),
    );
}

#[test]
fn a_default_chain_counts_from_the_next_request() {
    let house = House::new(None, CHAINS);
    let process = house.serve();
    assert_eq!(meant(&house, &process, "a"), "eip155:31337");
    change(&house, &process, "eip155:31338");
    assert_eq!(meant(&house, &process, "b"), "eip155:31338");
    process.kill();
    let process = house.serve();
    assert_eq!(meant(&house, &process, "c"), "eip155:31338");
    process.stop();
}

#[test]
fn other_processes_learn_of_it_without_a_restart() {
    let Some(database) = postgres::fresh_database() else {
        return;
    };
    let house = House::new(Some(database), CHAINS);
    let (one, other) = (house.serve(), house.serve());
    assert_eq!(meant(&house, &other, "a"), "eip155:31337");
    change(&house, &one, "eip155:31338");
    let mut number = 0;
    let learnt = wait_until(10_000, || {
        number += 1;
        meant(&house, &other, &format!("b{number}")) == "eip155:31338"
    });
    assert!(learnt);
}
