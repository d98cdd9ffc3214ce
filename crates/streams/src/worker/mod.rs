//! The worker of a shard: reads facts, creates deliveries, and sends batches.

mod claim;
mod dispatch;
mod gather;
mod record;
mod turn;

pub(crate) use claim::form_batch;
pub(crate) use record::{acknowledge, apply, rules};

pub use turn::{Progress, Worker};
