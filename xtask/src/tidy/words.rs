//! The repository speaks of the project alone: no note to oneself without a subject, no path of one
//! person's machine, no word about who or what typed it.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use super::tree::Tree;

/// Each pattern with what is wrong about it. Written so that this file does not match itself.
static FORBIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |pattern: &str| Regex::new(pattern).expect("a constant pattern");
    vec![
        (
            pattern(r"\b(TO[D]O|FIX[M]E|XX[X])\b(\W{0,3}$|[^:(]|\(\)|:\s*$)"),
            "a note to oneself needs a subject: `NOTE(subject): …`",
        ),
        (
            pattern(r"(^|[\s\x22'`(=])/(root|home/[a-z]\w*|Users/\w+)/[\w.]"),
            "a path of one machine",
        ),
        (
            pattern(
                r"\b([Cc]hat[Gg][Pp][Tt]|[Cc]op[i]lot|[Ll]arge language m[o]del|[Aa]s an A[I]\b|A[I] assistant)",
            ),
            "the project alone",
        ),
    ]
});

/// Lists that tools write: their words are not ours.
const GENERATED: &[&str] = &["Cargo.lock", "contracts/package-lock.json"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = tree
        .files()
        .filter(|file| !GENERATED.contains(&file.path.as_str()));
    let lines = ours.flat_map(|file| {
        file.text
            .lines()
            .enumerate()
            .map(move |(at, line)| (file, at + 1, line))
    });
    lines
        .flat_map(|(file, at, line)| in_line(&file.path, at, line))
        .collect()
}

fn in_line(path: &str, at: usize, line: &str) -> Vec<Finding> {
    let found = FORBIDDEN
        .iter()
        .filter(|(pattern, _)| pattern.is_match(line));
    found
        .map(|(_, what)| Finding::new(path, at, *what))
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
    fn paths_of_one_machine_are_found() {
        assert_eq!(count(&["see /ho", "me/joan/florin"].concat()), 1);
        assert_eq!(count(&["`/ro", "ot/.cache/x`"].concat()), 1);
        assert_eq!(count("root:x:0:0::/root:/bin/sh"), 0);
        assert_eq!(count("GET /home/page, https://example.org/root/file"), 0);
    }
}
