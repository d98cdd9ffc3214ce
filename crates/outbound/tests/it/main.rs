//! Tests of guarded HTTP calls against real servers on loopback.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod address_policy;
