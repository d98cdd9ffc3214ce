//! Tests of policy, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod attacks;
mod authority;
mod decisions;
mod dry_runs;
mod fail_closed;
mod knowledge;
mod library;
mod lists;
mod own_lookups;
mod parser;
mod permits;
mod policies;
mod replays;
mod schema;
mod world;
