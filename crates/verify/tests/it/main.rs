//! The verifier's stories, each on both engines: a database made by the store, damaged from
//! outside, and every damage named.
#![allow(clippy::unwrap_used)]

mod batches;
mod chains;
mod seals;
mod sound;
mod world;
