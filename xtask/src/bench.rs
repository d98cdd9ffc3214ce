//! `cargo xtask bench NAME`: runs a benchmark in a release build. The last line of its output is a
//! JSON object with every result.

use crate::run;
use anyhow::Result;
use clap::Args;

const NAMES: [&str; 3] = ["store", "idle", "policy"];

#[derive(Args)]
pub(crate) struct Options {
    /// Name of the benchmark.
    #[arg(value_parser = NAMES)]
    name: String,
    /// A short run, under a minute.
    #[arg(long)]
    quick: bool,
    /// Of `policy`: compare 100,000 generated documents and inputs with a running OPA first.
    #[arg(long)]
    differential: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.differential {
        differential()?;
    }
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

/// The tests that need a running OPA, and take minutes.
fn differential() -> Result<()> {
    let mut command = run::cargo();
    command.args(["test", "--release", "--package", "policy", "--lib"]);
    command.args(["--", "--ignored", "--nocapture", "rego::differential"]);
    command.env("FLORIN_REQUIRE_REAL", "1");
    run::succeed(&mut command)
}
