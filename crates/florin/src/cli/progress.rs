//! Progress of long operations: a bar on a terminal, a line every few seconds otherwise, nothing
//! with JSON output.
#![allow(
    clippy::print_stderr,
    reason = "progress goes to standard error, beside the output"
)]

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Interval between progress lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// Progress of one operation.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines {
        noun: &'static str,
        last: Option<Instant>,
    },
    Quiet,
}

impl Progress {
    /// Start reporting progress in units of `noun`, such as "secrets".
    pub(crate) fn new(noun: &'static str, as_json: bool) -> Self {
        if as_json {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { noun, last: None };
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {noun}  {{msg}}"))
        {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// Report progress when the total is unknown.
    pub(crate) fn set_count(&mut self, done: u64, status: &str) {
        self.set(done, done, status);
    }

    /// Report progress.
    pub(crate) fn set(&mut self, done: u64, total: u64, status: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(status.to_owned());
            }
            Self::Lines { noun, last }
                if last.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) =>
            {
                *last = Some(crate::clock::moment());
                eprintln!("{done} of {total} {noun}  {status}");
            }
            _ => {}
        }
    }

    /// Remove the bar.
    pub(crate) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
