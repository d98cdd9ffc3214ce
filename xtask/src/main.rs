//! Development tools: `cargo xtask test`, `setup`, `tidy` and others, one file per tool.
//!
//! Each tool prints its result on the last line and returns it as exit code.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool prints to the terminal"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tools run in real time and read the environment"
)]

mod bench;
mod contracts;
mod demo;
mod harness;
mod release;
mod run;
mod setup;
mod test;
mod tidy;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tools of Florin")]
struct Cli {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// Install the missing dependencies of tests and demo (Debian and npm packages)
    Setup,
    /// Run the life of an asset on a real chain, each step checked against the chain itself
    Demo(demo::Options),
    /// Run setup and every test; ends with `N passed, N failed, N skipped`
    Test(test::Options),
    /// Check rules that the compiler does not: layering, SQL, error pages, …
    Tidy,
    /// Kill, stop and fail running processes in rounds, and check from outside that no work is lost
    /// or repeated
    Torture(torture::Options),
    /// Build the release binary, and check that it contains no fail points
    Release,
    /// Run a benchmark in a release build; prints a table and one line of JSON
    Bench(bench::Options),
    /// Compile the Solidity contracts into contracts/artifacts
    Contracts(contracts::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().tool {
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
        Err(reason) => {
            eprintln!("error: {reason:#}");
            ExitCode::FAILURE
        }
    }
}
