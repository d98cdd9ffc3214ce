//! What people do with subscriptions. Every verb acts within the namespace of the principal who
//! asks.

mod change;
mod create;
mod dead;
mod look;
mod rewind;
mod secret;

pub use change::{resume, suspend, unsubscribe, update};
pub use create::{Created, subscribe};
pub use dead::{DeadLetter, Letters, dead_letters, retry_dead, skip};
pub use look::{Status, status, subscription, subscriptions};
pub use rewind::rewind;
pub use secret::{reseal, retire_secret, rotate_secret, sealed_before, secrets};
