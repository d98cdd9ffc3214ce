//! Tables for people, JSON for programs.
#![allow(clippy::print_stdout, reason = "a command line talks to a person")]

use serde_json::Value;
use std::io::Write as _;

/// Print text as it is.
pub(crate) fn text(text: &str) -> Result<(), String> {
    // A reader that went away is no failure of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Print an answer: as JSON, or as a table of its items, or field by field.
pub(crate) fn answer(value: &Value, as_json: bool) -> Result<(), String> {
    if as_json {
        let pretty = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
        println!("{pretty}");
        return Ok(());
    }
    match value.get("items").and_then(Value::as_array) {
        Some(items) => table(items),
        None => fields(value),
    }
    Ok(())
}

fn table(items: &[Value]) {
    let Some(first) = items.first().and_then(Value::as_object) else {
        println!("none");
        return;
    };
    let columns: Vec<&String> =
        first.iter().filter(|(_, value)| !value.is_object()).map(|(name, _)| name).take(8).collect();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().map(|column| column.as_str()));
    for item in items {
        table.add_row(columns.iter().map(|column| cell(item.get(column.as_str()))));
    }
    println!("{table}");
}

fn fields(value: &Value) {
    match value.as_object() {
        Some(object) => {
            let width = object.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in object {
                println!("{name:width$}  {}", cell(Some(value)));
            }
        }
        None => println!("{}", cell(Some(value))),
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
