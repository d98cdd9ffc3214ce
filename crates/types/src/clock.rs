//! Time and randomness are arguments: these are the traits; the implementations are passed in by
//! the binary and by tests.

use crate::Time;

/// A source of time. The binary uses the system clock; tests advance one by hand.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Time;

    /// Milliseconds since some fixed moment, never decreasing. Leases are measured by it.
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.now().millis()).unwrap_or(0)
    }
}

/// A source of randomness. The binary uses the operating system's; tests use a seeded one.
pub trait Entropy: Send + Sync {
    /// Fill a buffer with unpredictable bytes.
    fn fill(&self, into: &mut [u8]);
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Time {
        (**self).now()
    }

    fn monotonic_ms(&self) -> u64 {
        (**self).monotonic_ms()
    }
}

impl<T: Entropy + ?Sized> Entropy for std::sync::Arc<T> {
    fn fill(&self, into: &mut [u8]) {
        (**self).fill(into);
    }
}
