//! Migrations of all crates form one sequence: `NNNN_<crate>….sql`, each number once.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates: BTreeSet<&str> = tree.files().filter_map(|file| file.crate_name()).collect();
    let mut numbers = BTreeSet::new();
    let mut findings = Vec::new();
    for file in tree
        .files()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with(".sql"))
    {
        let parts = file.name().trim_end_matches(".sql").split_once('_');
        let (number, owner) = parts.unwrap_or_default();
        if number.len() != 4 || !number.chars().all(|c| c.is_ascii_digit()) {
            findings.push(Finding::new(
                &file.path,
                0,
                "the name does not start with a four-digit number",
            ));
        } else if !numbers.insert(number) {
            findings.push(Finding::new(
                &file.path,
                0,
                format!("migration {number} exists twice"),
            ));
        }
        if !crates.contains(owner.split('_').next().unwrap_or_default()) {
            findings.push(Finding::new(
                &file.path,
                0,
                "the name does not contain the crate that owns the tables",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_names_contain_a_crate() {
        let good = ("crates/store/src/lib.rs", "");
        let count_findings = |files: &[(&str, &str)]| check(&Tree::of(files)).len();
        assert_eq!(
            count_findings(&[
                good,
                ("migrations/0001_store.sql", ""),
                ("migrations/0002_store_index.sql", "")
            ]),
            0
        );
        assert_eq!(
            count_findings(&[
                good,
                ("migrations/0001_store.sql", ""),
                ("migrations/0001_store_b.sql", "")
            ]),
            1
        );
        assert_eq!(
            count_findings(&[
                good,
                ("migrations/1_store.sql", ""),
                ("migrations/0002_other.sql", "")
            ]),
            2
        );
    }
}
