//! `cargo xtask test`: runs every test of the workspace and counts results over all test binaries.
//!
//! A test whose real dependency is missing returns early and appends a line to the file named by
//! `FLORIN_SKIP_LOG` (`testkit::skip`); it counts as skipped, not as passed. With
//! `FLORIN_REQUIRE_REAL=1` it fails instead.

mod tally;

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{run, setup};

use tally::Tally;

/// All tests, with those of the export of spans: one build serves both. The demo and the release
/// build the binary without it.
const WORKSPACE: [&str; 3] = ["--workspace", "--features", "florin/otlp"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Install nothing
    #[arg(long)]
    no_setup: bool,
    /// Arguments for `cargo test`, such as `-p store` or `-- a_name`; default: the whole workspace
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_setup {
        setup::run()?;
    }
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let log = folder.path().join("skipped");
    let (tally, succeeded) = test(&options.arguments, &log)?;
    let tally = tally.with_skipped(&std::fs::read_to_string(&log).unwrap_or_default());
    report(&tally);
    ensure!(succeeded && tally.failed() == 0, "not all tests passed");
    Ok(())
}

/// Build the tests, run them, forward the output, and count the results.
fn test(arguments: &[String], skip_log: &Path) -> Result<(Tally, bool)> {
    let is_end = |argument: &String| argument == "--";
    let options = arguments.split(is_end).next().unwrap_or_default();
    let mut tally = Tally::default();
    let is_built = build(options, &mut tally).context("cargo test")?;
    let is_passed = is_built && run_tests(arguments, skip_log, &mut tally).context("cargo test")?;
    if !is_passed {
        tally.add_cargo_failure();
    }
    Ok((tally, is_passed))
}

/// Build the test binaries; cargo's messages say which crate each belongs to.
fn build(options: &[String], tally: &mut Tally) -> Result<bool> {
    let mut cargo = cargo_test(options);
    cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
    let mut child = cargo.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("it has no output")?;
    for line in BufReader::new(output).lines() {
        tally.built(&line?);
    }
    let status = child.wait()?;
    Ok(status.success())
}

/// Both outputs are one pipe: cargo names a binary on one and the binary prints its result on the
/// other, and their order matters.
fn run_tests(arguments: &[String], skip_log: &Path, tally: &mut Tally) -> Result<bool> {
    let (output, input) = std::io::pipe()?;
    let mut cargo = cargo_test(arguments);
    cargo
        .env("FLORIN_SKIP_LOG", skip_log)
        .stdout(input.try_clone()?)
        .stderr(input);
    let mut child = cargo.spawn()?;
    drop(cargo); // holds the writing ends of the pipe
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.line(&line);
    }
    let status = child.wait()?;
    Ok(status.success())
}

fn cargo_test(arguments: &[String]) -> Command {
    let mut cargo = run::cargo();
    // No doc tests: they would need a separate build per crate.
    cargo.args(["test", "--tests", "--no-fail-fast"]);
    let names_packages = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "-p" || argument.starts_with("--package"));
    if !names_packages {
        cargo.args(WORKSPACE);
    }
    cargo.args(arguments);
    cargo
}

fn report(tally: &Tally) {
    for test in tally.skipped_tests() {
        println!("skipped: {test}");
    }
    println!("\nduration of the tests by crate:");
    for (name, duration) in tally.durations() {
        println!("{:>8.1} s  {name}", duration.as_secs_f64());
    }
    println!(
        "\n{} passed, {} failed, {} skipped",
        tally.passed(),
        tally.failed(),
        tally.skipped()
    );
}
