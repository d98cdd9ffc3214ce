//! Source files have at most 600 lines (tests: 800), functions at most 80.

use super::tree::{File, Tree};
use super::{Finding, tokens};

const MAX_FILE_LINES: usize = 600;
const MAX_TEST_FILE_LINES: usize = 800;
const MAX_FUNCTION_LINES: usize = 80;
const SOURCES: &[&str] = &[".rs", ".sol", ".mjs", ".js", ".ts", ".tsx", ".sql", ".rego"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree
        .files()
        .filter(|file| SOURCES.iter().any(|end| file.path.ends_with(end)));
    let files = sources.filter_map(too_long);
    files
        .chain(tree.production().flat_map(long_functions))
        .collect()
}

fn too_long(file: &File) -> Option<Finding> {
    let limit = if file.path.contains("/tests/") {
        MAX_TEST_FILE_LINES
    } else {
        MAX_FILE_LINES
    };
    let lines = file.text.lines().count();
    (lines > limit)
        .then(|| Finding::new(&file.path, 0, format!("{lines} lines, more than {limit}")))
}

fn long_functions(file: &File) -> Vec<Finding> {
    let functions = tokens::read(&file.text)
        .map(|source| source.functions)
        .unwrap_or_default();
    let long = functions
        .into_iter()
        .filter(|(_, _, lines)| *lines > MAX_FUNCTION_LINES);
    long.map(|(line, name, lines)| {
        Finding::new(
            &file.path,
            line,
            format!("fn {name} has {lines} lines, more than {MAX_FUNCTION_LINES}"),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn measures_files_and_functions() {
        assert_eq!(count("crates/x/src/a.rs", &"\n".repeat(600)), 0);
        assert_eq!(count("crates/x/src/a.rs", &"\n".repeat(601)), 1);
        assert_eq!(count("crates/x/tests/it/a.rs", &"\n".repeat(800)), 0);
        assert_eq!(count("crates/x/tests/it/a.rs", &"\n".repeat(801)), 1);
        assert_eq!(count("docs/a.md", &"\n".repeat(801)), 0);
        let function = |lines: usize| format!("fn f() {{{}}}", "\n".repeat(lines - 1));
        assert_eq!(count("crates/x/src/a.rs", &function(80)), 0);
        assert_eq!(count("crates/x/src/a.rs", &function(81)), 1);
    }
}
