//! The workspace lists the crates in flow order, and each crate depends only on lower tiers, never
//! on its own. `verify` depends on no crate of the workspace, and only tests depend on `testkit`.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::{File, Tree};

/// The crates in the order in which the workspace lists them.
const FLOW: &[&str] = &[
    "api",
    "workflow",
    "policy",
    "keys",
    "submit",
    "chain",
    "index",
    "data",
    "streams",
    "contracts",
    "outbound",
    "secrets",
    "store",
    "store-derive",
    "intent",
    "types",
    "schema-aliases",
    "fail",
    "telemetry",
    "florin",
    "verify",
    "testkit",
];

/// The tier of each crate: it may depend on lower tiers.
const TIERS: &[(&str, u32)] = &[
    ("types", 0),
    ("schema-aliases", 0),
    ("fail", 0),
    ("telemetry", 1),
    ("store-derive", 0),
    ("store", 2),
    ("intent", 1),
    ("outbound", 1),
    ("chain", 2),
    ("secrets", 3),
    ("policy", 4),
    ("keys", 4),
    ("data", 4),
    ("streams", 4),
    ("contracts", 4),
    ("index", 5),
    ("submit", 6),
    ("workflow", 7),
    ("api", 8),
    ("florin", 9),
];

const VERIFIER: &str = "verify";
const FOR_TESTS: &str = "testkit";
/// Prefix of the EVM libraries, and the crates that may depend on them.
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

/// Check that the workspace lists every crate, in flow order.
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
    let mut expected: Vec<&str> = manifests(tree).filter_map(File::crate_name).collect();
    let mut findings = Vec::new();
    for name in expected.iter().filter(|name| !FLOW.contains(name)) {
        findings.push(Finding::new(
            "Cargo.toml",
            0,
            format!("crates/{name} is not in the flow: see xtask/src/tidy/layers.rs"),
        ));
    }
    expected.sort_by_key(|name| FLOW.iter().position(|known| known == name));
    if listed != expected {
        findings.push(Finding::new(
            "Cargo.toml",
            0,
            format!("the members are not in flow order, expected: {expected:?}"),
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
    let violations = dependencies(&manifest, root)
        .into_iter()
        .filter_map(|dependency| violation(name, &dependency));
    violations
        .map(|message| Finding::new(&file.path, 0, message))
        .collect()
}

fn violation(name: &str, dependency: &str) -> Option<String> {
    if dependency.starts_with(EVM.0) {
        let is_forbidden = !EVM.1.contains(&name) && name != FOR_TESTS;
        return is_forbidden
            .then(|| format!("{name} depends on {dependency}: only {:?} may", EVM.1));
    }
    if !FLOW.contains(&dependency) {
        return None;
    }
    let is_allowed = match (name, dependency) {
        (VERIFIER, _) | (_, FOR_TESTS) => false,
        (FOR_TESTS, _) | ("florin", VERIFIER) => true,
        _ => tier(name)
            .zip(tier(dependency))
            .is_some_and(|(own, other)| other < own),
    };
    (!is_allowed).then(|| format!("{name} may not depend on {dependency}"))
}

fn tier(name: &str) -> Option<u32> {
    TIERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, tier)| *tier)
}

/// The package names of all dependencies except dev-dependencies, on any platform, aliases
/// resolved.
fn dependencies(manifest: &toml::Table, root: &toml::Table) -> Vec<String> {
    let shared = root
        .get("workspace")
        .and_then(|w| w.get("dependencies"))
        .and_then(toml::Value::as_table);
    let platforms = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::values);
    let tables = std::iter::once(manifest).chain(platforms.filter_map(toml::Value::as_table));
    let mut names = BTreeMap::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies"] {
            for (alias, specification) in table
                .get(kind)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten()
            {
                names.insert(real_name(alias, specification, shared), ());
            }
        }
    }
    names.into_keys().collect()
}

fn real_name(alias: &str, specification: &toml::Value, shared: Option<&toml::Table>) -> String {
    let package = |specification: &toml::Value| {
        specification
            .get("package")
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    let from_root = || package(shared?.get(alias)?);
    package(specification)
        .or_else(from_root)
        .unwrap_or_else(|| alias.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = ['crates/data', 'crates/store', 'crates/types', 'xtask']\n[workspace.dependencies]\nquiet = { path = 'crates/store', package = 'store' }";

    fn messages(data: &str) -> Vec<String> {
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
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn dependencies_on_lower_tiers_and_dev_dependencies_are_accepted() {
        assert_eq!(
            messages(
                "[dependencies]\nstore.workspace = true\nserde = '1'\n[dev-dependencies]\ntestkit.workspace = true\nkeys = '1'"
            ),
            [""; 0]
        );
    }

    #[test]
    fn dependencies_on_the_same_or_higher_tiers_are_rejected() {
        assert_eq!(
            messages("[dependencies]\nkeys.workspace = true"),
            ["data may not depend on keys"]
        );
        assert_eq!(
            messages("[dependencies]\nharmless = { path = '../api', package = 'api' }"),
            ["data may not depend on api"]
        );
        assert_eq!(
            messages("[target.'cfg(unix)'.build-dependencies]\nsubmit.workspace = true"),
            ["data may not depend on submit"]
        );
        assert_eq!(
            messages("[dependencies]\ntestkit.workspace = true"),
            ["data may not depend on testkit"]
        );
        assert_eq!(
            messages("[dependencies]\np = { version = '1', package = 'alloy-primitives' }").len(),
            1
        );
    }

    #[test]
    fn workspace_aliases_are_resolved() {
        let table = parse("x", "[dependencies]\nquiet.workspace = true").expect("TOML");
        assert_eq!(
            dependencies(&table, &parse("x", ROOT).expect("TOML")),
            ["store"]
        );
    }

    #[test]
    fn the_verifier_depends_on_no_crate_of_the_workspace() {
        assert!(violation("verify", "types").is_some());
        assert!(violation("verify", "sha2").is_none());
        assert!(violation("florin", "verify").is_none());
        assert!(violation("api", "verify").is_some());
        assert!(violation("intent", "store").is_some());
    }

    #[test]
    fn members_must_be_all_crates_in_flow_order() {
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
                .message
                .contains("is not in the flow")
        );
    }
}
