//! Test support: a manual clock and seeded entropy, and real components that check results from
//! outside: a private PostgreSQL cluster, an anvil node, a JSON-RPC proxy that injects faults, and
//! an HTTP server that records requests. [`FakeUtxoChain`] simulates a Bitcoin-like chain in memory
//! and enforces its rules.
//!
//! What it never does: run in production, sleep for a fixed time, reach beyond 127.0.0.1, or leave
//! a process behind (every [`ChildProcess`] ends when the test process ends, however it ends).
//!
//! Invariants, each with the test that checks it: a killed test process ends its children
//! (`tests/it/child.rs`); each test has its own database, in a cluster whose locale is not C
//! (`tests/it/postgres.rs`); a call whose reply is lost is executed, and a lost call is not
//! (`tests/it/proxy.rs`); the UTXO chain rejects what a real node would reject
//! (`tests/it/utxo.rs`); every request is recorded, whatever the answer (`tests/it/http.rs`).
//!
//! A test whose real component is not installed is *skipped and counted*: see [`skip`]. With
//! `FLORIN_REQUIRE_REAL=1` it fails instead.
//!
//! The features `store` and `utxo` (both on by default) add what needs the storage engine or the
//! connector interface, so that the development tools build without them.
#![allow(
    clippy::disallowed_methods,
    reason = "real processes need real time and the environment"
)]

pub mod anvil;
pub mod http;
pub mod opa;
pub mod otlp;
pub mod postgres;
#[cfg(feature = "utxo")]
pub mod utxo;

mod child;
mod clock;
mod contracts;
#[cfg(feature = "store")]
mod databases;
mod entropy;
mod net;
mod proxy;
mod root;
mod skip;
mod wait;

pub use child::{ChildOptions, ChildProcess};
pub use clock::ManualClock;
pub use contracts::{Artifact, artifact, proxy_code};
#[cfg(feature = "store")]
pub use databases::{LEASE_MS, START, TestDb, namespace, on_each_engine};
pub use entropy::SeededEntropy;
pub use net::free_port;
pub use proxy::{Fault, Proxy};
pub use root::workspace_root;
pub use skip::{skip, skip_missing};
#[cfg(feature = "utxo")]
pub use utxo::FakeUtxoChain;
pub use wait::wait_until;
