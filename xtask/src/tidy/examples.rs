//! Doc tests are not run (they would need a separate build per crate), so a code block in a doc
//! comment must be a test instead, or marked as text.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut is_open = false;
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let Some(fence) = fence(line) else { continue };
        if !is_open && matches!(fence, "" | "rust" | "should_panic") {
            findings.push(Finding::new(
                &file.path,
                index + 1,
                "this example is never run: make it a test or mark it ```text",
            ));
        }
        is_open = !is_open;
    }
    findings
}

/// The info string of a code fence in a doc comment.
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
    fn rust_code_blocks_are_found_and_diagrams_are_not() {
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
