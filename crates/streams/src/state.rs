//! The state machine of a subscription's next batch: sent, delivered, failed, or unknown. Pure.
//!
//! ```text
//!            Claimed              Delivered
//!   Ready ───────────▶ Sending ───────────────▶ Ready   (acknowledge)
//!     ▲                 │  ▲ │
//!     │          Failed │  │ │ last attempt failed
//!     │                 ▼  │ ├─▶ several events: Ready  (split)
//!     │             Waiting ┘ ├─▶ one, dead_letter: Ready (dead-letter)
//!     │                       └─▶ one, hold: Held
//!     └──────── Resumed ── Waiting, Held
//! ```

use crate::retry::{OnError, Rules};
use types::Time;

/// Longer `Retry-After` values are shortened to this.
const MAX_RETRY_AFTER_MS: i64 = 3_600_000;
/// How long after its time limit a call still counts as in flight.
const GRACE_MS: i64 = 5_000;

/// Events of a subscription that are sent together: those with a sequence in this range that are
/// still waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// The state of a subscription's next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No batch is formed; the next events can be sent.
    Ready,
    /// The last attempt failed; the same events are retried at `at`.
    Waiting {
        batch: Batch,
        attempts: u32,
        at: Time,
    },
    /// In flight, or it was when its sender crashed.
    Sending {
        batch: Batch,
        attempts: u32,
        until: Time,
    },
    /// The last attempt failed, and the subscription is held.
    Held { batch: Batch },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A sender claims the batch. `batch` is used only if none is formed.
    Claimed {
        batch: Batch,
        timeout_ms: i64,
    },
    Delivered,
    /// The receiver rejected it, or the outcome is unknown.
    Failed {
        retry_after_ms: Option<i64>,
    },
    /// The receiver answered 413.
    TooLarge,
    /// The receiver answered 410.
    Gone,
    /// A caller requests an immediate attempt.
    Resumed,
}

/// What to do besides storing the new phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// External: post the batch.
    Send { batch: Batch, attempt: u32 },
    /// Internal: delete its events, which are delivered.
    Acknowledge(Batch),
    /// Internal: send its events one by one, to find the one that fails.
    Split(Batch),
    /// Internal: turn its events into dead letters.
    DeadLetter(Batch),
    /// Internal: suspend the subscription.
    Suspend,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) effect: Option<Effect>,
}

/// An event that cannot happen in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Illegal;

/// One step. `jitter` is a random number that spreads retries, so that a recovered receiver does
/// not get all of them at once.
pub(crate) fn step(
    phase: Phase,
    event: Event,
    now: Time,
    rules: &Rules,
    jitter: u64,
) -> Result<Step, Illegal> {
    match (phase, event) {
        (Phase::Ready, Event::Claimed { batch, timeout_ms }) => Ok(send(batch, 1, now, timeout_ms)),
        (Phase::Sending { batch, .. }, Event::Delivered) => {
            Ok(Step::to(Phase::Ready).with(Effect::Acknowledge(batch)))
        }
        (Phase::Sending { batch, .. }, Event::TooLarge) if !batch.is_single() => Ok(split(batch)),
        // If it is claimed, its sender crashed and the outcome is unknown. That counts as an
        // attempt; otherwise a batch that crashes its senders would be retried without end.
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::Claimed { .. } | Event::TooLarge | Event::Failed { .. },
        ) if attempts >= rules.retry.attempts => Ok(give_up(batch, rules.on_error)),
        (
            Phase::Waiting {
                batch, attempts, ..
            }
            | Phase::Sending {
                batch, attempts, ..
            },
            Event::Claimed { timeout_ms, .. },
        ) => Ok(send(batch, attempts + 1, now, timeout_ms)),
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::TooLarge | Event::Failed { .. },
        ) => {
            let delay_ms = rules.retry.delay_ms(attempts, jitter);
            let at = now.plus_millis(delay_ms.max(event.retry_after_ms()));
            Ok(Step::to(Phase::Waiting {
                batch,
                attempts,
                at,
            }))
        }
        (Phase::Sending { batch, .. }, Event::Gone) => {
            Ok(restart(batch, now).with(Effect::Suspend))
        }
        (Phase::Waiting { batch, .. } | Phase::Held { batch }, Event::Resumed) => {
            Ok(restart(batch, now))
        }
        // A call in flight is not cancelled, and a ready batch needs no retry.
        (Phase::Ready | Phase::Sending { .. }, Event::Resumed) => Ok(Step::to(phase)),
        (
            Phase::Ready | Phase::Waiting { .. } | Phase::Held { .. },
            Event::Delivered | Event::Failed { .. } | Event::TooLarge | Event::Gone,
        )
        | (Phase::Held { .. }, Event::Claimed { .. }) => Err(Illegal),
    }
}

fn send(batch: Batch, attempt: u32, now: Time, timeout_ms: i64) -> Step {
    let sending = Phase::Sending {
        batch,
        attempts: attempt,
        until: now.plus_millis(timeout_ms.saturating_add(GRACE_MS)),
    };
    Step::to(sending).with(Effect::Send { batch, attempt })
}

fn restart(batch: Batch, now: Time) -> Step {
    Step::to(Phase::Waiting {
        batch,
        attempts: 0,
        at: now,
    })
}

fn split(batch: Batch) -> Step {
    Step::to(Phase::Ready).with(Effect::Split(batch))
}

fn give_up(batch: Batch, on_error: OnError) -> Step {
    match on_error {
        _ if !batch.is_single() => split(batch),
        OnError::DeadLetter => Step::to(Phase::Ready).with(Effect::DeadLetter(batch)),
        OnError::Hold => Step::to(Phase::Held { batch }),
    }
}

