//! What is built without asking for places to fail has none. The release build is looked through by
//! `cargo xtask release`, which also finds the places' names absent; an unoptimised build keeps
//! them as arguments of a function that does nothing.

use crate::house::{FLORIN, House};
use serde_json::{Value, json};
use testkit::{wait_until, workspace_root};

/// Put together here, so that the name stands whole in nothing that is looked through.
fn variable() -> String {
    ["FLORIN", "FAIL"].join("_")
}

fn knows(file: &str, word: &str) -> bool {
    String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains(word)
}

/// Every place that the documentation lists.
fn places() -> Vec<String> {
    let text = std::fs::read_to_string(workspace_root().join("docs/fail-points.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(place, _)| place.to_owned())
        .filter(|place| place.contains('.'))
        .collect()
}

#[test]
fn the_binary_does_not_know_the_variable_that_breaks_it() {
    assert!(
        !knows(FLORIN, &variable()),
        "{FLORIN} was built with places to fail"
    );
    // The search finds what is there: another variable of the same binary.
    assert!(knows(FLORIN, "FLORIN_CONFIG"));
}

#[test]
fn a_process_that_is_told_to_break_everywhere_does_its_work() {
    let places = places();
    assert!(places.len() > 10, "{places:?}");
    let orders = places
        .iter()
        .map(|place| format!("{place}:abort"))
        .collect::<Vec<_>>()
        .join(",");
    let house = House::new(None, "");
    let process = house.try_serve(&[(&variable(), &orders)]).unwrap();
    house.good(&process, "PUT", "/tasks/t", &json!({}));
    let steps = json!({ "steps": [{ "name": "a", "type": "jsonata_template", "options": { "template": "1" } }] });
    house.good(&process, "POST", "/tasks/t/versions", &steps);
    let run = house.good(&process, "POST", "/tasks/t/runs", &json!({ "input": {} }));
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    let mut last = Value::Null;
    let through = wait_until(30_000, || {
        last = house.good(&process, "GET", &path, &Value::Null);
        last["state"] == "succeeded"
    });
    assert!(through, "{last}");
    process.stop();
}
