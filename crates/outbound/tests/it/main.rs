//! Tests of guarded HTTP calls against real servers on loopback.

mod address_policy;
