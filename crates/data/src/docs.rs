//! The tables of `docs/query.md` and `docs/policies.md`, printed from the schemas, the operators
//! and the lookups, and the operators that an error page lists.
#![allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]

use crate::field::FieldType;
use crate::query::operand::{Operator, is_opaque};
use crate::{LOOKUPS, OPERATORS, Operand, OperatorInfo, Type, schema};
use types::schema::Field;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
/// Rewrites the pages.
const UPDATE: &str = "UPDATE_DOCS";

/// Regenerate the tables with `UPDATE_DOCS=1 cargo test -p data docs`.
#[test]
fn the_page_shows_the_operators_and_the_fields_of_each_type() {
    check_page(
        "query.md",
        &[("operators", operators()), ("fields", fields())],
    );
}

#[test]
fn the_page_of_policies_shows_the_lookups() {
    check_page("policies.md", &[("lookups", lookups())]);
}

#[test]
fn the_error_page_lists_the_operators() {
    let page = read_page("errors/data.unknown_operator.md");
    let listed = |operators: Vec<&OperatorInfo>| {
        let names = operators
            .iter()
            .map(|operator| format!("`{}`", operator.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let all = listed(OPERATORS.iter().collect());
    assert!(page.contains(&format!("Use one of {all}, or ")), "{all}");
    let is_text_only =
        |operator: &&OperatorInfo| matches!(operator.operator, Operator::TextMatch(_));
    let text_only = listed(OPERATORS.iter().filter(is_text_only).collect());
    let sentence = format!("These operators apply to text only: {text_only}.");
    assert!(page.contains(&sentence), "{sentence}");
}

fn read_page(name: &str) -> String {
    std::fs::read_to_string(format!("{DOCS}{name}")).unwrap_or_default()
}

fn check_page(name: &str, tables: &[(&str, String)]) {
    let committed = read_page(name);
    let page = tables
        .iter()
        .fold(committed.clone(), |page, (marker, table)| {
            with_table(&page, marker, table)
        });
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(format!("{DOCS}{name}"), &page).expect("the page can be written");
    }
    assert!(
        page == committed || std::env::var_os(UPDATE).is_some(),
        "docs/{name} is outdated: run this test with {UPDATE}=1"
    );
}

/// Replace what is between the markers of a table.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->"),
    );
    let markers = page
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (_, after)) = markers.expect("the page has the markers of the table");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

fn operators() -> String {
    let rows = OPERATORS.map(|operator| {
        let members = match operator.operand {
            Operand::One => "`field`, `value`",
            Operand::Many => "`field`, `values`",
            Operand::None => "`field`",
        };
        format!("| `{}` | {members} | {} |\n", operator.name, operator.doc)
    });
    format!(
        "| operator | members | true if the field |\n|---|---|---|\n{}",
        rows.concat()
    )
}

fn lookups() -> String {
    let rows = LOOKUPS.iter().map(|lookup| {
        let chain = lookup.has_chain.then_some("chain");
        let arguments = lookup.required.iter().copied().chain(chain);
        let arguments: Vec<String> = arguments.map(|name| format!("`{name}`")).collect();
        let (name, arguments) = (lookup.name, arguments.join(", "));
        format!("| `{name}` | {arguments} | {} |\n", lookup.doc)
    });
    let rows: String = rows.collect();
    format!("| lookup | `args` | answer |\n|---|---|---|\n{rows}")
}

fn fields() -> String {
    let tables = Type::ALL.map(|kind| {
        let rows: String = schema(kind).iter().map(|field| row(kind, field)).collect();
        format!(
            "### {}\n\n| field | value | set by | filter | description |\n|---|---|---|---|---|\n{rows}",
            kind.plural()
        )
    });
    tables.join("\n")
}

fn row(kind: Type, field: &Field) -> String {
    let set_by = match (field.read_only, field.required) {
        (true, _) => "Florin",
        (false, true) => "caller, required",
        (false, false) => "caller",
    };
    let (name, value, filter) = (field.name, field.kind, filter(kind, field.name));
    let row = format!(
        "| `{name}` | {value} | {set_by} | {filter} | {} |\n",
        field.doc
    );
    row.replace("|  |", "| |")
}

/// How filters can use a field.
fn filter(kind: Type, name: &str) -> &'static str {
    let column = if name == "parent" { "parent.ref" } else { name };
    match kind.schema().field(column) {
        Some(field) if !field.is_filterable() => "no",
        Some(field) if field.field_type == FieldType::Json => "paths",
        Some(field) if field.field_type == FieldType::Labels => "`labels`",
        Some(field) if is_opaque(field) => "`null` only",
        Some(field) if field.indexed => "indexed",
        Some(_) => "yes",
        None => "no",
    }
}
