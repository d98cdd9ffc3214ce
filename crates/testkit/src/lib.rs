//! What tests stand on: a clock and chance that tests drive, and the real parts that judge from
//! outside — a private PostgreSQL cluster, an anvil node, a proxy that makes it fail and lie, an
//! HTTP server that counts what reaches it. A chain of coins ([`FakeCoins`]) is played in memory,
//! by the rules of a real one.
//!
//! What it never does: run in production, sleep to wait for something, reach beyond 127.0.0.1, or
//! leave a process behind (every child hangs on a [`Leash`] that ends it when the test process
//! ends, by whatever cause).
//!
//! Invariants, each with the test that holds it: a test process that is killed takes its children
//! along (`tests/it/leash.rs`); each test has a database of its own, in a cluster that does not
//! sort as C does (`tests/it/postgres.rs`); a lost reply was done, a lost call was not
//! (`tests/it/proxy.rs`); the chain of coins takes nothing that a real one would refuse (`tests/it/
//! utxo.rs`); what was received is counted, whatever was answered (`tests/it/http.rs`).
//!
//! Where a real part is missing the test is *skipped and counted*: see [`skip`]. With
//! `FLORIN_REQUIRE_REAL=1` a missing part is a failure instead.

pub mod anvil;
pub mod http;
pub mod postgres;
pub mod utxo;

mod clock;
mod contracts;
mod databases;
mod entropy;
mod leash;
mod net;
mod proxy;
mod root;
mod skip;
mod wait;

pub use clock::ManualClock;
pub use contracts::{Artifact, artifact};
pub use databases::{LEASE_MS, START, TestDb, namespace, on_each_engine};
pub use entropy::SeededEntropy;
pub use leash::{Leash, Tether};
pub use net::free_port;
pub use proxy::{Fault, Proxy};
pub use root::workspace_root;
pub use skip::{skip, skipped_for_want_of};
pub use utxo::FakeCoins;
pub use wait::wait_until;
