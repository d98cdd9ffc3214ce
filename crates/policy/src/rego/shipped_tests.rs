//! The attack files of the shipped policies and the inputs recorded of a server. `opa test
//! policies` runs them on stock OPA.

use super::differential::permits;
use super::{Budget, Evaluation, Value};
use crate::document::{Compiled, Entry, compile};
use serde_json::Value as Json;
use std::time::Duration;

fn load(name: &str) -> Compiled {
    let path = testkit::workspace_root().join(format!("policies/{name}.rego"));
    compile(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a document permits. An error denies.
fn allows(document: &Compiled, input: &Json) -> bool {
    permits(document, &input.to_string()) == Ok(true)
}

/// The attack files by the name of their policy.
fn attack_files() -> Vec<(String, Json)> {
    let root = testkit::workspace_root().join("policies");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix("_attacks.json") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut file: Json = serde_json::from_str(&text).unwrap();
            files.push((name.to_owned(), file[format!("{name}_attacks")].take()));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

/// The document after operations of RFC 6902: `add`, `replace` and `remove`.
fn patched(base: &Json, patch: &Json) -> Json {
    let mut document = base.clone();
    for operation in patch.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        if path.is_empty() {
            return operation["value"].clone();
        }
        let (parent, last) = path.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match (operation["op"].as_str().unwrap(), parent) {
            ("remove", Json::Object(members)) => drop(members.remove(last).unwrap()),
            (_, Json::Object(members)) => {
                members.insert(last.to_owned(), operation["value"].clone());
            }
            (_, Json::Array(items)) => {
                items[last.parse::<usize>().unwrap()] = operation["value"].clone();
            }
            (op, other) => panic!("{op} of {path} in {other}"),
        }
    }
    document
}

#[test]
fn every_attack_on_a_shipped_policy_is_denied() {
    let mut problems = Vec::new();
    let files = attack_files();
    assert!(files.len() >= 6, "every shipped policy is attacked");
    for (name, file) in files {
        let shipped = load(&name);
        let mut expect = |why: &str, input: &Json, expected: bool| {
            let allowed = allows(&shipped, input);
            if allowed != expected {
                problems.push(format!("{name}: {why}: {allowed:?}"));
            }
        };
        expect("the base", &file["base"], true);
        for (list, expected) in [("permitted", true), ("attacks", false)] {
            let items = file[list].as_array().unwrap();
            assert!(expected || items.len() >= 10, "{name}");
            for item in items {
                let input = patched(&file["base"], &item["patch"]);
                expect(item["why"].as_str().unwrap(), &input, expected);
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The lookups in the log of a decision, under the names that the document gives them.
fn answers(document: &Compiled, recorded: &Json) -> Json {
    let Some(rule) = document.rule(Entry::Lookups) else {
        return serde_json::json!({});
    };
    let input: Value = serde_json::from_str(&recorded["input"].to_string()).unwrap();
    let budget = Budget {
        steps: 100_000,
        bytes: 32 * 1024 * 1024,
        time: Duration::from_secs(10),
    };
    let requested = Evaluation::new(&document.program, input, budget).value(rule);
    let requested = requested.unwrap().unwrap().to_json().unwrap();
    let log = recorded["lookups"].as_array().unwrap();
    let answer = |request: &Json| {
        let is_it =
            |entry: &&Json| entry["from"] == request["from"] && entry["args"] == request["args"];
        log.iter().find(is_it).map(|entry| entry["answer"].clone())
    };
    let members = requested.as_object().unwrap().iter();
    members
        .filter_map(|(id, request)| Some((id.clone(), answer(request)?)))
        .collect()
}

#[test]
fn every_recorded_input_has_the_outcome_of_the_server() {
    let folder = testkit::workspace_root().join("policies/recorded");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap();
        for (name, cases) in file.as_object().unwrap() {
            let shipped = load(name);
            for recorded in cases.as_array().unwrap() {
                let mut input = recorded["input"].clone();
                input["lookups"] = answers(&shipped, recorded);
                let expected = recorded["permitted"].as_bool().unwrap();
                let case = &recorded["case"];
                assert_eq!(allows(&shipped, &input), expected, "{name}: {case}");
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count} inputs are recorded");
}
