//! Operations on subscriptions. Each acts within the namespace of the calling principal.

mod dead_letter;
mod position;
mod secret;
mod status;
mod subscription;

pub use dead_letter::{
    DeadLetter, DeadLetterSelection, dead_letters, retry_dead_letters, skip_event,
};
pub use position::rewind;
pub use secret::{count_outdated_secrets, reencrypt, retire_secret, rotate_secret, secrets};
pub use status::{Status, status};
pub use subscription::{
    Created, resume, subscribe, subscription, subscriptions, suspend, unsubscribe, update,
};
