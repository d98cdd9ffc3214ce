//! Tables for people, and one JSON object on the last line.
#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use serde_json::{Map, Value};

/// Prints rows and collects values.
#[derive(Debug, Default)]
pub struct Report {
    values: Map<String, Value>,
    widths: Vec<usize>,
}

impl Report {
    /// Start a table with these columns.
    pub fn table(&mut self, title: &str, columns: &[&str]) {
        println!("\n{title}");
        self.widths = columns.iter().map(|column| column.len().max(12)).collect();
        self.row(
            &columns
                .iter()
                .map(|column| (*column).to_owned())
                .collect::<Vec<_>>(),
        );
    }

    /// Print a row of the table.
    pub fn row(&self, cells: &[String]) {
        let padded: Vec<String> = cells
            .iter()
            .zip(&self.widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        println!("{}", padded.join("  "));
    }

    /// Record a value for the JSON object in a group, such as a database engine.
    pub fn grouped_value(&mut self, group: &str, name: &str, value: f64) {
        let group = self
            .values
            .entry(group)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(group) = group {
            group.insert(
                name.to_owned(),
                serde_json::json!((value * 1e3).round() / 1e3),
            );
        }
    }

    /// Record a value at the top level of the JSON object.
    pub fn value(&mut self, name: &str, value: f64) {
        self.values.insert(
            name.to_owned(),
            serde_json::json!((value * 1e3).round() / 1e3),
        );
    }

    /// Print the JSON object, the last line of every benchmark.
    pub fn finish(self) {
        println!("\n{}", Value::Object(self.values));
    }
}
