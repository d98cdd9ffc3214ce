//! The system clock, waiting, and the random source. No other module uses any of them.
#![allow(
    clippy::disallowed_methods,
    reason = "the one place of the binary that has time and randomness"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use types::{Clock, Entropy, Time};

/// Wait.
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The current moment, to measure an interval.
pub(crate) fn moment() -> Instant {
    Instant::now()
}

pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The random source of the operating system.
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Keys, ids and salts need randomness: without it the process must not continue.
        getrandom::fill(buffer).expect("the operating system provides random bytes");
    }
}
