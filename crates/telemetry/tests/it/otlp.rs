//! Spans as a collector receives them.

use crate::example;
use telemetry::continue_trace;
use telemetry::otlp::{Exporter, Settings};
use testkit::http::Server;
use testkit::otlp::{Span, spans};
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
    assert!(
        requests
            .iter()
            .all(|request| request.target == "/v1/traces")
    );
    requests.iter().flat_map(spans).collect()
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
    assert_eq!(span.attributes["id"], "sub:1");
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
