//! Tests of guarded HTTP calls against real servers on loopback.
#![allow(clippy::unwrap_used)]

mod address_policy;
