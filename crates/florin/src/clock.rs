//! Time and chance of the running process: the only place where they are read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use types::{Clock, Entropy, Time};

/// The system's clock.
pub(crate) struct SystemClock {
    begun: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The operating system's source of chance.
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, into: &mut [u8]) {
        // Without chance there are no keys, no ids and no salts: nothing could go on safely.
        getrandom::fill(into).expect("the operating system gives chance");
    }
}
