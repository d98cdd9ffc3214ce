//! A batch on its way to a sink, and what became of it.

use super::Delivery;
use crate::secrets::Secrets;
use crate::state::Batch;
use types::{Namespace, SubscriptionId, Time, TraceContext};

/// A claimed batch, ready to be sent.
pub struct OutgoingBatch {
    pub(crate) namespace: Namespace,
    pub subscription: SubscriptionId,
    pub(crate) generation: i64,
    pub(crate) batch: Batch,
    /// Starts at 1.
    pub attempt: u32,
    pub(crate) delivery: Delivery,
    /// `None` if they cannot be decrypted.
    pub(crate) secrets: Option<Secrets>,
    /// The exact bytes, the same for each attempt.
    pub body: Vec<u8>,
    /// The trace of its events, if they belong to one.
    pub(crate) trace: Option<TraceContext>,
}

/// When an attempt is made, and the trace that it continues.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) now: Time,
    pub(crate) trace: Option<TraceContext>,
}

impl OutgoingBatch {
    /// The id of the delivery, the same for each attempt.
    pub(crate) fn delivery_id(&self) -> String {
        delivery_id(self.subscription, self.batch)
    }
}

pub(crate) fn delivery_id(id: SubscriptionId, batch: Batch) -> String {
    format!("{id}/{}-{}", batch.first, batch.last)
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryOutcome {
    /// The receiver has it; for a webhook, 2xx.
    Delivered,
    /// 410: the receiver wants no further events.
    Gone,
    /// 413: the batch is too large.
    TooLarge,
    /// Any other status, or no response.
    Failed {
        why: String,
        /// From the `Retry-After` header.
        retry_after_ms: Option<i64>,
    },
}

impl DeliveryOutcome {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            retry_after_ms: None,
        }
    }
}
