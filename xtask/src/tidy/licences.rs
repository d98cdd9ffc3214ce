//! Licences, bans and sources of dependencies comply with `deny.toml`, checked without extra tools.

use std::collections::BTreeSet;

use testkit::workspace_root;

use super::spdx::is_allowed;
use super::tree::Tree;
use super::{Finding, layers};
use crate::run;

const LOCK: &str = "Cargo.lock";
const NPM_LOCKS: &str = "package-lock.json";

/// The lists of `deny.toml` that are checked.
#[derive(Debug, Default)]
struct Rules {
    licences: Vec<String>,
    banned: Vec<String>,
    registries: Vec<String>,
}

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>, String> {
    let rules = rules(tree.text("deny.toml").ok_or("deny.toml is missing")?)?;
    let mut findings = lock(&rules, tree.text(LOCK).ok_or("Cargo.lock is missing")?)?;
    findings.extend(licences(&rules, &dependencies()?));
    let npm = tree.files().filter(|file| file.name() == NPM_LOCKS);
    findings.extend(npm.flat_map(|file| npm_lock(&rules, &file.path, &file.text)));
    Ok(findings)
}

fn rules(deny: &str) -> Result<Rules, String> {
    let deny = layers::parse("deny.toml", deny)?;
    let list = |table: &str, key: &str| {
        deny.get(table)
            .and_then(|t| t.get(key))
            .and_then(toml::Value::as_array)
            .cloned()
    };
    let texts = |list: Option<Vec<toml::Value>>, key: Option<&str>| -> Vec<String> {
        let value =
            |entry: &toml::Value| key.map_or(Some(entry.clone()), |key| entry.get(key).cloned());
        list.unwrap_or_default()
            .iter()
            .filter_map(|entry| Some(value(entry)?.as_str()?.to_owned()))
            .collect()
    };
    let rules = Rules {
        licences: texts(list("licenses", "allow"), None),
        banned: texts(list("bans", "deny"), Some("crate")),
        registries: texts(list("sources", "allow-registry"), None),
    };
    let is_complete =
        !rules.licences.is_empty() && !rules.banned.is_empty() && !rules.registries.is_empty();
    if is_complete {
        Ok(rules)
    } else {
        Err("deny.toml lacks a list of licences, bans or registries".to_owned())
    }
}

/// Check bans and sources in the lock file, which lists the packages of every feature and platform.
fn lock(rules: &Rules, lock: &str) -> Result<Vec<Finding>, String> {
    let lock = layers::parse(LOCK, lock)?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut findings = Vec::new();
    for package in &packages {
        let text = |key: &str| {
            package
                .get(key)
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
        };
        let (name, source) = (text("name"), text("source"));
        if rules.banned.iter().any(|banned| banned == name) {
            findings.push(Finding::new(
                LOCK,
                0,
                format!("{name} is banned by deny.toml"),
            ));
        }
        // A package without a source is a workspace member.
        let known = rules
            .registries
            .iter()
            .any(|registry| source == format!("registry+{registry}"));
        if !source.is_empty() && !known {
            findings.push(Finding::new(LOCK, 0, format!("{name} comes from {source}")));
        }
    }
    Ok(findings)
}

/// The packages that are built, with their licences: `name vVERSION …|EXPRESSION` lines.
fn dependencies() -> Result<String, String> {
    let mut cargo = run::cargo();
    cargo.args([
        "tree",
        "--workspace",
        "--locked",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ]);
    run::read(cargo.current_dir(workspace_root()))
}

fn licences(rules: &Rules, tree: &str) -> Vec<Finding> {
    let lines: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect();
    let forbidden = lines.into_iter().filter_map(|line| {
        let (package, licence) = line.rsplit_once('|').unwrap_or((line, ""));
        (!is_allowed(licence, &rules.licences))
            .then(|| Finding::new(LOCK, 0, format!("{package} is licensed {licence:?}")))
    });
    forbidden.collect()
}

/// Check an npm lock file: its licences, and that it names no registry, since each machine uses its
/// own.
fn npm_lock(rules: &Rules, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
    {
        if text.starts_with("\"resolved\":") {
            findings.push(Finding::new(path, line, "names a registry"));
        }
        let licence = text
            .strip_prefix("\"license\": \"")
            .and_then(|rest| rest.split('"').next());
        if licence.is_some_and(|licence| !is_allowed(licence, &rules.licences)) {
            findings.push(Finding::new(
                path,
                line,
                format!("a package is licensed {}", licence.unwrap_or_default()),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_rules() -> Rules {
        rules("licenses.allow = ['MIT']\nbans.deny = [{ crate = 'openssl' }]\nsources.allow-registry = ['https://a']")
            .expect("rules")
    }

    #[test]
    fn incomplete_rules_are_rejected() {
        assert!(rules("licenses.allow = ['MIT']").is_err());
        assert!(
            rules("licenses.allow = 'MIT'\nbans.deny = []\nsources.allow-registry = []").is_err()
        );
    }

    #[test]
    fn banned_packages_and_unknown_sources_are_found_in_the_lock_file() {
        let package = |name: &str, source: &str| {
            format!("[[package]]\nname = '{name}'\nversion = '1.0.0'\n{source}\n")
        };
        let good = package("ours", "") + &package("openssl-probe", "source = 'registry+https://a'");
        assert_eq!(lock(&test_rules(), &good).expect("a lock"), []);
        let bad = package("openssl", "source = 'registry+https://a'")
            + &package("fork", "source = 'git+https://a#1'")
            + &package("other", "source = 'registry+https://a.evil'");
        assert_eq!(lock(&test_rules(), &bad).expect("a lock").len(), 3);
    }

    #[test]
    fn forbidden_or_missing_licences_are_found_once() {
        let tree = "a v1|MIT\nb v1 (proc-macro)|GPL-3.0\nb v1 (proc-macro)|GPL-3.0 (*)\nc v1|\n\nd v1|MIT OR GPL-3.0\n";
        assert_eq!(licences(&test_rules(), tree).len(), 2);
        let npm = "{\n \"license\": \"MIT\",\n \"license\": \"GPL-3.0\",\n \"resolved\": \"https://x\"\n}";
        assert_eq!(npm_lock(&test_rules(), "package-lock.json", npm).len(), 2);
    }
}
