//! Rows for people, and one JSON object on the last line.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use serde_json::{Map, Value};

/// Collects figures as they come.
#[derive(Debug, Default)]
pub struct Report {
    figures: Map<String, Value>,
    widths: Vec<usize>,
}

impl Report {
    /// Begin a table of these columns.
    pub fn table(&mut self, title: &str, columns: &[&str]) {
        println!("\n{title}");
        self.widths = columns.iter().map(|column| column.len().max(12)).collect();
        self.line(
            &columns
                .iter()
                .map(|column| (*column).to_owned())
                .collect::<Vec<_>>(),
        );
    }

    /// One row of the table.
    pub fn line(&self, cells: &[String]) {
        let padded: Vec<String> = cells
            .iter()
            .zip(&self.widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        println!("{}", padded.join("  "));
    }

    /// A figure for programs, under a group such as an engine.
    pub fn figure(&mut self, group: &str, name: &str, value: f64) {
        let group = self
            .figures
            .entry(group)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(group) = group {
            group.insert(
                name.to_owned(),
                serde_json::json!((value * 1e3).round() / 1e3),
            );
        }
    }

    /// A figure for programs that stands under no group.
    pub fn top(&mut self, name: &str, value: f64) {
        self.figures.insert(
            name.to_owned(),
            serde_json::json!((value * 1e3).round() / 1e3),
        );
    }

    /// Print the JSON object: the last line of every benchmark.
    pub fn finish(self) {
        println!("\n{}", Value::Object(self.figures));
    }
}
