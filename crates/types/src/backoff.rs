//! The pauses between the attempts at something that may work later.

/// Pauses that double with each attempt, up to a longest one.
///
/// ```text
/// let backoff = types::Backoff::doubling(500, 60_000);
/// assert_eq!([0, 1, 2, 9].map(|attempt| backoff.pause(attempt)), [500, 1_000, 2_000, 60_000]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first_ms: i64,
    max_ms: i64,
}

impl Backoff {
    /// `first_ms` before the first repetition, twice as long before each other one, at most
    /// `max_ms`.
    pub const fn doubling(first_ms: i64, max_ms: i64) -> Self {
        Self { first_ms, max_ms }
    }

    /// The milliseconds to wait after `attempt` earlier attempts failed: the first pause for 0.
    pub fn pause(self, attempt: u32) -> i64 {
        let factor = 1_i64 << attempt.min(62);
        self.first_ms.saturating_mul(factor).min(self.max_ms)
    }

    /// Like [`Backoff::pause`], but shortened by up to half, so that what failed together is not
    /// repeated together. `random` is any random number.
    pub fn jittered(self, attempt: u32, random: u64) -> i64 {
        let pause = self.pause(attempt);
        let spread = pause / 2;
        let jitter = random % (spread.unsigned_abs() + 1);
        pause - spread + i64::try_from(jitter).unwrap_or(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_takes_at_most_half_of_a_pause() {
        let backoff = Backoff::doubling(1_000, 10_000);
        let pauses = [(0, 0), (0, 500), (2, 0), (39, 5_000)]
            .map(|(attempt, random)| backoff.jittered(attempt, random));
        assert_eq!(pauses, [500, 1_000, 2_000, 10_000]);
        let random = [u64::MAX, 7_919, 501, 499].map(|random| backoff.jittered(0, random));
        assert!(random.iter().all(|pause| (500..=1_000).contains(pause)));
    }

    #[test]
    fn no_number_of_attempts_exceeds_the_longest_pause() {
        let backoff = Backoff::doubling(3, 60_000);
        let pauses = [0, 14, 15, 62, 63, u32::MAX].map(|attempt| backoff.pause(attempt));
        assert_eq!(pauses, [3, 49_152, 60_000, 60_000, 60_000, 60_000]);
        assert_eq!(Backoff::doubling(0, 60_000).pause(u32::MAX), 0);
    }
}
