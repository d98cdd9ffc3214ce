//! `cargo xtask bench NAME`: runs a benchmark in a release build. The last line of its output is a
//! JSON object with every result.

use crate::run;
use anyhow::Result;
use clap::Args;

const NAMES: [&str; 2] = ["store", "idle"];

#[derive(Args)]
pub(crate) struct Options {
    /// Name of the benchmark.
    #[arg(value_parser = NAMES)]
    name: String,
    /// A short run, under a minute.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut command = run::cargo();
    if options.name == "idle" {
        command.env("FLORIN_BINARY", crate::release::build()?);
    }
    command.args([
        "run",
        "--release",
        "--package",
        "benches",
        "--bin",
        &options.name,
        "--",
    ]);
    if options.quick {
        command.arg("--quick");
    }
    run::succeed(&mut command)
}
