//! A build without the feature `fail-points` has no fail points. `cargo xtask release` checks the
//! release build, including the names of the fail points; an unoptimized build keeps the names as
//! arguments of an empty function.

use crate::installation::{FLORIN, Installation};
use serde_json::{Value, json};
use testkit::{wait_until, workspace_root};

/// Assembled at run time, so that the name is not in the test binary.
fn variable() -> String {
    ["FLORIN", "FAIL"].join("_")
}

fn contains(file: &str, text: &str) -> bool {
    String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains(text)
}

/// Every documented fail point.
fn fail_points() -> Vec<String> {
    let text = std::fs::read_to_string(workspace_root().join("docs/fail-points.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(point, _)| point.to_owned())
        .filter(|point| point.contains('.'))
        .collect()
}

#[test]
fn the_binary_does_not_contain_the_variable() {
    assert!(
        !contains(FLORIN, &variable()),
        "{FLORIN} was built with fail points"
    );
    // The search works: it finds another variable of the same binary.
    assert!(contains(FLORIN, "FLORIN_CONFIG"));
}

#[test]
fn a_process_ignores_the_variable() {
    let fail_points = fail_points();
    assert!(fail_points.len() > 10, "{fail_points:?}");
    let actions = fail_points
        .iter()
        .map(|point| format!("{point}:abort"))
        .collect::<Vec<_>>()
        .join(",");
    let installation = Installation::new(None, "");
    let process = installation.try_serve(&[(&variable(), &actions)]).unwrap();
    installation.request_ok(&process, "PUT", "/tasks/t", &json!({}));
    let steps = json!({ "steps": [{ "name": "a", "type": "jsonata_template", "options": { "template": "1" } }] });
    installation.request_ok(&process, "POST", "/tasks/t/versions", &steps);
    let run = installation.request_ok(&process, "POST", "/tasks/t/runs", &json!({ "input": {} }));
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    let mut last = Value::Null;
    let through = wait_until(30_000, || {
        last = installation.request_ok(&process, "GET", &path, &Value::Null);
        last["state"] == "succeeded"
    });
    assert!(through, "{last}");
    process.stop();
}
