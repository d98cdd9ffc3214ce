//! Migrations of all crates form one sequence: `NNNN_<crate>….sql`, each number once. The list that
//! `store` applies has each, in this order. A released migration never changes:
//! `migrations/SHA256SUMS` has the hash of each, as `sha256sum` writes it.

use std::collections::BTreeSet;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::Finding;
use super::tree::{File, Tree};
use crate::run;
use testkit::workspace_root;

const FOLDER: &str = "migrations/";
const SUMS: &str = "migrations/SHA256SUMS";
/// The source with the list of migrations to apply.
const APPLIED: &str = "crates/store/src/migrate.rs";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates: BTreeSet<&str> = tree.files().filter_map(|file| file.crate_name()).collect();
    let mut numbers = BTreeSet::new();
    let mut findings = Vec::new();
    for file in migrations(tree) {
        let parts = file.name().trim_end_matches(".sql").split_once('_');
        let (number, owner) = parts.unwrap_or_default();
        let mut finding = |message: &str| findings.push(Finding::new(&file.path, 0, message));
        if !is_numbered(number) {
            finding("the name does not start with a four-digit number");
        } else if !numbers.insert(number) {
            finding(&format!("migration {number} exists twice"));
        }
        if !crates.contains(owner.split('_').next().unwrap_or_default()) {
            finding("the name does not contain the crate that owns the tables");
        }
    }
    findings.extend(
        tree.text(APPLIED)
            .into_iter()
            .flat_map(|source| unapplied(tree, source)),
    );
    findings.extend(
        tree.text(SUMS)
            .into_iter()
            .flat_map(|sums| changed(tree, sums)),
    );
    findings
}

/// Whether the list of `store` differs from the files in their order.
fn unapplied(tree: &Tree, source: &str) -> Option<Finding> {
    let mut files: Vec<&str> = migrations(tree)
        .map(|file| file.name().trim_end_matches(".sql"))
        .collect();
    files.sort_unstable();
    let texts = source.split('"').skip(1).step_by(2);
    let names: Vec<&str> = texts.filter(|text| is_numbered(text)).collect();
    (names != files).then(|| {
        let message = "MIGRATIONS does not list each file of migrations/ in order";
        Finding::new(APPLIED, 0, message)
    })
}

fn is_numbered(name: &str) -> bool {
    let number = name.split('_').next().unwrap_or_default();
    number.len() == 4 && number.chars().all(|c| c.is_ascii_digit())
}

fn migrations(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files()
        .filter(|file| file.path.starts_with(FOLDER) && file.path.ends_with(".sql"))
}

/// Migrations that differ from their hash or have none, and hashes of migrations that are missing.
fn changed(tree: &Tree, sums: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    for (index, line) in sums.lines().enumerate() {
        let (hash, name) = line.split_once("  ").unwrap_or_default();
        let path = format!("{FOLDER}{name}");
        match tree.text(&path) {
            None => findings.push(Finding::new(SUMS, index + 1, format!("{path} is missing"))),
            Some(text) if sha256(text) != hash => findings.push(Finding::new(
                &path,
                0,
                "a released migration was changed: add a migration instead",
            )),
            Some(_) => {}
        }
        listed.insert(path);
    }
    let unlisted = migrations(tree).filter(|file| !listed.contains(&file.path));
    findings.extend(unlisted.map(|file| {
        let message = "add its hash: (cd migrations && sha256sum *.sql > SHA256SUMS)";
        Finding::new(&file.path, 0, message)
    }));
    findings
}

/// Hashes that the history of the repository had and no longer has: the list only grows. Sources
/// outside a repository have no history.
pub(super) fn history(tree: &Tree) -> Vec<Finding> {
    let root = workspace_root();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&root).args(arguments);
        run::read(command.args(["--unified=0", "--", SUMS]))
    };
    let patches = || Ok(git(&["log", "--patch", "--format="])? + &git(&["diff", "HEAD"])?);
    let unread = |error: anyhow::Error| vec![Finding::new(SUMS, 0, format!("{error:#}"))];
    let mut findings = match root.join(".git").exists() {
        true => patches().map_or_else(unread, |patches| removed(&patches)),
        false => Vec::new(),
    };
    let missing = tree.text(SUMS).is_none();
    findings.extend(missing.then(|| Finding::new(SUMS, 0, "the list of hashes is missing")));
    findings
}

fn removed(patches: &str) -> Vec<Finding> {
    let lines = patches.lines().filter_map(|line| line.strip_prefix('-'));
    let hashes = lines.filter(|line| !line.starts_with("--"));
    let finding = |line| {
        let message = format!("a released migration was changed or removed: {line}");
        Finding::new(SUMS, 0, message)
    };
    hashes.map(finding).collect()
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATE: (&str, &str) = ("crates/store/src/lib.rs", "");

    fn count(files: &[(&str, &str)]) -> usize {
        check(&Tree::of(&[&[CRATE], files].concat())).len()
    }

    #[test]
    fn numbers_are_unique_and_names_contain_a_crate() {
        let first = ("migrations/0001_store.sql", "");
        assert_eq!(count(&[first, ("migrations/0002_store_index.sql", "")]), 0);
        assert_eq!(count(&[first, ("migrations/0001_store_b.sql", "")]), 1);
        let misnamed = ("migrations/1_store.sql", "");
        assert_eq!(count(&[misnamed, ("migrations/0002_other.sql", "")]), 2);
    }

    #[test]
    fn the_store_applies_each_migration_in_order() {
        let files = [
            ("migrations/0001_store.sql", ""),
            ("migrations/0002_store.sql", ""),
        ];
        let (first, second) = ("0001_store", "0002_store");
        for (names, expected) in [
            (vec![first, second], 0),
            (vec![first], 1),
            (vec![second, first], 1),
            (vec![first, second, "0003_store"], 1),
        ] {
            let source = format!("migrations!{names:?}");
            let findings = count(&[files[0], files[1], (APPLIED, &source)]);
            assert_eq!(findings, expected, "{names:?}");
        }
    }

    #[test]
    fn a_listed_migration_does_not_change_and_none_is_missing() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sums = format!("{abc}  0001_store.sql\n");
        let sums = (SUMS, sums.as_str());
        let first = ("migrations/0001_store.sql", "abc");
        assert_eq!(count(&[first, sums]), 0);
        assert_eq!(count(&[("migrations/0001_store.sql", "abd"), sums]), 1);
        assert_eq!(count(&[first, ("migrations/0002_store.sql", ""), sums]), 1);
        assert_eq!(count(&[sums]), 1);
    }

    #[test]
    fn a_hash_that_was_ever_listed_stays() {
        let added =
            "--- /dev/null\n+++ b/migrations/SHA256SUMS\n@@ -0,0 +1 @@\n+ba78  0001_store.sql\n";
        assert!(removed(added).is_empty());
        let changed = "--- a/migrations/SHA256SUMS\n@@ -1 +1 @@\n-ba78  0001_store.sql\n+cb79  0001_store.sql\n";
        assert_eq!(removed(changed).len(), 1);
    }
}
