//! `docs/observability.md` lists the log events and the spans of the source, and nothing else.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use super::Finding;
use super::tokens;
use super::tree::{File, Tree};

const PAGE: &str = "docs/observability.md";
const EVENTS: &str = "## Events";
const SPANS: &str = "## Spans";
/// The levels of which a person may have to do something.
const WITH_ACTION: [&str; 2] = ["error", "warn"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut events, mut spans) = (BTreeMap::new(), BTreeMap::new());
    for file in tree.production() {
        let source = tokens::read(&file.text).unwrap_or_default();
        for (name, body) in source.macros {
            match name.as_str() {
                "error" | "warn" | "info" | "debug" | "trace" => match event(&body) {
                    Some(event) => drop(events.insert((event, name), &file.path)),
                    None => findings.push(without_event(file, &name)),
                },
                "info_span" => spans.extend(first_text(&body).map(|span| (span, &file.path))),
                _ => {}
            }
        }
    }
    let page = tree.text(PAGE).unwrap_or_default();
    let events = events.into_iter();
    let events = events.map(|((event, level), path)| (format!("{event}` | {level}"), path));
    findings.extend(differences(page, EVENTS, events.collect()));
    let spans = spans
        .into_iter()
        .map(|(span, path)| (format!("{span}`"), path));
    findings.extend(differences(page, SPANS, spans.collect()));
    findings.extend(without_action(page));
    findings
}

fn without_event(file: &File, level: &str) -> Finding {
    let message = format!("{level}! does not begin with `event = \"<noun>.<what happened>\"`");
    Finding::new(&file.path, 0, message)
}

/// The name in `event = "name", …`.
fn event(body: &TokenStream) -> Option<String> {
    let mut tokens = body.clone().into_iter();
    match (tokens.next()?, tokens.next()?, tokens.next()?) {
        (TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(text))
            if name == "event" =>
        {
            tokens::content(&text)
        }
        _ => None,
    }
}

/// The name in `"name", …`.
fn first_text(body: &TokenStream) -> Option<String> {
    match body.clone().into_iter().next()? {
        TokenTree::Literal(text) => tokens::content(&text),
        _ => None,
    }
}

/// The rows of the tables in a section, without the first mark.
fn rows<'p>(page: &'p str, section: &str) -> impl Iterator<Item = &'p str> {
    let lines = page.lines().skip_while(move |line| *line != section);
    let lines: Vec<&str> = lines
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    lines
        .into_iter()
        .filter_map(|line| line.strip_prefix("| `"))
}

/// What of the source has no row, and which rows are not of the source.
fn differences(page: &str, section: &str, source: BTreeMap<String, &String>) -> Vec<Finding> {
    let has_row = |key: &str| rows(page, section).any(|row| row.starts_with(&format!("{key} |")));
    let missing = source.iter().filter(|(key, _)| !has_row(key));
    let missing = missing.map(|(key, path)| {
        let message = format!("`{key} has no row in {PAGE}, {section}");
        Finding::new(path, 0, message)
    });
    let is_known = |row: &str| {
        source
            .keys()
            .any(|key| row.starts_with(&format!("{key} |")))
    };
    let unknown = rows(page, section).filter(|row| !is_known(row));
    let unknown = unknown.map(|row| Finding::new(PAGE, 0, format!("not in the source: `{row}")));
    missing.chain(unknown).collect()
}

fn without_action(page: &str) -> Vec<Finding> {
    let is_without = |row: &&str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        WITH_ACTION.contains(&cells[1]) && cells.get(3).is_none_or(|action| action.is_empty())
    };
    let message = |row| format!("does not say what to do: `{row}");
    let rows = rows(page, EVENTS).filter(is_without);
    rows.map(|row| Finding::new(PAGE, 0, message(row)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        fn f() {
            // tracing::info!(event = "comment.ignored", "no");
            tracing::warn!(event = "lane.paused", %chain, "the lane is paused");
            let span = tracing::info_span!("job", name = "backfill", %chain);
        }"#;
    const PAGE_TEXT: &str = "## Events\n\n| event | level |\n|---|---|\n\
        | `lane.paused` | warn | it is paused | resume it |\n\n## Spans\n| `job` | name |\n";

    fn messages(source: &str, page: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/x/src/lib.rs", source), (PAGE, page)]);
        let findings = check(&tree).into_iter();
        findings.map(|finding| finding.message).collect()
    }

    #[test]
    fn a_page_with_all_events_and_spans_is_accepted() {
        assert_eq!(messages(SOURCE, PAGE_TEXT), [""; 0]);
    }

    #[test]
    fn missing_and_unknown_rows_are_found() {
        let page = PAGE_TEXT.replace("warn", "error").replace("`job`", "`run`");
        let findings = messages(SOURCE, &page);
        let expected = [
            "`lane.paused` | warn has no row",
            "not in the source: `lane.paused` | error",
            "`job` has no row",
            "not in the source: `run`",
        ];
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, expected) in findings.iter().zip(expected) {
            assert!(finding.contains(expected), "{finding}");
        }
    }

    #[test]
    fn an_event_without_name_and_a_warning_without_action_are_found() {
        let source = format!("{SOURCE} fn g() {{ tracing::info!(%chain, \"no name\"); }}");
        let page = PAGE_TEXT.replace("resume it", "");
        let findings = messages(&source, &page);
        let [event, action] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert!(event.contains("info! does not begin with"), "{event}");
        assert!(action.contains("does not say what to do"), "{action}");
    }
}
