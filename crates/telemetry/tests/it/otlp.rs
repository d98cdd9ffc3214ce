//! Spans as a collector receives them.

use crate::example;
use telemetry::continue_trace;
use telemetry::otlp::{Exporter, Settings};
use testkit::http::Server;
use tracing_subscriber::layer::SubscriberExt as _;

fn exported(ratio: f64, work: impl FnOnce()) -> Vec<Span> {
    // The process-wide TLS provider, as the binary installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let collector = Server::start();
    let exporter = Exporter::new(&Settings {
        endpoint: collector.url("/v1/traces"),
        sample_ratio: ratio,
        version: "1",
    })
    .expect("the exporter starts");
    let subscriber = tracing_subscriber::registry().with(exporter.layer());
    tracing::subscriber::with_default(subscriber, work);
    exporter.shutdown().expect("the spans are sent");
    let requests = collector.requests();
    let of_request = |request: &testkit::http::Request| {
        assert_eq!(request.target, "/v1/traces");
        // ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans, ScopeSpans.spans.
        all(&request.body, &[1, 2, 2])
    };
    let spans = requests.iter().flat_map(of_request);
    spans.map(|span| Span::read(&span)).collect()
}

/// `opentelemetry.proto.trace.v1.Span`.
#[derive(Debug, PartialEq)]
struct Span {
    trace_id: Vec<u8>,
    span_id: Vec<u8>,
    parent_span_id: Vec<u8>,
    name: String,
    /// The names of the attributes.
    attributes: Vec<String>,
}

impl Span {
    fn read(bytes: &[u8]) -> Self {
        let first = |field: u64| all(bytes, &[field]).into_iter().next().unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self {
            trace_id: first(1),
            span_id: first(2),
            parent_span_id: first(4),
            name: text(first(5)),
            attributes: all(bytes, &[9, 1]).into_iter().map(text).collect(),
        }
    }
}

/// The values with a length at a path of field numbers in a Protobuf message.
fn all(message: &[u8], path: &[u64]) -> Vec<Vec<u8>> {
    let Some((field, rest)) = path.split_first() else {
        return vec![message.to_vec()];
    };
    let (mut bytes, mut values) = (message, Vec::new());
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                varint(&mut bytes);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).expect("a length"),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, after) = bytes.split_at(length);
        bytes = after;
        if tag >> 3 == *field && tag & 7 == 2 {
            values.extend(all(value, rest));
        }
    }
    values
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a varint");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[test]
fn an_exported_span_continues_the_trace_of_its_context() {
    let parent = example();
    let mut next = None;
    let spans = exported(1.0, || {
        let span = tracing::info_span!("submission", id = "sub:1", trace = tracing::field::Empty);
        next = continue_trace(&span, Some(parent));
    });
    let [span] = spans.as_slice() else {
        panic!("expected one span, got {spans:?}");
    };
    assert_eq!(span.name, "submission");
    assert_eq!(span.trace_id, parent.trace_id);
    assert_eq!(span.parent_span_id, parent.span_id);
    let next = next.expect("a context");
    assert_eq!(next.span_id.as_slice(), span.span_id);
    assert!(span.attributes.iter().any(|name| name == "id"));
}

#[test]
fn the_ratio_limits_what_is_exported_even_if_the_caller_sampled() {
    let spans = exported(0.0, || {
        let span = tracing::info_span!("submission");
        continue_trace(&span, Some(example()));
    });
    assert_eq!(spans, []);
}

#[test]
fn details_are_not_exported() {
    let spans = exported(1.0, || drop(tracing::debug_span!("detail").entered()));
    assert_eq!(spans, []);
}
