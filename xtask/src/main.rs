//! The house's tools: `cargo xtask test`, `setup`, `tidy`, `contracts`. One file a tool.
//!
//! Each tool says on its last line how it went, and its exit code says the same to programs.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to a person"
)]

mod bench;
mod contracts;
mod demo;
mod release;
mod run;
mod setup;
mod stage;
mod test;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A tool's outcome: why it failed, in words for a person.
type Outcome = Result<(), String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Florin's own tools")]
struct Line {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// Install what the tests and the demo need and the machine lacks (Debian and npm packages)
    Setup,
    /// Watch an asset live on a real chain, each step checked against the chain itself
    Demo(demo::Options),
    /// Set up, then run every test; ends with `N passed, N failed, N skipped`
    Test(test::Options),
    /// Check what the compiler does not: layering, SQL, error pages, licences, …
    Tidy,
    /// Crash, stop and fail running processes, round by round, and judge from outside what became
    /// of the work
    Torture(torture::Options),
    /// Build the binary as it is shipped, and look through it for places to fail, which must not be
    /// there
    Release,
    /// Measure, in a release build: `store`; prints a table and one line of JSON
    Bench(bench::Options),
    /// Compile the Solidity contracts into contracts/artifacts
    Contracts(contracts::Options),
}

fn main() -> ExitCode {
    let outcome = match Line::parse().tool {
        Tool::Setup => setup::run(),
        Tool::Demo(options) => demo::run(&options),
        Tool::Test(options) => test::run(&options),
        Tool::Tidy => tidy::run(),
        Tool::Torture(options) => torture::run(&options),
        Tool::Release => release::run(),
        Tool::Bench(options) => bench::run(&options),
        Tool::Contracts(options) => contracts::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
