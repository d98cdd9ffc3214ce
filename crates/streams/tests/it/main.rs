//! Integration tests of the streams crate. Each runs on both storage engines and checks what an
//! independent HTTP server received.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests of real time limits, and settings of test runs"
)]

mod webhook_addresses;
mod world;

mod crashes;
mod docs;
mod expansion;
mod order;
mod positions;
mod retries;
mod sessions;
mod subscriptions;
mod tenancy;
mod traces;
mod webhooks;
