//! Stories about the REST API, driven through its router, over real engines, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bad_input;
mod client;
mod description;
mod fuzz;
mod submissions;
mod world;
