//! The crates stand in the order of the flow, and each depends only on tiers below its own; those
//! of one tier never on each other. `verify` has none of our crates, and `testkit` is for tests.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::{File, Tree};

/// The stations in the order in which the workspace lists them.
const FLOW: &[&str] = &[
    "api", "workflow", "policy", "keys", "submit", "chain", "index", "data", "ledger", "streams",
    "store", "intent", "types", "fail", "florin", "verify", "rsm", "testkit",
];

/// How high each crate stands: it may use what stands lower.
const TIERS: &[(&str, u32)] = &[
    ("types", 0),
    ("fail", 0),
    ("store", 1),
    ("intent", 1),
    ("chain", 2),
    ("policy", 2),
    ("keys", 2),
    ("data", 2),
    ("ledger", 2),
    ("streams", 2),
    ("index", 3),
    ("submit", 4),
    ("workflow", 5),
    ("api", 6),
    ("florin", 7),
];

const VERIFIER: &str = "verify";
const FOR_TESTS: &str = "testkit";
/// The families whose types stay in modules named `evm`, and the crates that have such a module.
const EVM: (&str, &[&str]) = ("alloy", &["intent", "chain"]);

pub(super) fn parse(path: &str, text: &str) -> Result<toml::Table, String> {
    text.parse().map_err(|e| format!("{path}: {e}"))
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let root = tree.text("Cargo.toml").unwrap_or_default();
    let root = match parse("Cargo.toml", root) {
        Ok(root) => root,
        Err(why) => return vec![Finding::new("Cargo.toml", 0, why)],
    };
    let mut findings = members(tree, &root);
    for file in manifests(tree) {
        findings.extend(manifest(file, &root));
    }
    findings
}

fn manifests(tree: &Tree) -> impl Iterator<Item = &File> {
    let is_manifest = |file: &&File| {
        file.crate_name()
            .is_some_and(|name| file.path == format!("crates/{name}/Cargo.toml"))
    };
    tree.files().filter(is_manifest)
}

/// The workspace lists every crate, in the order of the flow.
fn members(tree: &Tree, root: &toml::Table) -> Vec<Finding> {
    let listed = root
        .get("workspace")
        .and_then(|w| w.get("members"))
        .and_then(toml::Value::as_array);
    let listed: Vec<&str> = listed
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    let listed: Vec<&str> = listed
        .iter()
        .filter_map(|member| member.strip_prefix("crates/"))
        .collect();
    let mut there: Vec<&str> = manifests(tree).filter_map(File::crate_name).collect();
    let mut findings = Vec::new();
    for name in there.iter().filter(|name| !FLOW.contains(name)) {
        findings.push(Finding::new(
            "Cargo.toml",
            0,
            format!("crates/{name} has no place in the flow: see xtask/src/tidy/layers.rs"),
        ));
    }
    there.sort_by_key(|name| FLOW.iter().position(|station| station == name));
    if listed != there {
        findings.push(Finding::new(
            "Cargo.toml",
            0,
            format!("the members are not the crates in the order of the flow: {there:?}"),
        ));
    }
    findings
}

fn manifest(file: &File, root: &toml::Table) -> Vec<Finding> {
    let name = file.crate_name().unwrap_or_default();
    let manifest = match parse(&file.path, &file.text) {
        Ok(manifest) => manifest,
        Err(why) => return vec![Finding::new(&file.path, 0, why)],
    };
    let refused = dependencies(&manifest, root)
        .into_iter()
        .filter_map(|dependency| refusal(name, &dependency));
    refused
        .map(|what| Finding::new(&file.path, 0, what))
        .collect()
}

fn refusal(name: &str, dependency: &str) -> Option<String> {
    if dependency.starts_with(EVM.0) {
        let elsewhere = !EVM.1.contains(&name) && name != FOR_TESTS;
        return elsewhere
            .then(|| format!("{name} depends on {dependency}: EVM stays in {:?}", EVM.1));
    }
    if !FLOW.contains(&dependency) {
        return None;
    }
    let may = match (name, dependency) {
        (VERIFIER, _) | (_, FOR_TESTS) => false,
        (FOR_TESTS, _) | ("florin", VERIFIER) => true,
        ("rsm", dependency) => ["types", "intent"].contains(&dependency),
        _ => tier(name)
            .zip(tier(dependency))
            .is_some_and(|(mine, other)| other < mine),
    };
    (!may).then(|| format!("{name} may not depend on {dependency}"))
}

