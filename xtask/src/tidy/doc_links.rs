//! Relative links in Markdown lead to a file and to a heading of it, and each page `docs/….md` that
//! code or documentation names exists.

use std::sync::LazyLock;

use regex::Regex;

use super::Finding;
use super::tree::{File, Tree};

static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\]\(([^()\s]+)\)").expect("a constant pattern"));
static PAGE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bdocs/[\w/.-]+\.md\b").expect("a constant pattern"));
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`[^`]*`").expect("a constant pattern"));
/// The tests of these checks name pages that do not exist.
const CHECKS: &str = "xtask/src/tidy/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.files().filter(|file| !file.path.starts_with(CHECKS));
    files
        .flat_map(|file| [links(tree, file), pages(tree, file)].concat())
        .collect()
}

fn links(tree: &Tree, file: &File) -> Vec<Finding> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in prose(&file.text) {
        let line = CODE.replace_all(line, "`code`");
        for link in LINK.captures_iter(&line).map(|link| link[1].to_owned()) {
            if !link.contains("://") && !link.starts_with("mailto:") && !leads(tree, file, &link) {
                let message = format!("the link {link} leads nowhere");
                findings.push(Finding::new(&file.path, index, message));
            }
        }
    }
    findings
}

/// The lines outside code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    let lines = text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.map(|(index, line)| (index + 1, line))
}

fn leads(tree: &Tree, from: &File, link: &str) -> bool {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        from.path.clone()
    } else {
        resolve(&from.path, path)
    };
    match tree.text(&target) {
        Some(text) if !heading.is_empty() => prose(text).any(|(_, line)| is_named(line, heading)),
        Some(_) => true,
        None => heading.is_empty() && tree.has_folder(&target),
    }
}

/// The path of a link, from the root of the repository.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether the line is a heading that GitHub gives this anchor.
fn is_named(line: &str, anchor: &str) -> bool {
    let heading = line.trim_start_matches('#').trim();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let heading = heading.to_lowercase();
    let anchored = heading.chars().filter(kept);
    line.starts_with('#') && anchored.collect::<String>().replace(' ', "-") == anchor
}

fn pages(tree: &Tree, file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for page in PAGE.find_iter(line).map(|page| page.as_str()) {
            if tree.text(page).is_none() {
                let message = format!("names {page}, which does not exist");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/errors/x.y.md", "# x.y\n## What `to` do\n"),
            ("README.md", "# Florin"),
        ]);
        check(&tree).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_lead_to_files_folders_and_headings() {
        let good = "# A b\n[r](../README.md) [e](errors/) [h](errors/x.y.md#what-to-do) [s](#a-b)
            [w](https://example.org/none.md)\n`[c](none.md)`\n```\n[d](none.md)\n```";
        assert_eq!(lines(good), [0; 0]);
        let bad = "[r](README.md)\n[f](none/)\n[h](errors/x.y.md#who)\n[s](#none)";
        assert_eq!(lines(bad), [1, 2, 3, 4]);
    }

    #[test]
    fn pages_that_are_named_exist() {
        assert_eq!(
            lines("see docs/errors/x.y.md and docs/errors/<code>.md"),
            [0; 0]
        );
        let tree = Tree::of(&[("crates/x/src/lib.rs", "//! See\n//! `docs/none.md`.")]);
        assert_eq!(check(&tree).iter().map(|f| f.line).collect::<Vec<_>>(), [2]);
    }
}
