//! The life of a delivery, pure: what becomes of a subscription's next batch when it is sent,
//! taken, refused, or nobody knows.
//!
//! ```text
//!            Claimed                Taken
//!   Ready ───────────▶ Sending ───────────────▶ Ready   (settle)
//!     ▲                 │  ▲ │
//!     │         Refused │  │ │ Refused for the last time
//!     │                 ▼  │ ├─▶ several events: Ready  (each alone from now on)
//!     │             Waiting ┘ ├─▶ one, dead_letter: Ready (bury)
//!     │                       └─▶ one, hold: Held
//!     └──────── Resumed ── Waiting, Held
//! ```

use crate::subscription::{OnError, RetryRule};
use types::Time;

/// The longest wait that a receiver's `Retry-After` can ask for.
const MAX_RETRY_AFTER_MS: i64 = 3_600_000;
/// How long past its time limit a call is still believed to be under way.
const GRACE_MS: i64 = 5_000;

/// Consecutive events of a subscription that are sent together: those that still wait, of these
/// sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// Where a subscription's next batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No batch is made up: the next events may go.
    Ready,
    /// It was refused, and goes again later, the same events.
    Waiting {
        batch: Batch,
        attempts: u32,
        at: Time,
    },
    /// It is with the receiver, or was when its sender died.
    Sending {
        batch: Batch,
        attempts: u32,
        until: Time,
    },
    /// It was refused for the last time, and the subscription is to hold.
    Held { batch: Batch },
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A sender takes it on, with so long for the call. The batch counts where none was made up.
    Claimed { batch: Batch, timeout_ms: i64 },
    /// The receiver has it.
    Taken,
    /// The receiver did not take it, or nobody knows. Perhaps it said when to come again.
    Refused { retry_after_ms: Option<i64> },
    /// The receiver says that it is too much at once.
    TooLarge,
    /// The receiver says that it wants nothing ever again.
    Gone,
    /// Somebody wants it tried now.
    Resumed,
}

/// What is to be done beside storing the new phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// External: post it. This is attempt number so and so.
    Send { batch: Batch, attempt: u32 },
    /// Internal: its events are delivered.
    Settle(Batch),
    /// Internal: its events go one by one from now on, so that a bad one is found.
    Part(Batch),
    /// Internal: its events become dead letters.
    Bury(Batch),
    /// Internal: the subscription is suspended.
    Suspend,
}

/// A new phase and what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) effect: Option<Effect>,
}

/// An event that cannot happen in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Illegal;

/// By what rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) retry: RetryRule,
    pub(crate) on_error: OnError,
}

/// One step. `chance` spreads retries, so that receivers that came back are not met by all at once.
pub(crate) fn step(
    phase: Phase,
    event: Event,
    now: Time,
    rules: &Rules,
    chance: u64,
) -> Result<Step, Illegal> {
    match (phase, event) {
        (Phase::Ready, Event::Claimed { batch, timeout_ms }) => Ok(send(batch, 1, now, timeout_ms)),
        (
            Phase::Waiting {
                batch, attempts, ..
            },
            Event::Claimed { timeout_ms, .. },
        ) => Ok(send(batch, attempts + 1, now, timeout_ms)),
        // Its sender died, and nobody knows whether it arrived: that counts as an attempt, or what
        // kills senders would do so for ever.
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::Claimed { .. },
        ) if attempts >= rules.retry.attempts => Ok(give_up(batch, rules.on_error)),
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::Claimed { timeout_ms, .. },
        ) => Ok(send(batch, attempts + 1, now, timeout_ms)),
        (Phase::Sending { batch, .. }, Event::Taken) => Ok(to(Phase::Ready, Effect::Settle(batch))),
        (Phase::Sending { batch, .. }, Event::TooLarge) if !batch.is_one() => {
            Ok(to(Phase::Ready, Effect::Part(batch)))
        }
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::TooLarge,
        ) => Ok(refused(batch, attempts, None, now, rules, chance)),
        (
            Phase::Sending {
                batch, attempts, ..
            },
            Event::Refused { retry_after_ms },
        ) => Ok(refused(batch, attempts, retry_after_ms, now, rules, chance)),
        (Phase::Sending { batch, .. }, Event::Gone) => Ok(to(
            Phase::Waiting {
                batch,
                attempts: 0,
                at: now,
            },
            Effect::Suspend,
        )),
        (Phase::Waiting { batch, .. } | Phase::Held { batch }, Event::Resumed) => Ok(Step {
            phase: Phase::Waiting {
                batch,
                attempts: 0,
                at: now,
            },
            effect: None,
        }),
        // What is under way is not called back, and where nothing stands nothing needs a push.
        (Phase::Ready | Phase::Sending { .. }, Event::Resumed) => Ok(Step {
            phase,
            effect: None,
        }),
        (
            Phase::Ready | Phase::Waiting { .. } | Phase::Held { .. },
            Event::Taken | Event::Refused { .. } | Event::TooLarge | Event::Gone,
        )
        | (Phase::Held { .. }, Event::Claimed { .. }) => Err(Illegal),
    }
}

fn to(phase: Phase, effect: Effect) -> Step {
    Step {
        phase,
        effect: Some(effect),
    }
}

fn send(batch: Batch, attempt: u32, now: Time, timeout_ms: i64) -> Step {
    let until = now.plus_millis(timeout_ms.saturating_add(GRACE_MS));
    to(
        Phase::Sending {
            batch,
            attempts: attempt,
            until,
        },
        Effect::Send { batch, attempt },
    )
}

