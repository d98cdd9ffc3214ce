//! Output: tables for people, JSON for programs.

use serde_json::Value;
use std::io::Write as _;

/// Print text as it is.
pub(crate) fn text(text: &str) -> Result<(), String> {
    // A closed pipe is not an error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Print a response: as JSON, as a table of its items, or one line per field.
pub(crate) fn response(value: &Value, as_json: bool) -> Result<(), String> {
    if as_json {
        let pretty = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
        return text(&format!("{pretty}\n"));
    }
    match value.get("items").and_then(Value::as_array) {
        Some(items) => table(items),
        None => fields(value),
    }
    Ok(())
}

fn table(items: &[Value]) {
    let Some(first) = items.first().and_then(Value::as_object) else {
        let _ = text("none\n");
        return;
    };
    let columns: Vec<&String> = first
        .iter()
        .filter(|(_, value)| !value.is_object() || height(value).is_some())
        .map(|(name, _)| name)
        .take(8)
        .collect();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().map(|column| column.as_str()));
    for item in items {
        table.add_row(columns.iter().map(|column| cell(item.get(column.as_str()))));
    }
    let _ = text(&format!("{table}\n"));
}

fn fields(value: &Value) {
    match value.as_object() {
        Some(object) => {
            let width = object.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in object {
                let _ = text(&format!("{name:width$}  {}\n", cell(Some(value))));
            }
        }
        None => drop(text(&format!("{}\n", cell(Some(value))))),
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => height(other).unwrap_or(other).to_string(),
    }
}

/// In a table a block is shown by its height.
fn height(value: &Value) -> Option<&Value> {
    value.get("height")
}
