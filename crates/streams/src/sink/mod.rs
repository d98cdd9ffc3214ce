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
use types::Time;

pub(crate) use batch::delivery_id;
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

/// A way in which events leave.
#[async_trait::async_trait]
pub(crate) trait Sink: Send + Sync {
    /// The `type` of a delivery.
    fn name(&self) -> &'static str;

    /// What it does, for callers.
    fn doc(&self) -> &'static str;

    /// The settings of a delivery besides its type.
    fn fields(&self) -> &'static [Field];

    fn mode(&self) -> Mode;

    /// Whether its batches are signed, so that its subscriptions have signing secrets.
    fn signs(&self) -> bool {
        false
    }

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
        _now: Time,
    ) -> DeliveryOutcome {
        DeliveryOutcome::Failed {
            why: "its consumer has to connect".to_owned(),
            retry_after_ms: None,
        }
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

/// A sink, for documents.
#[derive(Debug, Clone, Copy)]
pub struct SinkDoc {
    /// The `type` of a delivery.
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
}

/// All sinks, for documents.
pub fn sinks() -> impl Iterator<Item = SinkDoc> {
    SINKS.iter().map(|sink| SinkDoc {
        name: sink.name(),
        doc: sink.doc(),
        fields: sink.fields(),
    })
}

/// The names of the sinks with a property, for messages.
pub(crate) fn names(matching: impl Fn(&dyn Sink) -> bool) -> String {
    let names: Vec<&str> = SINKS
        .iter()
        .filter(|sink| matching(**sink))
        .map(|sink| sink.name())
        .collect();
    names.join(" or ")
}
