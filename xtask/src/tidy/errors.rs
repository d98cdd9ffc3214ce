//! Each error code has a page `docs/errors/<code>.md` with three non-empty sections, and each page
//! belongs to a code.

use std::collections::BTreeMap;

use super::tree::{File, Tree};
use super::{Finding, codes};

const FOLDER: &str = "docs/errors/";
const SECTIONS: [&str; 3] = ["## What happened", "## Why", "## What to do"];
const INDEX: &str = "README";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for declared in codes::declared(tree) {
        findings.extend(check_code(tree, &declared));
        if let Some(first) = seen.insert(declared.code.clone(), declared.path.clone()) {
            findings.push(Finding::new(
                &declared.path,
                0,
                format!("{} is also declared by {first}", declared.code),
            ));
        }
    }
    findings.extend(
        tree.files()
            .filter(|file| file.path.starts_with(FOLDER))
            .flat_map(|file| check_page(file, &seen)),
    );
    findings
}

fn check_code(tree: &Tree, declared: &codes::DeclaredCode) -> Vec<Finding> {
    let finding = |message: String| Finding::new(&declared.path, 0, message);
    let mut findings = Vec::new();
    let is_allowed_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let well_formed = declared
        .code
        .split_once('.')
        .is_some_and(|(crate_name, message)| {
            !crate_name.is_empty()
                && !message.is_empty()
                && crate_name.chars().all(is_allowed_char)
                && message.chars().all(is_allowed_char)
        });
    if !well_formed {
        findings.push(finding(format!(
            "{} is not of the form crate.what_is_wrong",
            declared.code
        )));
    }
    if tree
        .text(&format!("{FOLDER}{}.md", declared.code))
        .is_none()
    {
        findings.push(finding(format!(
            "{} has no page {FOLDER}{}.md",
            declared.code, declared.code
        )));
    }
    findings
}

fn check_page(file: &File, codes: &BTreeMap<String, String>) -> Vec<Finding> {
    let name = file.name().trim_end_matches(".md");
    if name == INDEX {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut add_finding = |message: String| findings.push(Finding::new(&file.path, 0, message));
    if !codes.contains_key(name) {
        add_finding(format!("no error has the code {name}"));
    }
    if file.text.lines().next() != Some(&format!("# {name}")) {
        add_finding(format!("the first line is not `# {name}`"));
    }
    for section in SECTIONS
        .iter()
        .filter(|section| !has_content(&file.text, section))
    {
        add_finding(format!("`{section}` is empty"));
    }
    findings
}

fn has_content(page: &str, section: &str) -> bool {
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

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_code_with_its_page_is_accepted() {
        let code = r#"codes! { Error { Self::A => ("x.a", 400, Never), } }"#;
        assert_eq!(
            messages(&[
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
        let findings = messages(&[
            ("crates/x/src/error.rs", code),
            ("crates/y/src/error.rs", code),
            ("docs/errors/x.a.md", PAGE),
        ]);
        for part in [
            "x.b has no page",
            "Plain is not of the form",
            "x.b is also declared by crates/x",
            "no error has the code x.a",
        ] {
            assert!(
                findings.iter().any(|message| message.contains(part)),
                "{part}: {findings:?}"
            );
        }
    }

    #[test]
    fn each_section_of_a_page_must_have_content() {
        let code = r#"codes! { Error { Self::A => ("x.a", 400, Never), } }"#;
        let page = PAGE.replace("It.\n\n", "").replace("# x.a", "# X");
        let findings = messages(&[
            ("crates/x/src/error.rs", code),
            ("docs/errors/x.a.md", &page),
        ]);
        assert_eq!(
            findings,
            [
                "the first line is not `# x.a`",
                "`## What happened` is empty"
            ]
        );
    }
}
