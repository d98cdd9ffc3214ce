//! Stories about the REST API, driven through its router, over real engines, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bad_input;
mod client;
mod data_routes;
mod description;
mod fuzz;
mod socket;
mod stream_routes;
mod submissions;
mod task_routes;
mod tenancy;
mod world;
