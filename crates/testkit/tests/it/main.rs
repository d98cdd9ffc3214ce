//! Tests of the test support itself.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod anvil;
mod child;
mod contracts;
mod http;
mod postgres;
mod proxy;
#[cfg(feature = "utxo")]
mod utxo;
