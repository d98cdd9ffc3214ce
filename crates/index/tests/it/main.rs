//! The index's stories, each on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod coins;
mod finality;
mod forks;
mod ledger;
mod lies;
mod model;
mod node;
mod replay;
mod scopes;
mod slices;
mod tree;
mod watching;
mod world;
