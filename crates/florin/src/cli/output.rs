//! Output: tables for people, JSON for programs.

use crate::cli::columns;
use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;
use std::borrow::Cow;
use std::io::Write as _;

/// The form of the output.
#[derive(Args)]
pub(crate) struct Output {
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Columns of a table, such as `id,state` or `head.height`; default: the most useful ones.
    #[arg(long, global = true, value_delimiter = ',')]
    columns: Vec<String>,
}

/// Print text as it is.
pub(crate) fn text(text: &str) {
    // A closed pipe is not an error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

impl Output {
    /// Print the response to a request of this path: as JSON, as a table of its items, or one line
    /// per field.
    pub(crate) fn response(&self, value: &Value, path: &str) -> Result<()> {
        if self.json {
            text(&format!("{value:#}\n"));
            return Ok(());
        }
        match value.get("items").and_then(Value::as_array) {
            Some(items) => text(&self.table(items, path)?),
            None => text(&self.fields(value)?),
        }
        Ok(())
    }

    fn table(&self, items: &[Value], path: &str) -> Result<String> {
        if items.is_empty() {
            return Ok("none\n".to_owned());
        }
        let columns: Vec<&str> = match columns::of(path) {
            _ if !self.columns.is_empty() => self.chosen(items)?,
            Some(columns) => columns.to_vec(),
            None => columns::first(&items[0]),
        };
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_header(&columns);
        for item in items {
            table.add_row(columns.iter().map(|column| cell(at(item, column))));
        }
        Ok(format!("{table}\n"))
    }

    fn fields(&self, value: &Value) -> Result<String> {
        let Some(object) = value.as_object() else {
            return Ok(format!("{}\n", cell(Some(value))));
        };
        let names: Vec<&str> = if self.columns.is_empty() {
            object.keys().map(String::as_str).collect()
        } else {
            self.chosen(std::slice::from_ref(value))?
        };
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let line = |name: &str| format!("{name:width$}  {}\n", cell(at(value, name)));
        Ok(names.into_iter().map(line).collect())
    }

    /// The columns that the caller chose. A column that no item has is an error.
    fn chosen(&self, items: &[Value]) -> Result<Vec<&str>> {
        for column in &self.columns {
            if !items.iter().any(|item| at(item, column).is_some()) {
                let mut known: Vec<&str> = items.iter().flat_map(names).collect();
                known.sort_unstable();
                known.dedup();
                bail!(
                    "--columns: there is no column {column:?}; there are {}",
                    known.join(", ")
                );
            }
        }
        Ok(self.columns.iter().map(String::as_str).collect())
    }
}

fn names(item: &Value) -> impl Iterator<Item = &str> {
    item.as_object()
        .into_iter()
        .flat_map(|object| object.keys().map(String::as_str))
}

/// The field of this name, or of a path of names with dots.
fn at<'a>(item: &'a Value, column: &str) -> Option<&'a Value> {
    column
        .split('.')
        .try_fold(item, |value, name| value.get(name))
}

fn cell(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => Cow::Borrowed("–"),
        Some(Value::String(text)) => Cow::Borrowed(text),
        // A block is shown by its height.
        Some(other) => Cow::Owned(other.get("height").unwrap_or(other).to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn table(columns: &[&str], path: &str) -> Result<String> {
        let items = [
            json!({ "zeta": 1, "chain": "eip155:1", "head": { "height": 7, "hash": "0x" } }),
            json!({ "chain": "eip155:2", "finality": "safe" }),
        ];
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let json = false;
        Output { json, columns }.table(&items, path)
    }

    fn header(columns: &[&str], path: &str) -> Vec<String> {
        let table = table(columns, path).unwrap();
        let header = table.lines().nth(1).unwrap().to_owned();
        let cells = header.split(['│', '┆']).map(str::trim);
        let cells = cells.filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    }

    #[test]
    fn a_list_has_the_columns_of_its_resource_or_those_that_the_caller_chose() {
        let chains = columns::of("/chains").unwrap();
        assert_eq!(header(&[], "/chains?limit=2"), chains);
        assert_eq!(header(&[], "/unknown"), ["zeta", "chain", "head"]);
        assert_eq!(
            header(&["finality", "head.hash"], "/chains"),
            ["finality", "head.hash"]
        );
    }

    #[test]
    fn an_unknown_column_is_rejected_with_the_known_ones() {
        let error = table(&["chian"], "/chains").unwrap_err().to_string();
        assert_eq!(
            error,
            "--columns: there is no column \"chian\"; there are chain, finality, head, zeta"
        );
    }

    #[test]
    fn a_single_object_shows_the_chosen_fields() {
        let output = |columns: &[&str]| Output {
            json: false,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        };
        let value = json!({ "id": "a", "state": "final", "block": { "height": 5 } });
        assert_eq!(
            output(&[]).fields(&value).unwrap(),
            "id     a\nstate  final\nblock  5\n"
        );
        assert_eq!(output(&["state"]).fields(&value).unwrap(), "state  final\n");
    }
}
