//! Submissions on a real node. Results are checked on the chain, not in the tables under test.
#![allow(clippy::unwrap_used)]

mod authority;
mod crash;
mod explain;
mod fail_points;
mod fees;
mod interfaces;
mod lanes;
mod late;
mod rejections;
mod reorg;
mod robustness;
mod rows;
mod signing;
mod statement_authority;
mod statements;
mod superseding;
mod traces;
mod utxo;
mod world;
