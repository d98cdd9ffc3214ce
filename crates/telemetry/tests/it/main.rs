//! The trace of a unit of work, with and without an exporter.

#[cfg(feature = "otlp")]
mod otlp;

use telemetry::continue_trace;
use types::TraceContext;

pub(crate) fn example() -> TraceContext {
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        .parse()
        .expect("the example of the standard")
}

#[test]
fn without_an_exporter_the_context_is_passed_on_unchanged() {
    let span = tracing::info_span!("run", trace = tracing::field::Empty);
    assert_eq!(continue_trace(&span, Some(example())), Some(example()));
    assert_eq!(continue_trace(&span, None), None);
}
