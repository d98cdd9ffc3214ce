//! The worker of a shard: reads facts, makes deliveries of them, and posts those that go to
//! webhooks.

mod claim;
mod dispatch;
mod gather;
mod post;
mod record;
mod shard;

pub(crate) use claim::make_up;
pub(crate) use record::{apply, delivered, rules};

pub use claim::Outgoing;
pub use post::Answer;
pub use shard::{Progress, Shard};
