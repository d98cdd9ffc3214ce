//! Tests of the test support itself.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod anvil;
mod child;
mod contracts;
mod http;
mod postgres;
mod proxy;
#[cfg(feature = "utxo")]
mod utxo;
