//! `websocket`: one consumer at a time receives events in a session.

use super::{Field, Limits, Mode, Sink, SinkSettings};

pub(super) struct WebSocket;

const FIELDS: &[Field] = &[
    Field::integer(
        "batchSize",
        (1, 1_000),
        50,
        "The maximum number of events per batch",
    ),
    Field::integer(
        "window",
        (1, 32),
        1,
        "The maximum number of unacknowledged batches; order is strict only with 1",
    ),
];

impl Sink for WebSocket {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn doc(&self) -> &'static str {
        "One consumer at a time receives events over a WebSocket."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn mode(&self) -> Mode {
        Mode::Pull
    }

    fn limits(&self, settings: &SinkSettings) -> Limits {
        Limits {
            batch_size: settings.small_integer("batchSize"),
            timeout_ms: 0,
            window: settings.small_integer("window") as usize,
        }
    }
}
