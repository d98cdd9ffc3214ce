//! Measured durations of one kind of call.

use std::time::Duration;

/// Durations of calls, and the number of rows they wrote.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    times: Vec<Duration>,
    rows: u64,
    wall: Duration,
}

impl Sample {
    /// Add a call that wrote `rows` rows.
    pub fn add(&mut self, time: Duration, rows: u64) {
        self.times.push(time);
        self.rows += rows;
        self.wall += time;
    }

    /// Add calls that ran concurrently within the wall time `wall`.
    pub fn add_concurrent(&mut self, times: Vec<Duration>, rows: u64, wall: Duration) {
        self.times.extend(times);
        self.rows += rows;
        self.wall += wall;
    }

    /// Rows per second of wall time.
    pub fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    /// A percentile of the durations, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// The median; NaN if there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
