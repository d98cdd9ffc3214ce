//! Tests of the data model, each on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod bulk;
mod holdings;
mod hostile;
mod limits;
mod lookups;
mod model;
mod projection;
mod queries;
mod races;
mod traps;
mod world;
mod writers;
