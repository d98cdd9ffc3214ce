//! Integration tests of the store, each on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod audit;
mod batch_vectors;
mod facts;
mod groups;
mod idempotent;
mod leases;
mod lost_replies;
mod migrations;
mod model;
mod note;
mod portable;
mod proxy;
mod records;
mod tenancy;
mod tree_heads;
