//! Each error code has a page `docs/errors/<code>.md` that tells what happened, why and what to do;
//! each page has a code.

use std::collections::BTreeMap;

use super::tree::{File, Tree};
use super::{Finding, codes};

const FOLDER: &str = "docs/errors/";
const SECTIONS: [&str; 3] = ["## What happened", "## Why", "## What to do"];
/// The list of pages is no page.
const INDEX: &str = "README";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for given in codes::given(tree) {
        findings.extend(code(tree, &given));
        if let Some(first) = seen.insert(given.code.clone(), given.path.clone()) {
            findings.push(Finding::new(
                &given.path,
                0,
                format!("{} is given by {first} too", given.code),
            ));
        }
    }
    findings.extend(
        tree.files()
            .filter(|file| file.path.starts_with(FOLDER))
            .flat_map(|file| page(file, &seen)),
    );
    findings
}

fn code(tree: &Tree, given: &codes::Given) -> Vec<Finding> {
    let finding = |what: String| Finding::new(&given.path, 0, what);
    let mut findings = Vec::new();
    let form = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let well_formed = given.code.split_once('.').is_some_and(|(station, what)| {
        !station.is_empty()
            && !what.is_empty()
            && station.chars().all(form)
            && what.chars().all(form)
    });
    if !well_formed {
        findings.push(finding(format!(
            "{} is not of the form station.what_is_wrong",
            given.code
        )));
    }
    if tree.text(&format!("{FOLDER}{}.md", given.code)).is_none() {
        findings.push(finding(format!(
            "{} has no page {FOLDER}{}.md",
            given.code, given.code
        )));
    }
    findings
}

fn page(file: &File, codes: &BTreeMap<String, String>) -> Vec<Finding> {
    let name = file.name().trim_end_matches(".md");
    if name == INDEX {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(Finding::new(&file.path, 0, what));
    if !codes.contains_key(name) {
        find(format!("no error has the code {name}"));
    }
    if file.text.lines().next() != Some(&format!("# {name}")) {
        find(format!("the first line is not `# {name}`"));
    }
    for section in SECTIONS
        .iter()
        .filter(|section| !says_something(&file.text, section))
    {
        find(format!("nothing under `{section}`"));
    }
    findings
}

fn says_something(page: &str, section: &str) -> bool {
    let mut lines = page
        .lines()
        .skip_while(|line| line.trim_end() != section)
        .skip(1);
    lines
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# x.a\n\n## What happened\n\nIt.\n\n## Why\nSo.\n## What to do\nThat.\n";

    fn whats(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_code_with_its_page_is_fine() {
        let code = r#"codes! { Error { Self::A => ("x.a", 400, Never), } }"#;
        assert_eq!(
            whats(&[
                ("crates/x/src/error.rs", code),
                ("docs/errors/x.a.md", PAGE),
                ("docs/errors/README.md", "")
            ]),
            [""; 0]
        );
    }

    #[test]
    fn a_code_without_page_and_a_page_without_code_are_found() {
        let code = r#"codes! { Error { Self::A => ("x.b", 400, Never), Self::C => ("Plain", 400, Never), } }"#;
        let found = whats(&[
            ("crates/x/src/error.rs", code),
            ("crates/y/src/error.rs", code),
            ("docs/errors/x.a.md", PAGE),
        ]);
        for part in [
            "x.b has no page",
            "Plain is not of the form",
            "x.b is given by crates/x",
            "no error has the code x.a",
        ] {
            assert!(
                found.iter().any(|what| what.contains(part)),
                "{part}: {found:?}"
            );
        }
    }

    #[test]
    fn a_page_must_say_something_in_each_section() {
        let code = r#"codes! { Error { Self::A => ("x.a", 400, Never), } }"#;
        let page = PAGE.replace("It.\n\n", "").replace("# x.a", "# X");
        let found = whats(&[
            ("crates/x/src/error.rs", code),
            ("docs/errors/x.a.md", &page),
        ]);
        assert_eq!(
            found,
            [
                "the first line is not `# x.a`",
                "nothing under `## What happened`"
            ]
        );
    }
}
