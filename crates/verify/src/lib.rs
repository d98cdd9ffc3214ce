//! The independent verifier: reads a database and its exported seals, and says whether any fact was
//! changed, cut, swapped or rewritten.
//!
//! It works from `docs/facts.md` alone: it uses none of Florin's crates, so no mistake of the
//! writer is repeated here. It opens the database for reading only, in one snapshot, and may run
//! beside a server. Memory is bounded: facts come in pages, rows of a batch one by one; what grows
//! is one entry a partition.
//!
//! What it never does: write, repair, or trust a key that the database names. Without a pinned key
//! and exported seals it can only say that the database agrees with itself ([`Seals::pinned`],
//! [`Seals::exported`]).
//!
//! It blocks, and PostgreSQL's client brings a runtime of its own: call it on a thread where no
//! other runtime is entered, such as `tokio::task::spawn_blocking`.

mod batch;
mod book;
mod canon;
mod chain;
mod error;
mod export;
mod merkle;
mod page;
mod problem;
mod report;
mod run;
mod seal;
mod seals;
mod time;

pub use error::Error;
pub use problem::{Flaw, Place, Problem};
pub use report::{Partition, Report, Seals};
pub use run::{Options, Progress, Source, run};
