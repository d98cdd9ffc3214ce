//! Texts are about the project only: no personal note without a subject, no path of a specific
//! machine, no mention of who or what typed the code.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use super::tree::Tree;

/// Forbidden patterns with the message of the finding. Written so that this file does not match
/// itself.
static FORBIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |pattern: &str| Regex::new(pattern).expect("a constant pattern");
    vec![
        (
            pattern(r"\b(TO[D]O|FIX[M]E|XX[X])\b(\W{0,3}$|[^:(]|\(\)|:\s*$)"),
            "a note needs a subject: `NOTE(subject): …`",
        ),
        (
            pattern(r"(^|[\s\x22'`(=])/(root|home/[a-z]\w*|Users/\w+)/[\w.]"),
            "a path of a specific machine",
        ),
        (
            pattern(
                r"\b([Cc]hat[Gg][Pp][Tt]|[Cc]op[i]lot|[Ll]arge language m[o]del|[Aa]s an A[I]\b|A[I] assistant)",
            ),
            "texts are about the project only",
        ),
    ]
});

/// Files written by tools.
const GENERATED: &[&str] = &["Cargo.lock", "contracts/package-lock.json"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree
        .files()
        .filter(|file| !GENERATED.contains(&file.path.as_str()));
    let lines = files.flat_map(|file| {
        file.text
            .lines()
            .enumerate()
            .map(move |(index, line)| (file, index + 1, line))
    });
    lines
        .flat_map(|(file, index, line)| check_line(&file.path, index, line))
        .collect()
}

fn check_line(path: &str, index: usize, line: &str) -> Vec<Finding> {
    let matches = FORBIDDEN
        .iter()
        .filter(|(pattern, _)| pattern.is_match(line));
    matches
        .map(|(_, message)| Finding::new(path, index, *message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> usize {
        check(&Tree::of(&[("docs/a.md", line)])).len()
    }

    #[test]
    fn a_note_needs_a_subject() {
        let note = ["TO", "DO"].concat();
        assert_eq!(count(&format!("// {note}")), 1);
        assert_eq!(count(&format!("// {note} later")), 1);
        assert_eq!(count(&format!("// {note}:")), 1);
        assert_eq!(count(&format!("// {note}(fee history): ask for less")), 0);
        assert_eq!(count(&format!("// {note}: fee history may be absent")), 0);
        assert_eq!(count("METHODOLOGY"), 0);
    }

    #[test]
    fn paths_of_a_specific_machine_are_found() {
        assert_eq!(count(&["see /ho", "me/joan/florin"].concat()), 1);
        assert_eq!(count(&["`/ro", "ot/.cache/x`"].concat()), 1);
        assert_eq!(count("root:x:0:0::/root:/bin/sh"), 0);
        assert_eq!(count("GET /home/page, https://example.org/root/file"), 0);
    }
}
