//! OPA's own compliance cases, from its source as Go's module cache has it.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a report, and the settings of a run by hand"
)]

use super::{Budget, Evaluation, Value};
use crate::rego::{Library, Module, link, parse};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment variable with the folder of the cases.
const CASES: &str = "FLORIN_OPA_CASES";

#[derive(serde::Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    note: String,
    query: String,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    data: Json,
    #[serde(default)]
    input: Json,
    input_term: Option<String>,
    #[serde(default)]
    strict_error: bool,
    want_result: Option<Vec<BTreeMap<String, Json>>>,
}

/// How a case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Equal,
    /// No value where OPA has one: the document is refused, or the evaluation fails.
    Stricter,
    /// Needs data, another query, or a setting of OPA.
    NotComparable,
    Different,
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os(CASES).map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let module = "go/pkg/mod/github.com/open-policy-agent/opa@v1.22.0/v1/test/cases/testdata/v1";
    let cached = home.map(|home| home.join(module));
    named.or(cached).filter(|folder| folder.is_dir())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

fn end(case: &Case) -> End {
    let path = case
        .query
        .strip_suffix(" = x")
        .filter(|path| path.starts_with("data."));
    let has_data = case.data.as_object().is_some_and(|data| !data.is_empty());
    // Policies always have an input.
    let uses_input = |text: &String| text.contains("input");
    let is_without_input = case.input.is_null() && case.modules.iter().any(uses_input);
    let (Some(path), None) = (path, &case.input_term) else {
        return End::NotComparable;
    };
    if has_data || is_without_input || case.strict_error {
        return End::NotComparable;
    }
    let modules: Result<Vec<Module>, _> = case.modules.iter().map(|text| parse(text)).collect();
    let Ok(modules) = modules else {
        return End::Stricter;
    };
    let modules: Vec<&Module> = modules.iter().collect();
    let Ok(program) = link(&modules, Library::Native) else {
        return End::Stricter;
    };
    let Some(group) = program.groups.iter().position(|group| group.name == path) else {
        return End::NotComparable;
    };
    let Ok(input) = serde_json::from_value::<Value>(case.input.clone()) else {
        return End::Stricter;
    };
    let budget = Budget {
        steps: 1_000_000,
        bytes: 64 * 1024 * 1024,
        time: Duration::from_secs(10),
    };
    let value = Evaluation::new(&program, input, budget).value(group);
    let wanted = case.want_result.as_ref().and_then(|result| result.first());
    let wanted = wanted.and_then(|result| result.get("x"));
    match (value, wanted) {
        (Err(_), _) => End::Stricter,
        (Ok(None), None) => End::Equal,
        // JSON has no such keys.
        (Ok(Some(value)), _) if value.to_json().is_err() => End::NotComparable,
        // A set is an array in the case, in any order.
        (Ok(Some(value)), Some(wanted))
            if sorted(&value.to_json().unwrap_or_default()) == sorted(wanted) =>
        {
            End::Equal
        }
        _ => End::Different,
    }
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(sorted).collect();
            items.sort_by_key(Json::to_string);
            Json::Array(items)
        }
        Json::Object(fields) => {
            let fields: BTreeMap<String, Json> = fields
                .iter()
                .map(|(key, item)| (key.clone(), sorted(item)))
                .collect();
            serde_json::to_value(fields).unwrap()
        }
        Json::Number(number) => Json::from(number.as_f64().unwrap()),
        other => other.clone(),
    }
}

#[test]
#[ignore = "needs OPA's source: `cargo xtask bench policy --differential`"]
fn compliance_cases_are_equal_or_stricter() {
    let Some(folder) = folder() else {
        testkit::skip_missing("opa", "its source is not in Go's module cache");
        return;
    };
    let mut counts: BTreeMap<End, usize> = BTreeMap::new();
    let mut different = Vec::new();
    for path in files(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(file) = serde_saphyr::from_str::<File>(&text) else {
            continue;
        };
        for case in file.cases {
            let end = end(&case);
            *counts.entry(end).or_default() += 1;
            if end == End::Different {
                different.push(case.note);
            }
        }
    }
    println!("{counts:?}");
    assert_eq!(different, Vec::<String>::new());
}
