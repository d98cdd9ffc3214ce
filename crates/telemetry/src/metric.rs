//! The kinds of metrics.

use metrics::{Label, SharedString};
use std::time::Instant;

/// What a metric is, apart from its values.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// How the values of processes are combined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Counts since the start of the process. Add them over processes.
    Counter,
    /// A value of the whole installation, read from the database.
    Gauge,
    /// Counts by the upper bounds of buckets. Add them over processes.
    Histogram { buckets: &'static [f64] },
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Count,
    Seconds,
}

/// A number of events.
#[derive(Debug)]
pub struct Counter<const LABELS: usize> {
    pub(crate) metric: Metric,
    pub(crate) labels: [&'static str; LABELS],
}

/// A value that rises and falls.
#[derive(Debug)]
pub struct Gauge<const LABELS: usize> {
    pub(crate) metric: Metric,
    pub(crate) labels: [&'static str; LABELS],
}

/// A distribution, with fixed buckets so that those of several processes can be added.
#[derive(Debug)]
pub struct Histogram<const LABELS: usize> {
    pub(crate) metric: Metric,
    pub(crate) labels: [&'static str; LABELS],
}

/// The start of a duration.
#[derive(Debug, Clone, Copy)]
pub struct Timer {
    start: Instant,
}

impl Timer {
    /// Start now.
    #[expect(
        clippy::disallowed_methods,
        reason = "only a histogram sees the duration"
    )]
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The time since the start.
    pub fn seconds(self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

impl<const LABELS: usize> Counter<LABELS> {
    /// Count one event. The values are those of the labels, in order.
    pub fn increment(&self, values: [SharedString; LABELS]) {
        metrics::counter!(self.metric.name, pairs(&self.labels, values)).increment(1);
    }

    /// Set the count since the start of the process, if something else counts.
    pub fn absolute(&self, count: u64, values: [SharedString; LABELS]) {
        metrics::counter!(self.metric.name, pairs(&self.labels, values)).absolute(count);
    }
}

impl<const LABELS: usize> Gauge<LABELS> {
    /// Set the value.
    pub fn set(&self, value: i64, values: [SharedString; LABELS]) {
        // Prometheus values are floats; no amount of money is exported.
        #[allow(clippy::cast_precision_loss)]
        let value = value as f64;
        metrics::gauge!(self.metric.name, pairs(&self.labels, values)).set(value);
    }
}

impl<const LABELS: usize> Histogram<LABELS> {
    /// Record a value.
    pub fn record(&self, value: f64, values: [SharedString; LABELS]) {
        metrics::histogram!(self.metric.name, pairs(&self.labels, values)).record(value);
    }
}

fn pairs<const LABELS: usize>(
    labels: &[&'static str; LABELS],
    values: [SharedString; LABELS],
) -> Vec<Label> {
    let pairs = labels.iter().zip(values);
    pairs
        .map(|(label, value)| Label::new(*label, value))
        .collect()
}

impl Metric {
    /// The meaning, as one line.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }
}
