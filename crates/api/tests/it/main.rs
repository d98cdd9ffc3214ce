//! Tests of the REST API through its router, with real engines, on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod access;
mod authority;
mod bad_input;
mod client;
mod contract_routes;
mod data_routes;
mod fuzz;
mod lists;
mod openapi;
mod signatures;
mod stream_routes;
mod submissions;
mod task_routes;
mod tenancy;
mod traces;
mod websocket;
mod world;
