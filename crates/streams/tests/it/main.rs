//! The stories of the streams, each on both engines, judged by an HTTP server that knows nothing of
//! us.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod world;

mod crashes;
mod expansion;
mod guard;
mod order;
mod places;
mod retries;
mod sessions;
mod subscriptions;
mod tenancy;
mod webhooks;
