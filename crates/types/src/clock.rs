//! Time and chance as arguments (law 6): the traits; the implementations live at the edges.

use crate::Time;

/// Who tells the time. The binary gives the system's; tests give one that they advance.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Time;

    /// Milliseconds since some fixed moment, never running backwards: what leases are held by (law
    /// 9).
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.now().millis()).unwrap_or(0)
    }
}

/// Where chance comes from. The binary gives the operating system's; tests give a seeded one.
pub trait Entropy: Send + Sync {
    /// Fill with bytes that nobody can foresee.
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
