//! Tests of the contract registry, each on both engines.
#![allow(clippy::unwrap_used)]

mod contracts;
mod interfaces;
mod isolation;
mod limits;
mod registering;
mod verifying;
mod world;
