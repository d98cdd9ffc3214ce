//! The kit is tried on itself: what other crates' tests stand on must hold.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod anvil;
mod contracts;
mod http;
mod leash;
mod postgres;
mod proxy;
mod utxo;
