//! The worker of a shard: reads facts, creates deliveries, and posts webhooks.

mod claim;
mod dispatch;
mod gather;
mod post;
mod record;
mod turn;

pub(crate) use claim::form_batch;
pub(crate) use record::{acknowledge, apply, rules};

pub use claim::OutgoingBatch;
pub use post::DeliveryOutcome;
pub use turn::{Progress, Worker};
