//! `cargo xtask tidy`: what the compiler does not check. Runs as a test too, so that `cargo test`
//! covers it.
//!
//! A check is a function from the repository's files to findings, in a file of its own, tried on
//! small trees that break its rule. A new check is a line in [`CHECKS`].

mod codes;
mod errors;
mod evm;
mod examples;
mod folders;
mod layers;
mod lengths;
mod licences;
mod migrations;
mod points;
mod routes;
mod spdx;
mod sql;
mod tokens;
mod tree;
mod words;

use testkit::workspace_root;

use crate::Outcome;

use tree::Tree;

/// Something that breaks a rule: where, and what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1; 0 where the whole file is meant.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// From all files to what breaks a rule.
type Check = fn(&Tree) -> Vec<Finding>;

/// The rules that follow from the files alone, each with the words for it.
const CHECKS: &[(&str, Check)] = &[
    (
        "crates stand in the order of the flow and depend downwards only",
        layers::check,
    ),
    ("no crate enables places to fail", points::check),
    ("SQL stands in table files only", sql::check),
    ("no EVM type outside modules named evm", evm::check),
    (
        "each error code has a page, each page a code",
        errors::check,
    ),
    ("a crate holds its own folder's code only", folders::check),
    ("no example in documentation goes unrun", examples::check),
    (
        "files have at most 600 lines (tests: 800), functions 80",
        lengths::check,
    ),
    ("each route declares the permission it needs", routes::check),
    (
        "migrations are numbered and name their crate",
        migrations::check,
    ),
    ("the repository speaks of the project alone", words::check),
];

pub(crate) fn run() -> Outcome {
    let tree = Tree::read(&workspace_root())?;
    let mut count = 0;
    for (rule, check) in CHECKS {
        count += tell(rule, check(&tree));
    }
    count += tell(
        "licences, bans and sources of dependencies are as deny.toml allows",
        licences::check(&tree)?,
    );
    if count == 0 {
        Ok(())
    } else {
        Err(format!("{count} findings"))
    }
}

fn tell(rule: &str, mut findings: Vec<Finding>) -> usize {
    findings.sort();
    println!(
        "{} {rule}",
        if findings.is_empty() { "ok  " } else { "FAIL" }
    );
    findings
        .iter()
        .for_each(|finding| println!("       {finding}"));
    findings.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let tree = Tree::read(&workspace_root()).expect("a readable checkout");
        assert!(tree.files().count() > 50, "the walk found the repository");
        let findings: Vec<String> = CHECKS
            .iter()
            .flat_map(|(rule, check)| {
                check(&tree)
                    .into_iter()
                    .map(move |finding| format!("{rule}: {finding}"))
            })
            .collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn dependencies_are_as_deny_toml_allows() {
        let tree = Tree::read(&workspace_root()).expect("a readable checkout");
        let findings = licences::check(&tree).expect("cargo tree");
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
