//! A clock that tests control.

use std::sync::atomic::{AtomicI64, Ordering};

use types::{Clock, Time};

/// A clock that changes only when a test sets or advances it. Share it as `Arc<ManualClock>`.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock set to `at`.
    pub fn at(at: Time) -> Self {
        Self(AtomicI64::new(at.micros()))
    }

    /// Set the time, forwards or backwards.
    pub fn set(&self, at: Time) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }

    /// Advance by milliseconds (backwards if negative) and return the new time.
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
    /// 2026-01-01T00:00:00Z.
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
    fn time_changes_only_by_set_and_advance() {
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
