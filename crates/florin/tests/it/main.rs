//! Tests of the binary: its command line, its processes, its configuration.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod corpus;
mod default_chains;
mod installation;
mod metrics;
mod no_fail_points;
mod operation;
mod policy_replay;
mod rotation;
mod shipped_policies;
#[cfg(feature = "otlp")]
mod traces;
mod writers;
