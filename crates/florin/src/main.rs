//! The binary: configuration, roles, command line; `wire/` joins engines.
#![allow(
    clippy::print_stderr,
    reason = "a command line says on standard error why it failed"
)]

mod cli;
mod clock;
mod config;
mod engines;
mod export;
mod figures;
mod homes;
mod keyring;
mod listen;
mod secrets;
mod serve;
mod wire;
mod workers;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One provider of cryptography for every connection of the process; the first call decides.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
