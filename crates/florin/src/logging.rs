//! Logs to standard error, and the export of spans.

use crate::config::{Config, LogFormat};
use anyhow::{Context as _, Result};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// The export of spans, if it is configured.
#[derive(Debug, Default)]
pub(crate) struct Export {
    #[cfg(feature = "otlp")]
    exporter: Option<telemetry::otlp::Exporter>,
}

/// Write events to standard error, and export spans if `trace.endpoint` is set.
pub(crate) async fn init(config: &Config) -> Result<Export> {
    let filter = EnvFilter::try_new(&config.log.filter).context("log.filter")?;
    let use_colors = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let events = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(use_colors);
    let events = match config.log.format {
        LogFormat::Text => events.boxed(),
        LogFormat::Json => events.json().boxed(),
    };
    let registry = tracing_subscriber::registry().with(events.with_filter(filter));
    let export = Export::new(config).await?;
    #[cfg(feature = "otlp")]
    let registry = registry.with(export.exporter.as_ref().map(|exporter| exporter.layer()));
    registry.init();
    Ok(export)
}

#[cfg(feature = "otlp")]
impl Export {
    async fn new(config: &Config) -> Result<Self> {
        let trace = &config.trace;
        if trace.endpoint.is_empty() {
            return Ok(Self::default());
        }
        let settings = telemetry::otlp::Settings {
            endpoint: trace.endpoint.clone(),
            sample_ratio: f64::from(trace.sample_percent) / 100.0,
            version: env!("CARGO_PKG_VERSION"),
        };
        let start = move || telemetry::otlp::Exporter::new(&settings);
        let exporter = tokio::task::spawn_blocking(start).await?;
        Ok(Self {
            exporter: Some(exporter.context("trace.endpoint")?),
        })
    }

    /// Send the spans that are left.
    pub(crate) async fn shutdown(self) {
        let stop = move || self.exporter.map(telemetry::otlp::Exporter::shutdown);
        if let Ok(Some(Err(error))) = tokio::task::spawn_blocking(stop).await {
            tracing::warn!(event = "span.export_failed", %error, "the last spans were not exported");
        }
    }
}

#[cfg(not(feature = "otlp"))]
impl Export {
    async fn new(config: &Config) -> Result<Self> {
        anyhow::ensure!(
            config.trace.endpoint.is_empty(),
            "trace.endpoint: this binary was built without the feature otlp"
        );
        Ok(Self::default())
    }

    /// Nothing is exported.
    pub(crate) async fn shutdown(self) {}
}
