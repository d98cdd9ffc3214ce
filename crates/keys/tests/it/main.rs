//! Stories of keys, each on both databases.
#![allow(clippy::unwrap_used)]

mod house;
mod rounds;
