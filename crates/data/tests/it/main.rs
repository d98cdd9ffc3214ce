//! The data model's stories, each on both engines.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod projection;
mod queries;
mod traps;
mod world;
