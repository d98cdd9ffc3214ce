//! The index's stories, each on both engines.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod ledger;
mod model;
mod replay;
mod tree;
mod world;
