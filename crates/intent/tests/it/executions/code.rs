//! The code of the contracts that are executed.

use intent::Interface;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use testkit::workspace_root;

/// A compiled contract.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    /// Creates the contract; arguments of the constructor follow.
    pub(crate) bytecode: String,
    /// The types of the constructor's arguments, in parentheses.
    pub(crate) constructor: String,
    pub(crate) functions: Functions,
}

/// The functions of a contract.
#[derive(Debug, Clone)]
pub(crate) struct Functions {
    pub(crate) signatures: BTreeSet<String>,
    /// As a registry has it; none if the package of the contract has none.
    pub(crate) interface: Option<Interface>,
}

/// A contract of `contracts/executions`.
pub(crate) fn own(name: &str) -> Code {
    artifact(&workspace_root().join(format!("contracts/executions/artifacts/{name}.json")))
}

/// A contract of the installed OpenZeppelin package.
pub(crate) fn openzeppelin(name: &str) -> Code {
    let folder = "contracts/node_modules/@openzeppelin/contracts/build/contracts";
    artifact(&workspace_root().join(format!("{folder}/{name}.json")))
}

/// A contract of a published package, from `contracts/corpus/bytecodes.jsonl`.
pub(crate) fn published(name: &str) -> Code {
    let found = PUBLISHED
        .iter()
        .flatten()
        .find(|item| item["contract"] == name);
    code(found.unwrap_or_else(|| panic!("there is no bytecode of {name}")))
}

/// Whether the published packages were collected.
pub(crate) fn has_published() -> bool {
    PUBLISHED.is_some()
}

static PUBLISHED: LazyLock<Option<Vec<Value>>> = LazyLock::new(|| {
    let file = workspace_root().join("contracts/corpus/bytecodes.jsonl");
    let text = std::fs::read_to_string(file).ok()?;
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
});

fn artifact(file: &Path) -> Code {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    code(&serde_json::from_str(&text).unwrap())
}

fn code(artifact: &Value) -> Code {
    let entries = || artifact["abi"].as_array().unwrap().iter();
    let functions = entries().filter(|entry| entry["type"] == "function");
    let constructor = entries().find(|entry| entry["type"] == "constructor");
    let signatures: BTreeSet<String> = functions
        .map(|entry| format!("{}{}", entry["name"].as_str().unwrap(), types(entry)))
        .collect();
    let interface = (!signatures.is_empty()).then(|| Interface::new(artifact["abi"].to_string()));
    Code {
        bytecode: artifact["bytecode"].as_str().unwrap().to_owned(),
        constructor: constructor.map_or_else(|| "()".to_owned(), types),
        functions: Functions {
            signatures,
            interface,
        },
    }
}

fn types(entry: &Value) -> String {
    let inputs = entry["inputs"].as_array().into_iter().flatten();
    format!("({})", inputs.map(ty).collect::<Vec<_>>().join(","))
}

fn ty(input: &Value) -> String {
    let ty = input["type"].as_str().unwrap();
    match ty.strip_prefix("tuple") {
        Some(rest) => {
            let members = input["components"].as_array().into_iter().flatten();
            format!(
                "({}){rest}",
                members.map(self::ty).collect::<Vec<_>>().join(",")
            )
        }
        None => ty.to_owned(),
    }
}