impl Event {
    fn retry_after_ms(self) -> i64 {
        match self {
            Self::Failed {
                retry_after_ms: Some(ms),
            } => ms.clamp(0, MAX_RETRY_AFTER_MS),
            _ => 0,
        }
    }
}

impl Step {
    fn to(phase: Phase) -> Self {
        let effect = None;
        Self { phase, effect }
    }

    fn with(self, effect: Effect) -> Self {
        let effect = Some(effect);
        Self { effect, ..self }
    }
}

impl Batch {
    pub(crate) fn is_single(self) -> bool {
        self.first == self.last
    }
}

impl Phase {
    /// The formed batch.
    pub(crate) fn batch(self) -> Option<Batch> {
        match self {
            Phase::Ready => None,
            Phase::Waiting { batch, .. } | Phase::Sending { batch, .. } | Phase::Held { batch } => {
                Some(batch)
            }
        }
    }

    /// Attempts of the formed batch so far.
    pub(crate) fn attempts(self) -> u32 {
        match self {
            Phase::Waiting { attempts, .. } | Phase::Sending { attempts, .. } => attempts,
            Phase::Ready | Phase::Held { .. } => 0,
        }
    }

    /// When the worker can next act on it without a caller.
    pub(crate) fn due(self, now: Time) -> Time {
        match self {
            Phase::Ready | Phase::Held { .. } => now,
            Phase::Waiting { at, .. } => at,
            Phase::Sending { until, .. } => until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::RetryRule;
    use proptest::prelude::*;

    const TIMEOUT_MS: i64 = 10_000;

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..4i64).prop_map(|more| Event::Claimed { batch: Batch { first: 1, last: 1 + more }, timeout_ms: TIMEOUT_MS }),
            2 => Just(Event::Delivered),
            3 => proptest::option::of(-5_000..9_000_000i64).prop_map(|retry_after_ms| Event::Failed { retry_after_ms }),
            1 => Just(Event::TooLarge),
            1 => Just(Event::Gone),
            1 => Just(Event::Resumed),
        ]
    }

    fn any_rules() -> impl Strategy<Value = Rules> {
        (100..5_000u64, 1..8u32, any::<bool>()).prop_map(|(initial_ms, attempts, hold)| Rules {
            retry: RetryRule {
                initial_ms,
                max_ms: initial_ms * 10,
                attempts,
            },
            on_error: if hold {
                OnError::Hold
            } else {
                OnError::DeadLetter
            },
        })
    }

    /// The formed batch and its attempts.
    fn formed_batch(phase: Phase) -> Option<(Batch, u32)> {
        phase.batch().map(|batch| (batch, phase.attempts()))
    }

    proptest! {
        #[test]
        fn no_batch_is_lost_or_retried_without_end(
            events in proptest::collection::vec((any_event(), any::<u64>(), 0..20_000i64), 1..60),
            rules in any_rules(),
        ) {
            let (mut phase, mut now) = (Phase::Ready, Time::EPOCH);
            for (event, jitter, pause) in events {
                now = now.plus_millis(pause);
                let Ok(next) = step(phase, event, now, &rules, jitter) else { continue };
                let before = formed_batch(phase);
                // A batch ends only by being acknowledged, split or dead-lettered as a whole.
                // A dead-lettered batch is one event and has used all its attempts.
                match (before, formed_batch(next.phase), next.effect) {
                    (Some((batch, _)), None, Some(Effect::Acknowledge(ended) | Effect::Split(ended) | Effect::DeadLetter(ended))) => prop_assert_eq!(batch, ended),
                    (Some((batch, _)), Some((same, _)), _) => prop_assert_eq!(batch, same),
                    (None, _, None | Some(Effect::Send { attempt: 1, .. })) => {}
                    (before, after, effect) => prop_assert!(false, "{:?} {:?} {:?}", before, after, effect),
                }
                if let Some(Effect::DeadLetter(batch)) = next.effect {
                    prop_assert!(batch.is_single() && rules.on_error == OnError::DeadLetter);
                    prop_assert!(before.is_some_and(|(_, attempts)| attempts >= rules.retry.attempts));
                }
                // Each send increments the attempts by one, never beyond the limit.
                if let Some(Effect::Send { attempt, .. }) = next.effect {
                    prop_assert_eq!(attempt, before.map_or(0, |(_, attempts)| attempts) + 1);
                    prop_assert!(attempt <= rules.retry.attempts);
                }
                // A retry is never in the past, and never later than the limit.
                if let (Phase::Waiting { at, .. }, Event::Failed { retry_after_ms }) = (next.phase, event) {
                    let limit_ms = i64::try_from(rules.retry.max_ms).unwrap().max(retry_after_ms.unwrap_or(0).clamp(0, MAX_RETRY_AFTER_MS));
                    prop_assert!(at > now && at.millis_since(now) <= limit_ms);
                    prop_assert!(at.millis_since(now) >= retry_after_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS));
                }
                phase = next.phase;
            }
        }
    }

    #[test]
    fn delays_double_up_to_the_maximum() {
        let retry = RetryRule {
            initial_ms: 1_000,
            max_ms: 10_000,
            attempts: 12,
        };
        let delays: Vec<i64> = (1..=6)
            .map(|attempts| retry.delay_ms(attempts, 499 + 501 * u64::from(attempts == 99)))
            .collect();
        assert_eq!(retry.delay_ms(1, 0), 500);
        assert_eq!(retry.delay_ms(1, 500), 1_000);
        assert_eq!(retry.delay_ms(3, 0), 2_000);
        assert_eq!(retry.delay_ms(40, 5_000), 10_000);
        assert!(delays.is_sorted());
    }
}
