//! Measured times of one kind of call.

use std::time::Duration;

/// Times, and how many rows they moved in all.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    times: Vec<Duration>,
    rows: u64,
    wall: Duration,
}

impl Sample {
    /// One call that moved so many rows.
    pub fn add(&mut self, time: Duration, rows: u64) {
        self.times.push(time);
        self.rows += rows;
        self.wall += time;
    }

    /// Many calls that ran at the same time, over this wall time.
    pub fn add_concurrent(&mut self, times: Vec<Duration>, rows: u64, wall: Duration) {
        self.times.extend(times);
        self.rows += rows;
        self.wall += wall;
    }

    /// Rows a second over the wall time.
    pub fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    /// A percentile of the calls' times, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
