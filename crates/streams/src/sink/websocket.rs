//! `websocket`: one consumer at a time receives events in a session.

use super::{Field, Limits, Mode, Sink, SinkDoc, SinkSettings};

pub(super) struct WebSocket;

const DOC: SinkDoc = SinkDoc {
    name: "websocket",
    doc: "One consumer at a time receives events over a WebSocket.",
    fields: &[
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
    ],
    mode: Mode::Pull,
    signs: false,
};

impl Sink for WebSocket {
    fn doc(&self) -> &'static SinkDoc {
        &DOC
    }

    fn limits(&self, settings: &SinkSettings) -> Limits {
        Limits {
            batch_size: settings.small_integer("batchSize"),
            timeout_ms: 0,
            window: settings.small_integer("window") as usize,
        }
    }
}
