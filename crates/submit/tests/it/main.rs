//! Submissions on a real node: what the chain says, judged from outside.
#![allow(clippy::unwrap_used)]

mod coins;
mod crash;
mod lanes;
mod points;
mod refusals;
mod reorg;
mod siege;
mod world;
