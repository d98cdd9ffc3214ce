//! `docs/effects.md` lists the calls and typed data as declared. `UPDATE_DOCS=1` rewrites the list.
#![allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]

use super::{Declaration, STANDARDS};
use crate::evm::abi::Entry;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/effects.md");
const BEGIN: &str = "<!-- begin: standards, generated -->\n";
const END: &str = "<!-- end: standards -->";

#[test]
fn the_page_lists_the_standards_as_declared() {
    let page = std::fs::read_to_string(PAGE).expect("the page can be read");
    let parts = page.split_once(BEGIN);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (_, after)) = parts.expect("the page has the markers");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, expected).expect("the page can be written");
    } else {
        assert!(page == expected, "run this test with UPDATE_DOCS=1");
    }
}

fn table() -> String {
    let rows: String = STANDARDS.iter().map(|standard| row(standard)).collect();
    format!("| name | functions | typed data |\n|---|---|---|\n{rows}")
}

fn row(standard: &Declaration) -> String {
    let name = serde_json::to_string(&standard.standard).expect("a name");
    let calls = standard.calls.iter();
    let calls = calls.map(|kind| {
        Entry::declared(kind.declaration)
            .expect("it parses")
            .signature
    });
    let typed = standard.typed.iter();
    let typed = typed.map(|kind| Entry::typed(kind.encoded).expect("it parses").name);
    let (calls, typed) = (list(calls), list(typed));
    let included = standard.standard.included().iter();
    let included = included.map(|other| serde_json::to_string(other).expect("a name"));
    let with = list(included.map(|name| name.trim_matches('"').to_owned()));
    let with = if with.is_empty() {
        with
    } else {
        format!(", with {with}")
    };
    format!(
        "| `{}`{with} | {calls} | {typed} |\n",
        name.trim_matches('"')
    )
}

/// Without repetitions: one function may be declared for each of its meanings.
fn list(items: impl Iterator<Item = String>) -> String {
    let mut distinct = Vec::new();
    for item in items {
        let item = format!("`{item}`");
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct.join(", ")
}
