//! Policy's stories, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod closed;
mod decides;
mod dry;
mod library;
mod parser;
mod permits;
mod policies;
mod replays;
mod schema;
mod world;
