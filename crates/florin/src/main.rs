//! The `florin` binary: configuration, roles, command line. `adapters/` connects the engines.
#![allow(
    clippy::print_stderr,
    reason = "errors of a command go to standard error"
)]

mod adapters;
mod cli;
mod clock;
mod config;
mod default_chains;
mod engines;
mod key_files;
mod keyring;
mod listen;
mod logging;
mod metrics;
mod process_roles;
mod serve;
mod tree_head_file;
mod workers;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The process-wide TLS provider. The first installed provider wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason:#}"); // the causes too, in one line
            ExitCode::FAILURE
        }
    }
}
