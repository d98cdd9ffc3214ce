//! Export of spans by OTLP over HTTP (OpenTelemetry Protocol, binary Protobuf).

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    Sampler, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;
use types::TraceContext;

/// The longest time that an export may take. Spans that cannot be sent are dropped.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go, and which.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the collector, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// The part of all traces that is exported, 0 to 1.
    pub sample_ratio: f64,
    pub version: &'static str,
}

/// The exporter cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the export of spans: {0}")]
pub struct Error(String);

/// Sends spans to a collector in the background, in batches.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// Set up the export. It blocks, so call it outside of an async task.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error(error.to_string());
        // A proxy from the environment could send the spans elsewhere.
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| failed(&error))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&settings.endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| failed(&error))?;
        let resource = Resource::builder_empty()
            .with_service_name("florin")
            .with_attribute(KeyValue::new("service.version", settings.version))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(KeyedSampler::new(settings.sample_ratio))
            .with_resource(resource)
            .build();
        Ok(Self { provider })
    }

    /// The layer that passes spans to the exporter. Only the named spans of Florin are exported, at
    /// level INFO or above.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer: SdkTracer = self.provider.tracer("florin");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_filter(LevelFilter::INFO)
    }

    /// Send what is left, and stop.
    pub fn shutdown(self) -> Result<(), Error> {
        self.provider
            .shutdown()
            .map_err(|error| Error(error.to_string()))
    }
}

/// Chooses traces by a keyed hash of their ids. The ids and the sampled flag come from callers, who
/// could otherwise choose ids that are always or never exported.
#[derive(Debug, Clone)]
struct KeyedSampler {
    ratio: Sampler,
    key: RandomState,
}

impl KeyedSampler {
    fn new(ratio: f64) -> Self {
        Self {
            ratio: Sampler::TraceIdRatioBased(ratio),
            key: RandomState::new(),
        }
    }
}

impl ShouldSample for KeyedSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let hash = self.key.hash_one(trace.to_bytes()).to_be_bytes();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&hash);
        id[8..].copy_from_slice(&hash);
        let id = TraceId::from_bytes(id);
        self.ratio
            .should_sample(parent, id, name, kind, attributes, links)
    }
}

/// Make an exported span a child of the parent, and return its own context; none if it is not
/// exported.
pub(crate) fn join(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    if let Some(parent) = parent {
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(parent)));
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    own.is_valid().then(|| TraceContext {
        trace_id: own.trace_id().to_bytes(),
        span_id: own.span_id().to_bytes(),
        flags: own.trace_flags().to_u8(),
    })
}

fn remote(parent: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id),
        SpanId::from_bytes(parent.span_id),
        TraceFlags::new(parent.flags),
        true,
        TraceState::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_sdk::trace::SamplingDecision;

    #[test]
    fn a_caller_cannot_choose_an_id_that_is_always_exported() {
        let id = TraceId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let is_exported = |_: &u32| {
            let sampler = KeyedSampler::new(0.5);
            let result = sampler.should_sample(None, id, "run", &SpanKind::Internal, &[], &[]);
            result.decision == SamplingDecision::RecordAndSample
        };
        let exported = (0..128).filter(is_exported).count();
        assert!((1..128).contains(&exported), "{exported} of 128");
    }
}
