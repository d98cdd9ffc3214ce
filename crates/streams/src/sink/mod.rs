//! Sinks: the ways in which events leave. Each has its own file and an entry in [`SINKS`].

mod batch;
mod delivery;
mod field;
mod schema;
#[cfg(test)]
mod tests;
mod webhook;
mod websocket;

use crate::error::Result;
use outbound::{AddressPolicy, Outbound};

pub(crate) use batch::{Attempt, delivery_id};
pub(crate) use field::SinkSettings;

pub use batch::{DeliveryOutcome, OutgoingBatch};
pub use delivery::Delivery;
pub use field::{Field, FieldKind};

/// The sinks, in the order in which documents list them.
static SINKS: &[&dyn Sink] = &[
    &webhook::Webhook,
    &websocket::WebSocket,
    #[cfg(test)]
    &tests::Memory,
];

/// What a sink is: declared once, for its subscriptions and for documents.
#[derive(Debug, Clone, Copy)]
pub struct SinkDoc {
    /// The `type` of a delivery.
    pub name: &'static str,
    /// What it does, for callers.
    pub doc: &'static str,
    /// The settings of a delivery besides its type.
    pub fields: &'static [Field],
    pub(crate) mode: Mode,
    /// Whether its batches are signed, so that its subscriptions have signing secrets.
    pub(crate) signs: bool,
}

/// A way in which events leave.
#[async_trait::async_trait]
pub(crate) trait Sink: Send + Sync {
    fn doc(&self) -> &'static SinkDoc;

    /// Check what the ranges of the fields do not express. An error names the field.
    fn check(&self, _settings: &SinkSettings, _policy: &AddressPolicy) -> Result<()> {
        Ok(())
    }

    fn limits(&self, settings: &SinkSettings) -> Limits;

    /// Make one attempt. External effect: it may happen more than once, always with the same bytes
    /// under the same id. A sink that is pulled has nothing to send.
    async fn send(
        &self,
        _outbound: &Outbound,
        _batch: &OutgoingBatch,
        _attempt: Attempt,
    ) -> DeliveryOutcome {
        DeliveryOutcome::failed("its consumer has to connect")
    }
}

/// Who starts the transfer of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The worker sends batches.
    Push,
    /// A consumer opens a session and gets batches there.
    Pull,
}

/// The limits of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Events per batch.
    pub(crate) batch_size: u32,
    /// Time limit of an attempt, if it is pushed.
    pub(crate) timeout_ms: u64,
    /// Unacknowledged batches in flight, if it is pulled.
    pub(crate) window: usize,
}

/// Make one attempt to send a batch through the sink of its delivery.
pub(crate) async fn send(
    outbound: &Outbound,
    batch: &OutgoingBatch,
    attempt: Attempt,
) -> DeliveryOutcome {
    let sink = batch.delivery.sink;
    sink.send(outbound, batch, attempt).await
}

/// All sinks, for documents.
pub fn sinks() -> impl Iterator<Item = &'static SinkDoc> {
    SINKS.iter().map(|sink| sink.doc())
}

/// The names of the sinks with a property, for messages.
pub(crate) fn names(matching: impl Fn(&SinkDoc) -> bool) -> String {
    let names: Vec<&str> = sinks()
        .filter(|doc| matching(doc))
        .map(|doc| doc.name)
        .collect();
    names.join(" or ")
}
