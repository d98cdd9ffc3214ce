//! The index on simulated and real chains, each test on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod counting_projection;
mod faulty_node;
mod finality;
mod forks;
mod model;
mod node;
mod replay;
mod scopes;
mod transaction_budget;
mod tree;
mod utxo;
mod watch;
mod world;
