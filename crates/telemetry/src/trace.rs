//! The trace of a unit of work.

use tracing::Span;
use types::TraceContext;

/// Make a span part of the trace of its parent, and return the context of what follows from it:
/// that of the span if it is exported, else that of the parent. The field `trace` of the span, if
/// declared, gets the trace id.
pub fn continue_trace(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    if let Some(parent) = &parent {
        span.record("trace", parent.trace());
    }
    #[cfg(feature = "otlp")]
    if let Some(own) = crate::otlp::join(span, parent) {
        return Some(own);
    }
    parent
}
