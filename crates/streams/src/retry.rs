//! When failed batches are retried, and what happens after the last attempt.

use serde::{Deserialize, Serialize};
use types::Backoff;
use utoipa::ToSchema;

/// When a failed batch is retried: after `initialMs`, then with exponential backoff and jitter up
/// to `maxMs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryRule {
    /// The first delay in milliseconds, 100 to 60,000.
    pub initial_ms: u64,
    /// The longest delay in milliseconds, `initialMs` to 3,600,000.
    pub max_ms: u64,
    /// The number of attempts before the delivery fails, 1 to 100.
    pub attempts: u32,
}

/// What happens to an event after the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The event becomes a dead letter, and delivery continues.
    #[default]
    DeadLetter,
    /// The subscription stops until it is resumed or the event is skipped.
    Hold,
}

impl Default for RetryRule {
    /// Twelve attempts over about 35 minutes.
    fn default() -> Self {
        Self {
            initial_ms: 1_000,
            max_ms: 300_000,
            attempts: 12,
        }
    }
}

/// What decides about a batch that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) retry: RetryRule,
    pub(crate) on_error: OnError,
}

impl RetryRule {
    /// The delay after some failed attempts, at least 1.
    pub(crate) fn delay_ms(&self, attempts: u32, jitter: u64) -> i64 {
        let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Backoff::doubling(ms(self.initial_ms), ms(self.max_ms))
            .jittered(attempts.saturating_sub(1), jitter)
    }
}
