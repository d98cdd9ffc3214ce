//! `cargo xtask tidy`: checks rules that the compiler does not. Also runs as a test, so that
//! `cargo test` covers it.
//!
//! A check is a function from the files of the repository to findings. Each check has its own file
//! with tests on small trees that violate its rule. To add a check, add a line to [`RULES`].

mod circles;
mod codes;
mod doc_comments;
mod doc_links;
mod errors;
mod events;
mod evm;
mod examples;
mod fail_points;
mod folders;
mod layers;
mod lengths;
mod migrations;
mod npm;
mod routes;
mod sql;
mod syntax;
mod tokens;
mod tree;
mod tuples;
mod type_names;
mod unused_pub;
mod words;

use anyhow::{Result, ensure};
use testkit::workspace_root;

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

/// A check with the rule that it enforces. There are no exceptions.
struct Rule {
    text: &'static str,
    check: Check,
}

impl Rule {
    const fn new(text: &'static str, check: Check) -> Self {
        Self { text, check }
    }
}

/// The rules that need only the files.
const RULES: &[Rule] = &[
    Rule::new(
        "crates are listed in flow order and depend only on lower tiers",
        layers::check,
    ),
    Rule::new("no crate enables fail points", fail_points::check),
    Rule::new("SQL is in table files only", sql::check),
    Rule::new("no EVM type outside modules named evm", evm::check),
    Rule::new(
        "each error code has a page, and each page a code",
        errors::check,
    ),
    Rule::new(
        "the log events and spans are those that docs/observability.md lists",
        events::check,
    ),
    Rule::new(
        "a crate contains only code from its own folder",
        folders::check,
    ),
    Rule::new(
        "files of a crate do not import each other in a circle",
        circles::check,
    ),
    Rule::new(
        "no public item that nothing outside its crate uses",
        unused_pub::check,
    ),
    Rule::new("public items have a doc comment", doc_comments::check),
    Rule::new(
        "public types have names that say what they are",
        type_names::check,
    ),
    Rule::new("no tuple type has more than three fields", tuples::check),
    Rule::new("no Rust code block in doc comments", examples::check),
    Rule::new("links and named pages exist", doc_links::check),
    Rule::new(
        "files have at most 600 lines (tests: 800), functions 80",
        lengths::check,
    ),
    Rule::new("each route declares the permission it needs", routes::check),
    Rule::new("handlers open no transactions", routes::transactions),
    Rule::new(
        "migrations are numbered, name their crate, and do not change",
        migrations::check,
    ),
    Rule::new(
        "the hash of a released migration is never changed",
        migrations::history,
    ),
    Rule::new("the npm lock file names no registry", npm::check),
    Rule::new(
        "texts contain no personal notes or machine paths",
        words::check,
    ),
];

pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(&workspace_root())?;
    let mut count = 0;
    for rule in RULES {
        count += report(rule.text, (rule.check)(&tree));
    }
    ensure!(count == 0, "{count} findings");
    Ok(())
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
        let findings = RULES.iter().flat_map(|rule| {
            let findings = (rule.check)(&tree).into_iter();
            findings.map(|finding| format!("{}: {finding}", rule.text))
        });
        let findings: Vec<String> = findings.collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }
}
