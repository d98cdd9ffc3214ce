//! Integration tests of the `intent` crate.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod abi;
mod abi_hostile;
mod addresses;
mod any;
mod canon;
mod contracts;
mod effects;
mod events;
mod executions;
mod key;
mod nested;
mod scene;
mod securities;
mod signed;
mod standards;
mod statements;
mod strict;
mod tokens;
mod transactions;
mod typed_data;
mod utxo;
mod values;
mod vectors;
