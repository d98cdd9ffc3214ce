//! The Rego that ships with Florin, run by regorus. The same files pass `opa test policies` and
//! `opa check --strict policies`.

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Value};
use std::path::PathBuf;

fn engine() -> (Engine, Vec<String>) {
    let root = testkit::workspace_root().join("policies");
    let mut engine = Engine::new();
    let mut tests = Vec::new();
    for folder in [root.clone(), root.join("lib")] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|ext| ext == "rego"))
        {
            let text = std::fs::read_to_string(file).unwrap();
            let package = engine
                .add_policy(file.display().to_string(), text.clone())
                .unwrap();
            let names = text.lines().filter(|line| line.starts_with("test_"));
            tests.extend(
                names.map(|line| format!("{package}.{}", line.split_whitespace().next().unwrap())),
            );
        }
    }
    for (name, file) in attack_files() {
        let data = serde_json::json!({ format!("{name}_attacks"): file });
        engine
            .add_data(Value::from_json_str(&data.to_string()).unwrap())
            .unwrap();
    }
    (engine, tests)
}

/// The attack files by the name of their policy.
pub(crate) fn attack_files() -> Vec<(String, serde_json::Value)> {
    let root = testkit::workspace_root().join("policies");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix("_attacks.json") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
            files.push((name.to_owned(), file[format!("{name}_attacks")].take()));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
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

/// The library's own tests again, compiled, because that is how policies run. (The compiler does
/// not support `with`, which other tests use.)
#[test]
fn the_library_passes_compiled() {
    let (mut engine, tests) = engine();
    let mut passed = 0;
    for test in tests {
        let policy = engine
            .compile_with_entrypoint(&test.as_str().into())
            .unwrap();
        let program = match Compiler::compile_from_policy(&policy, &[&test]) {
            Err(error)
                if error
                    .to_string()
                    .contains("`with` keyword is not supported") =>
            {
                continue;
            }
            program => program.unwrap(),
        };
        let mut vm = RegoVM::new();
        vm.set_max_instructions(1_000_000);
        vm.load_program(program);
        assert_eq!(
            vm.execute_entry_point_by_name(&test),
            Ok(Value::from(true)),
            "{test}"
        );
        passed += 1;
    }
    assert_eq!(passed, 8);
}
