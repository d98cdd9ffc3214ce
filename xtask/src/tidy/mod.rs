//! `cargo xtask tidy`: checks rules that the compiler does not. Also runs as a test, so that
//! `cargo test` covers it.
//!
//! A check is a function from the files of the repository to findings. Each check has its own file
//! with tests on small trees that violate its rule. To add a check, add a line to [`CHECKS`].

mod codes;
mod errors;
mod evm;
mod examples;
mod fail_points;
mod folders;
mod layers;
mod lengths;
mod licences;
mod migrations;
mod routes;
mod spdx;
mod sql;
mod tokens;
mod tree;
mod words;

use testkit::workspace_root;

use crate::Outcome;

use tree::Tree;

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1; 0 for the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Maps all files to the violations of a rule.
type Check = fn(&Tree) -> Vec<Finding>;

/// The rules that need only the files, each with its description.
const CHECKS: &[(&str, Check)] = &[
    (
        "crates are listed in flow order and depend only on lower tiers",
        layers::check,
    ),
    ("no crate enables fail points", fail_points::check),
    ("SQL is in table files only", sql::check),
    ("no EVM type outside modules named evm", evm::check),
    (
        "each error code has a page, and each page a code",
        errors::check,
    ),
    (
        "a crate contains only code from its own folder",
        folders::check,
    ),
    ("no Rust code block in doc comments", examples::check),
    (
        "files have at most 600 lines (tests: 800), functions 80",
        lengths::check,
    ),
    ("each route declares the permission it needs", routes::check),
    (
        "migrations are numbered and name their crate",
        migrations::check,
    ),
    (
        "texts contain no personal notes or machine paths",
        words::check,
    ),
];

pub(crate) fn run() -> Outcome {
    let tree = Tree::read(&workspace_root())?;
    let mut count = 0;
    for (rule, check) in CHECKS {
        count += report(rule, check(&tree));
    }
    count += report(
        "licences, bans and sources of dependencies are as deny.toml allows",
        licences::check(&tree)?,
    );
    if count == 0 {
        Ok(())
    } else {
        Err(format!("{count} findings"))
    }
}

fn report(rule: &str, mut findings: Vec<Finding>) -> usize {
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
        assert!(tree.files().count() > 50, "the repository was found");
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
