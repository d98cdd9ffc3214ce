//! Progress of long work: a bar at a terminal, a line now and then otherwise, nothing where JSON is
//! asked for.
#![allow(
    clippy::print_stderr,
    reason = "progress is told beside what a program reads"
)]

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(2);

/// Progress of one piece of work.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines {
        what: &'static str,
        last: Option<Instant>,
    },
    Quiet,
}

impl Progress {
    /// Of so many things of a kind, such as "secrets".
    pub(crate) fn of(what: &'static str, as_json: bool) -> Self {
        if as_json {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what, last: None };
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {what}  {{msg}}"))
        {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// How far it is, where nobody knows how much there is.
    pub(crate) fn so_far(&mut self, done: u64, word: &str) {
        self.at(done, done, word);
    }

    /// How far it is.
    pub(crate) fn at(&mut self, done: u64, of: u64, word: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(of);
                bar.set_position(done);
                bar.set_message(word.to_owned());
            }
            Self::Lines { what, last } if last.is_none_or(|last| last.elapsed() >= LINE) => {
                *last = Some(Instant::now());
                eprintln!("{done} of {of} {what}  {word}");
            }
            _ => {}
        }
    }

    /// It is over.
    pub(crate) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
