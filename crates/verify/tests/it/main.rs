//! Integration tests of the verifier, each on both engines: a database written by the store is
//! damaged from outside, and every damage is reported.
#![allow(clippy::unwrap_used)]

mod batches;
mod chains;
mod sound;
mod tree_heads;
mod world;
