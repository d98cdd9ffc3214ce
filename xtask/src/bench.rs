//! `cargo xtask bench NAME`: builds a benchmark in release and runs it. Its last line is one JSON
//! object with every figure.

use crate::run;
use clap::Args;

/// What can be measured.
const NAMES: [&str; 2] = ["store", "idle"];

#[derive(Args)]
pub(crate) struct Options {
    /// Which one.
    #[arg(value_parser = NAMES)]
    name: String,
    /// Less of everything: under a minute.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> crate::Outcome {
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
