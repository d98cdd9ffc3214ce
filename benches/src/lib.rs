//! Shared by all benchmarks: options, percentiles, a table for people and one line of JSON for
//! programs.

mod report;
mod sample;

pub use report::Report;
pub use sample::{Sample, median};

/// Options of every benchmark.
#[derive(Debug, Clone, clap::Parser)]
pub struct Options {
    /// A short run, under a minute.
    #[arg(long)]
    pub quick: bool,
}
