//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use types::{Clock, Time};

/// A clock that tests set and advance. Share it as `Arc<ManualClock>`.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Time) -> Self {
        Self(AtomicI64::new(at.micros()))
    }

    /// Show `at`, earlier or later than now.
    pub fn set(&self, at: Time) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }

    /// Move on by some milliseconds (back, if negative) and return the new moment.
    pub fn advance_millis(&self, millis: i64) -> Time {
        let step = millis.saturating_mul(1_000);
        Time::from_micros(
            self.0
                .fetch_add(step, Ordering::SeqCst)
                .saturating_add(step),
        )
    }
}

impl Default for ManualClock {
    /// 2026-01-01T00:00:00Z: a plausible moment, the same in every run.
    fn default() -> Self {
        Self::at(Time::from_secs(1_767_225_600))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_it_is_moved() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00.000000Z");
        assert_eq!(clock.now(), clock.now());
        let later = clock.advance_millis(1_500);
        assert_eq!(later, clock.now());
        assert_eq!(later.to_string(), "2026-01-01T00:00:01.500000Z");
        clock.set(Time::EPOCH);
        assert_eq!(clock.now(), Time::EPOCH);
    }
}
