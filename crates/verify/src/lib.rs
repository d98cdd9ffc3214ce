//! The independent verifier: reads a database and its exported tree heads, and reports every fact
//! that was changed, deleted, reordered or rewritten.
//!
//! It is written from `docs/facts.md` alone and uses none of Florin's crates, so it does not repeat
//! a bug of the writer. It reads the database in one read-only snapshot and can run while a server
//! runs. Memory is bounded: facts are read in pages and rows of a batch one by one; only one entry
//! per partition is kept.
//!
//! What it never does: write, repair, or trust a key that the database names. Without a pinned key
//! and exported tree heads it can only check that the database is consistent with itself
//! ([`TreeHeads::pinned`], [`TreeHeads::exported`]).
//!
//! It blocks, and PostgreSQL's client starts a runtime of its own: call it on a thread outside of
//! any async runtime, such as in `tokio::task::spawn_blocking`.

mod batch;
mod canon;
mod database;
mod error;
mod export;
mod merkle;
mod options;
mod partition;
mod problem;
mod queries;
mod report;
mod run;
mod time;
mod tree_head;
mod tree_heads;

pub use error::Error;
pub use options::Options;
pub use problem::{Flaw, Location, Problem};
pub use report::{Partition, Report, TreeHeads};
pub use run::{Progress, Source, run};
