//! Spans as a collector receives them: OTLP over HTTP in binary Protobuf. Decoded by hand, as an
//! independent check of the exporter.

use crate::http::Request;
use std::collections::BTreeMap;

/// `opentelemetry.proto.trace.v1.Span`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    /// Empty for the first span of a trace.
    pub parent_span_id: Vec<u8>,
    pub name: String,
    /// By name; the value of one that is not text is empty.
    pub attributes: BTreeMap<String, String>,
}

/// The spans of a request to the collector, an `ExportTraceServiceRequest`.
///
/// # Panics
/// If the body is malformed.
pub fn spans(request: &Request) -> Vec<Span> {
    // ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans, ScopeSpans.spans.
    let spans = all(&request.body, &[1, 2, 2]);
    spans.iter().map(|span| Span::read(span)).collect()
}

impl Span {
    fn read(bytes: &[u8]) -> Self {
        // KeyValue.key; KeyValue.value, AnyValue.string_value.
        let attribute = |pair: Vec<u8>| (text(&pair, &[1]), text(&pair, &[2, 1]));
        Self {
            trace_id: first(bytes, &[1]),
            span_id: first(bytes, &[2]),
            parent_span_id: first(bytes, &[4]),
            name: text(bytes, &[5]),
            attributes: all(bytes, &[9]).into_iter().map(attribute).collect(),
        }
    }
}

fn text(message: &[u8], path: &[u64]) -> String {
    String::from_utf8(first(message, path)).expect("UTF-8")
}

/// The first value at a path; empty if there is none.
fn first(message: &[u8], path: &[u64]) -> Vec<u8> {
    all(message, path).into_iter().next().unwrap_or_default()
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
