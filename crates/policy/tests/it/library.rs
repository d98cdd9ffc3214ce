//! The Rego that comes with Florin, run by regorus. The same files pass `opa test policies` and `opa check --strict policies`.

use regorus::{Engine, Value};
use std::path::PathBuf;

fn engine() -> (Engine, Vec<String>) {
    let root = testkit::workspace_root().join("policies");
    let mut engine = Engine::new();
    let mut tests = Vec::new();
    for folder in [root.clone(), root.join("lib")] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "rego")) {
            let text = std::fs::read_to_string(file).unwrap();
            let package = engine.add_policy(file.display().to_string(), text.clone()).unwrap();
            let names = text.lines().filter(|line| line.starts_with("test_"));
            tests.extend(names.map(|line| format!("{package}.{}", line.split_whitespace().next().unwrap())));
        }
    }
    (engine, tests)
}

#[test]
fn every_rego_test_passes() {
    let (mut engine, tests) = engine();
    assert!(tests.len() >= 20, "{tests:?}");
    let failed: Vec<String> = tests
        .into_iter()
        .filter(|test| !matches!(engine.eval_rule(test.clone()), Ok(value) if value == Value::from(true)))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
