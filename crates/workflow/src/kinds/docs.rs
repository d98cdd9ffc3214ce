//! `docs/tasks.md` has the step types as declared here. `UPDATE_DOCS=1` rewrites them.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]

use super::{EffectKind, KINDS, StepKind};
use crate::definition::{Format, parse};
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tasks.md");
const BEGIN: &str = "<!-- begin: step types, generated -->\n";
const END: &str = "<!-- end: step types -->\n";

#[test]
fn the_reference_lists_the_step_types_as_declared() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", step_types());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, expected).unwrap();
    } else {
        assert!(page == expected, "run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn the_example_of_the_reference_is_valid() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let (definition, warnings) = parse(example, Format::Yaml).unwrap();
    assert_eq!((definition.steps.len(), warnings), (3, Vec::new()));
}

#[test]
fn names_and_required_options_exist() {
    for kind in KINDS {
        assert!(std::ptr::eq(StepKind::find(kind.name).unwrap(), kind));
        let required = kind.required.iter().copied().flatten();
        for name in required.chain(&kind.template) {
            assert!(kind.has_option(name), "{}: {name}", kind.name);
        }
    }
}

fn step_types() -> String {
    let mut text = "| type | effect | required options |\n|---|---|---|\n".to_owned();
    for kind in KINDS {
        let required: Vec<String> = kind.required.iter().map(|group| one_of(group)).collect();
        let (name, effect, required) = (kind.name, effect(kind), required.join("; "));
        writeln!(text, "| [`{name}`](#{name}) | {effect} | {required} |").unwrap();
    }
    for kind in KINDS {
        write!(text, "\n### {}\n\n{}\n", kind.name, kind.doc).unwrap();
        if kind.lenient {
            text.push_str("Unknown options are stored and reported as warnings.\n");
        }
        text.push_str("\n| option | meaning |\n|---|---|\n");
        for option in kind.options {
            writeln!(text, "| `{}` | {} |", option.name, option.doc).unwrap();
        }
    }
    text
}

fn one_of(group: &[&str]) -> String {
    let names: Vec<String> = group.iter().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}

fn effect(kind: &StepKind) -> &'static str {
    match kind.effect {
        EffectKind::Compute => "none",
        EffectKind::Read => "reads",
        EffectKind::Internal => "internal",
        EffectKind::Chain => "chain",
        EffectKind::External(_) => "external",
    }
}
