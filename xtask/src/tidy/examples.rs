//! Examples in documentation are not run (each crate's would be a build of its own): an example is
//! a test, or marked as text.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut open = false;
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let Some(fence) = fence(line) else { continue };
        if !open && matches!(fence, "" | "rust" | "should_panic") {
            findings.push(Finding::new(
                &file.path,
                at + 1,
                "this example is never run: make it a test, or mark it ```text",
            ));
        }
        open = !open;
    }
    findings
}

/// What stands behind the three marks of a fence in a documentation comment.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let comment = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))?;
    comment.trim_start().strip_prefix("```").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_would_be_run_is_found_and_a_diagram_is_not() {
        let lines = |source: &str| -> Vec<usize> {
            check(&Tree::of(&[("crates/x/src/lib.rs", source)]))
                .into_iter()
                .map(|finding| finding.line)
                .collect()
        };
        assert_eq!(
            lines("/// ```\n/// let a = 1;\n/// ```\n//! ```rust\n//! ```"),
            [1, 4]
        );
        assert_eq!(
            lines("//! ```text\n//! a -> b\n//! ```\n/// ```json\n/// {}\n/// ```"),
            [0; 0]
        );
    }
}
