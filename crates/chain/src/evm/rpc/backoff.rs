//! Backoff of retries: doubling, capped, with jitter.

use serde::{Deserialize, Serialize};
use types::Entropy;

/// Retries of read calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The number of attempts in total.
    pub attempts: u32,
    /// The upper limit of the first wait.
    pub first_ms: u64,
    /// The upper limit of any wait. If a server asks for a longer one, there is no further attempt.
    pub max_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_ms: 100,
            max_ms: 5_000,
        }
    }
}

impl Retry {
    /// The wait after failed attempt `attempt` (the first is 1). `None` if it was the last, or the
    /// server asks for too long a wait.
    pub(super) fn wait_ms(
        &self,
        attempt: u32,
        requested_ms: Option<u64>,
        entropy: &dyn Entropy,
    ) -> Option<u64> {
        if attempt >= self.attempts || requested_ms.is_some_and(|requested| requested > self.max_ms)
        {
            return None;
        }
        let ceiling = self
            .first_ms
            .saturating_mul(1 << (attempt - 1).min(20))
            .min(self.max_ms);
        Some(jittered(ceiling, entropy).max(requested_ms.unwrap_or(0)))
    }
}

/// Picks a wait between half and the whole of the ceiling.
fn jittered(ceiling: u64, entropy: &dyn Entropy) -> u64 {
    let mut bytes = [0u8; 8];
    entropy.fill(&mut bytes);
    let half = ceiling / 2;
    half + u64::from_be_bytes(bytes) % (ceiling - half + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_a_cap_and_attempts_end() {
        let retry = Retry {
            attempts: 5,
            first_ms: 100,
            max_ms: 300,
        };
        for byte in [0, 1, 127, 255] {
            let waits: Vec<_> = (1..=5)
                .map(|attempt| retry.wait_ms(attempt, None, &Constant(byte)))
                .collect();
            for (wait, limit) in waits.iter().zip([100, 200, 300, 300]) {
                assert!(
                    wait.is_some_and(|wait| (limit / 2..=limit).contains(&wait)),
                    "{waits:?}"
                );
            }
            assert_eq!(waits[4], None);
        }
    }

    #[test]
    fn a_requested_wait_is_honored_up_to_the_cap() {
        let retry = Retry {
            attempts: 5,
            first_ms: 100,
            max_ms: 3_000,
        };
        assert_eq!(retry.wait_ms(1, Some(2_000), &Constant(0)), Some(2_000));
        assert_eq!(retry.wait_ms(1, Some(3_001), &Constant(0)), None);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let retry = Retry {
            attempts: u32::MAX,
            first_ms: u64::MAX,
            max_ms: u64::MAX,
        };
        assert!(retry.wait_ms(u32::MAX - 1, None, &Constant(255)).is_some());
    }
}