fn tier(name: &str) -> Option<u32> {
    TIERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, tier)| *tier)
}

/// The real names of all dependencies that are not for tests, for any system, renamed or not.
fn dependencies(manifest: &toml::Table, root: &toml::Table) -> Vec<String> {
    let shared = root
        .get("workspace")
        .and_then(|w| w.get("dependencies"))
        .and_then(toml::Value::as_table);
    let systems = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::values);
    let tables = std::iter::once(manifest).chain(systems.filter_map(toml::Value::as_table));
    let mut names = BTreeMap::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies"] {
            for (alias, how) in table
                .get(kind)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten()
            {
                names.insert(real_name(alias, how, shared), ());
            }
        }
    }
    names.into_keys().collect()
}

fn real_name(alias: &str, how: &toml::Value, shared: Option<&toml::Table>) -> String {
    let package = |how: &toml::Value| {
        how.get("package")
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    let from_root = || package(shared?.get(alias)?);
    package(how)
        .or_else(from_root)
        .unwrap_or_else(|| alias.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = ['crates/data', 'crates/store', 'crates/types', 'xtask']\n[workspace.dependencies]\nquiet = { path = 'crates/store', package = 'store' }";

    fn whats(data: &str) -> Vec<String> {
        let files = [
            ("Cargo.toml", ROOT),
            ("crates/data/Cargo.toml", data),
            (
                "crates/store/Cargo.toml",
                "[dependencies]\ntypes.workspace = true",
            ),
            ("crates/types/Cargo.toml", ""),
        ];
        check(&Tree::of(&files))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn downwards_is_fine_and_tests_may_use_anything() {
        assert_eq!(
            whats(
                "[dependencies]\nstore.workspace = true\nserde = '1'\n[dev-dependencies]\ntestkit.workspace = true\nkeys = '1'"
            ),
            [""; 0]
        );
    }

    #[test]
    fn neither_sideways_nor_upwards_however_it_is_written() {
        assert_eq!(
            whats("[dependencies]\nkeys.workspace = true"),
            ["data may not depend on keys"]
        );
        assert_eq!(
            whats("[dependencies]\nharmless = { path = '../api', package = 'api' }"),
            ["data may not depend on api"]
        );
        assert_eq!(
            whats("[target.'cfg(unix)'.build-dependencies]\nsubmit.workspace = true"),
            ["data may not depend on submit"]
        );
        assert_eq!(
            whats("[dependencies]\ntestkit.workspace = true"),
            ["data may not depend on testkit"]
        );
        assert_eq!(
            whats("[dependencies]\np = { version = '1', package = 'alloy-primitives' }").len(),
            1
        );
    }

    #[test]
    fn an_alias_of_the_workspace_is_seen_through() {
        let table = parse("x", "[dependencies]\nquiet.workspace = true").expect("TOML");
        assert_eq!(
            dependencies(&table, &parse("x", ROOT).expect("TOML")),
            ["store"]
        );
    }

    #[test]
    fn the_verifier_has_none_of_ours() {
        assert!(refusal("verify", "types").is_some());
        assert!(refusal("verify", "sha2").is_none());
        assert!(refusal("florin", "verify").is_none());
        assert!(refusal("api", "verify").is_some());
        assert!(refusal("intent", "store").is_some());
    }

    #[test]
    fn members_are_all_crates_in_the_order_of_the_flow() {
        let swapped = ROOT.replace(
            "'crates/data', 'crates/store'",
            "'crates/store', 'crates/data'",
        );
        let files = [
            ("Cargo.toml", swapped.as_str()),
            ("crates/data/Cargo.toml", ""),
            ("crates/store/Cargo.toml", ""),
            ("crates/types/Cargo.toml", ""),
        ];
        assert_eq!(check(&Tree::of(&files)).len(), 1);
        let unknown = [
            ("Cargo.toml", "[workspace]\nmembers = ['crates/misc']"),
            ("crates/misc/Cargo.toml", ""),
        ];
        assert!(
            check(&Tree::of(&unknown))[0]
                .what
                .contains("no place in the flow")
        );
    }
}
