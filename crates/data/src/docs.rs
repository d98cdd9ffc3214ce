//! The tables of `docs/query.md`, printed from the schemas and the operators.
#![allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]

use crate::field::FieldType;
use crate::query::operand::is_opaque;
use crate::{OPERATORS, Operand, Type, schema};
use types::schema::Field;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/query.md");
/// Rewrites the page.
const UPDATE: &str = "UPDATE_DOCS";

/// Regenerate the tables with `UPDATE_DOCS=1 cargo test -p data docs`.
#[test]
fn the_page_shows_the_operators_and_the_fields_of_each_type() {
    let committed = std::fs::read_to_string(PATH).unwrap_or_default();
    let page = with_table(&committed, "operators", &operators());
    let page = with_table(&page, "fields", &fields());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(PATH, &page).expect("the page can be written");
    }
    assert!(
        page == committed || std::env::var_os(UPDATE).is_some(),
        "docs/query.md is outdated: run this test with {UPDATE}=1"
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