fn refused(
    batch: Batch,
    attempts: u32,
    after_ms: Option<i64>,
    now: Time,
    rules: &Rules,
    chance: u64,
) -> Step {
    if attempts >= rules.retry.attempts {
        return give_up(batch, rules.on_error);
    }
    let asked = after_ms.unwrap_or(0).clamp(0, MAX_RETRY_AFTER_MS);
    let at = now.plus_millis(wait_ms(&rules.retry, attempts, chance).max(asked));
    Step {
        phase: Phase::Waiting {
            batch,
            attempts,
            at,
        },
        effect: None,
    }
}

fn give_up(batch: Batch, on_error: OnError) -> Step {
    match on_error {
        _ if !batch.is_one() => to(Phase::Ready, Effect::Part(batch)),
        OnError::DeadLetter => to(Phase::Ready, Effect::Bury(batch)),
        OnError::Hold => Step {
            phase: Phase::Held { batch },
            effect: None,
        },
    }
}

/// The wait after so many attempts: doubled each time up to the longest, of which one half is
/// certain and one half is chance.
fn wait_ms(retry: &RetryRule, attempts: u32, chance: u64) -> i64 {
    let doubled = retry
        .initial_ms
        .saturating_mul(1u64 << attempts.saturating_sub(1).min(40));
    let whole = doubled.min(retry.max_ms);
    let half = whole / 2;
    i64::try_from(whole - half + chance % (half + 1)).unwrap_or(i64::MAX)
}

impl Batch {
    pub(crate) fn is_one(self) -> bool {
        self.first == self.last
    }
}

impl Phase {
    /// When it can go on by itself.
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
    use proptest::prelude::*;

    const TIMEOUT_MS: i64 = 10_000;

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..4i64).prop_map(|more| Event::Claimed { batch: Batch { first: 1, last: 1 + more }, timeout_ms: TIMEOUT_MS }),
            2 => Just(Event::Taken),
            3 => proptest::option::of(-5_000..9_000_000i64).prop_map(|retry_after_ms| Event::Refused { retry_after_ms }),
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

    /// What a batch in care is, and how often it was tried.
    fn care(phase: Phase) -> Option<(Batch, u32)> {
        match phase {
            Phase::Ready => None,
            Phase::Waiting {
                batch, attempts, ..
            }
            | Phase::Sending {
                batch, attempts, ..
            } => Some((batch, attempts)),
            Phase::Held { batch } => Some((batch, 0)),
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_goes_on_for_ever(
            events in proptest::collection::vec((any_event(), any::<u64>(), 0..20_000i64), 1..60),
            rules in any_rules(),
        ) {
            let (mut phase, mut now) = (Phase::Ready, Time::EPOCH);
            for (event, chance, pause) in events {
                now = now.plus_millis(pause);
                let Ok(next) = step(phase, event, now, &rules, chance) else { continue };
                let before = care(phase);
                // A batch is left only by being settled, parted or buried, whole; what is buried was refused for the last time and is one.
                match (before, care(next.phase), next.effect) {
                    (Some((batch, _)), None, Some(Effect::Settle(left) | Effect::Part(left) | Effect::Bury(left))) => prop_assert_eq!(batch, left),
                    (Some((batch, _)), Some((same, _)), _) => prop_assert_eq!(batch, same),
                    (None, _, None | Some(Effect::Send { attempt: 1, .. })) => {}
                    (before, after, effect) => prop_assert!(false, "{:?} {:?} {:?}", before, after, effect),
                }
                if let Some(Effect::Bury(batch)) = next.effect {
                    prop_assert!(batch.is_one() && rules.on_error == OnError::DeadLetter);
                    prop_assert!(before.is_some_and(|(_, attempts)| attempts >= rules.retry.attempts));
                }
                // Attempts rise by one with each sending, and never beyond the limit.
                if let Some(Effect::Send { attempt, .. }) = next.effect {
                    prop_assert_eq!(attempt, before.map_or(0, |(_, attempts)| attempts) + 1);
                    prop_assert!(attempt <= rules.retry.attempts);
                }
                // A wait is never in the past, and never longer than the longest.
                if let (Phase::Waiting { at, .. }, Event::Refused { retry_after_ms }) = (next.phase, event) {
                    let most = i64::try_from(rules.retry.max_ms).unwrap().max(retry_after_ms.unwrap_or(0).clamp(0, MAX_RETRY_AFTER_MS));
                    prop_assert!(at > now && at.millis_since(now) <= most);
                    prop_assert!(at.millis_since(now) >= retry_after_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS));
                }
                phase = next.phase;
            }
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = RetryRule {
            initial_ms: 1_000,
            max_ms: 10_000,
            attempts: 12,
        };
        let longest: Vec<i64> = (1..=6)
            .map(|attempts| wait_ms(&retry, attempts, 499 + 501 * u64::from(attempts == 99)))
            .collect();
        assert_eq!(wait_ms(&retry, 1, 0), 500);
        assert_eq!(wait_ms(&retry, 1, 500), 1_000);
        assert_eq!(wait_ms(&retry, 3, 0), 2_000);
        assert_eq!(wait_ms(&retry, 40, 5_000), 10_000);
        assert!(longest.is_sorted());
    }
}
