//! Operations on subscriptions. Each acts within the namespace of the calling principal.

mod change;
mod create;
mod dead_letter;
mod query;
mod rewind;
mod secret;

pub use change::{resume, suspend, unsubscribe, update};
pub use create::{Created, subscribe};
pub use dead_letter::{
    DeadLetter, DeadLetterSelection, dead_letters, retry_dead_letters, skip_event,
};
pub use query::{Status, status, subscription, subscriptions};
pub use rewind::rewind;
pub use secret::{count_outdated_secrets, reencrypt, retire_secret, rotate_secret, secrets};
