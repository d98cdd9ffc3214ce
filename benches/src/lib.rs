//! What every benchmark shares: options, percentiles, a table for people and one line of JSON for
//! programs.

mod report;
mod sample;

pub use report::Report;
pub use sample::{Sample, median};

/// What every benchmark can be told.
#[derive(Debug, Clone, clap::Parser)]
pub struct Options {
    /// Less of everything: under a minute, for a first look.
    #[arg(long)]
    pub quick: bool,
}
