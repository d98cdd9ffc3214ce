//! The life cycle of a run as a pure state machine: every pair of position and event is handled
//! here.

use serde::{Deserialize, Serialize};

/// The state of a run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Accepted; no step has begun.
    Queued,
    Running,
    /// The current step waits for a submission or for its next attempt.
    Waiting,
    Succeeded,
    /// A step failed; the run can be retried from there.
    Failed,
    /// An external effect has an unknown outcome: an operator decides.
    Parked,
    /// Cancelled by a caller.
    Cancelled,
}

/// The state of a run's current step.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StepState {
    /// Not started, or due to be started again.
    Pending,
    /// The effect is recorded and may have been started.
    Open,
    /// The submission is enqueued; the step waits for its outcome.
    Waiting,
    /// The effect happened; the step's clauses are not evaluated yet.
    Acted,
    Done,
    Skipped,
    Failed,
    /// The outcome of the effect is unknown.
    Parked,
}

/// The progress of a run through its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, store::Record)]
pub struct Position {
    pub state: State,
    /// The index of the current step, from 0; of the last one once the run has ended.
    pub step: u32,
    pub step_state: StepState,
    /// Attempt at the current step, from 1.
    pub attempt: u32,
    /// How often an operator retried the step; all attempts of one round share their idempotency
    /// key.
    pub round: u32,
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(strum::EnumIter))]
pub enum Event {
    /// The step's `skip` condition is true.
    Skipped,
    /// The step's effect was recorded.
    Opened,
    /// The submission was enqueued.
    WaitStarted,
    /// The effect happened and its result is recorded.
    Acted,
    /// The attempt failed and another is scheduled.
    RetryScheduled {
        /// The outcome of the effect is unknown, so the same effect is sent again.
        open: bool,
    },
    /// The step is done.
    Done(Continuation),
    /// The step failed permanently.
    Failed,
    /// The outcome of the effect is unknown.
    Parked,
    /// A caller cancelled the run.
    Cancelled,
    /// An operator resumed the failed run at the step that failed.
    Retried,
    /// An operator decided that the effect of a parked step did not happen.
    Resent,
    /// An operator decided that the effect of a parked step happened.
    MarkedDone,
    /// An operator decided that a parked step failed.
    MarkedFailed,
}

/// How a run continues after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum Continuation {
    /// With the next step; after the last one the run has succeeded.
    #[default]
    Next,
    /// The run ends as succeeded.
    End,
    /// The run ends as failed.
    Fail,
}

/// An event that the current position does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {state:?} run with a {step_state:?} step does not accept {event:?}")]
pub struct IllegalTransition {
    pub state: State,
    pub step_state: StepState,
    pub event: Event,
}

impl State {
    /// Whether a worker will execute it, now or later.
    pub fn is_live(self) -> bool {
        matches!(self, State::Queued | State::Running | State::Waiting)
    }

    /// Whether it never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, State::Succeeded | State::Cancelled)
    }

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl StepState {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Position {
    /// The position of a new run.
    pub const START: Position = Position {
        state: State::Queued,
        step: 0,
        step_state: StepState::Pending,
        attempt: 1,
        round: 0,
    };

    /// The position after an event, in a task with this number of steps.
    pub fn after(self, event: Event, steps: u32) -> Result<Position, IllegalTransition> {
        use {Event as E, StepState as P};
        match (self.state, self.step_state, event) {
            (state, _, E::Cancelled) if !state.is_terminal() => {
                Ok(self.with_states(State::Cancelled, self.step_state))
            }
            (state, P::Pending, event) if state.is_live() => self.while_pending(event, steps),
            (state, P::Open | P::Waiting, event) if state.is_live() => {
                self.while_open(event, steps)
            }
            (state, P::Acted, E::Done(then)) if state.is_live() => {
                Ok(self.after_step(P::Done, then, steps))
            }
            (state, P::Acted, E::Failed) if state.is_live() => {
                Ok(self.with_states(State::Failed, P::Failed))
            }
            (State::Failed, _, E::Retried) => Ok(Position {
                attempt: 1,
                round: self.round + 1,
                ..self.with_states(State::Running, P::Pending)
            }),
            (State::Parked, P::Parked, E::Resent) => Ok(self.with_states(State::Running, P::Open)),
            // The step's clauses are still to be evaluated.
            (State::Parked, P::Parked, E::MarkedDone) => {
                Ok(self.with_states(State::Running, P::Acted))
            }
            (State::Parked, P::Parked, E::MarkedFailed) => {
                Ok(self.with_states(State::Failed, P::Failed))
            }
            _ => Err(self.illegal(event)),
        }
    }

    fn while_pending(self, event: Event, steps: u32) -> Result<Position, IllegalTransition> {
        use {Event as E, StepState as P};
        match event {
            E::Skipped => Ok(self.after_step(P::Skipped, Continuation::Next, steps)),
            E::Opened => Ok(self.with_states(State::Running, P::Open)),
            E::Acted => Ok(self.with_states(State::Running, P::Acted)),
            E::RetryScheduled { open: false } => Ok(self.retry_later(P::Pending)),
            E::Done(then) => Ok(self.after_step(P::Done, then, steps)),
            E::Failed => Ok(self.with_states(State::Failed, P::Failed)),
            _ => Err(self.illegal(event)),
        }
    }

    fn while_open(self, event: Event, steps: u32) -> Result<Position, IllegalTransition> {
        use {Event as E, StepState as P};
        match event {
            E::WaitStarted => Ok(self.with_states(State::Waiting, P::Waiting)),
            E::Acted => Ok(self.with_states(State::Running, P::Acted)),
            E::RetryScheduled { open } => {
                Ok(self.retry_later(if open { P::Open } else { P::Pending }))
            }
            E::Done(then) => Ok(self.after_step(P::Done, then, steps)),
            E::Failed => Ok(self.with_states(State::Failed, P::Failed)),
            E::Parked => Ok(self.with_states(State::Parked, P::Parked)),
            _ => Err(self.illegal(event)),
        }
    }

    fn with_states(self, state: State, step_state: StepState) -> Position {
        Position {
            state,
            step_state,
            ..self
        }
    }

    fn retry_later(self, step_state: StepState) -> Position {
        Position {
            attempt: self.attempt + 1,
            ..self.with_states(State::Waiting, step_state)
        }
    }

    /// The position after a step that ended.
    fn after_step(self, ended: StepState, then: Continuation, steps: u32) -> Position {
        match then {
            Continuation::Next if self.step + 1 < steps => Position {
                state: State::Running,
                step: self.step + 1,
                step_state: StepState::Pending,
                attempt: 1,
                round: 0,
            },
            Continuation::Next | Continuation::End => self.with_states(State::Succeeded, ended),
            Continuation::Fail => self.with_states(State::Failed, ended),
        }
    }

    fn illegal(self, event: Event) -> IllegalTransition {
        IllegalTransition {
            state: self.state,
            step_state: self.step_state,
            event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;
    use strum::{IntoEnumIterator, VariantArray};

    /// Every event, with every value of its members.
    static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| {
        let with_members = |event| match event {
            Event::RetryScheduled { .. } => [false, true]
                .map(|open| Event::RetryScheduled { open })
                .to_vec(),
            Event::Done(_) => Continuation::VARIANTS
                .iter()
                .map(|then| Event::Done(*then))
                .collect(),
            event => vec![event],
        };
        Event::iter().flat_map(with_members).collect()
    });

    fn events() -> impl Strategy<Value = Vec<Event>> {
        prop::collection::vec(prop::sample::select(&**EVENTS), 0..60)
    }

    proptest! {
        #[test]
        fn every_sequence_of_events_keeps_the_invariants(events in events(), steps in 1u32..5) {
            let mut position = Position::START;
            for event in events {
                let Ok(next) = position.after(event, steps) else { continue };
                prop_assert!(!position.state.is_terminal(), "{event:?} changed the terminal {position:?}");
                prop_assert!(next.step >= position.step && next.step < steps, "{position:?} {event:?} {next:?}");
                prop_assert!(next.step <= position.step + 1);
                prop_assert_ne!(next.state, State::Queued);
                let fresh = next.step != position.step || event == Event::Retried;
                prop_assert_eq!(next.attempt == 1 || next.attempt >= position.attempt, true);
                prop_assert!(!fresh || (next.attempt == 1 && next.step_state == StepState::Pending));
                prop_assert_eq!(next.state == State::Parked, next.step_state == StepState::Parked && next.state != State::Cancelled);
                prop_assert!(next.round == 0 || next.step == position.step);
                position = next;
            }
        }

        #[test]
        fn an_effect_starts_only_after_it_is_recorded(events in events()) {
            let mut position = Position::START;
            let mut recorded = false;
            for event in events {
                let Ok(next) = position.after(event, 3) else { continue };
                recorded = match event {
                    Event::Opened | Event::Resent => true,
                    _ if next.step_state == StepState::Pending => false,
                    _ => recorded,
                };
                prop_assert!(recorded || !matches!(next.step_state, StepState::Waiting | StepState::Parked | StepState::Open));
                position = next;
            }
        }
    }

    #[test]
    fn only_the_last_step_ends_the_run() {
        let first = Position::START
            .after(Event::Done(Continuation::Next), 2)
            .unwrap();
        assert_eq!(
            (first.state, first.step, first.step_state),
            (State::Running, 1, StepState::Pending)
        );
        let last = first.after(Event::Done(Continuation::Next), 2).unwrap();
        assert_eq!(
            (last.state, last.step, last.step_state),
            (State::Succeeded, 1, StepState::Done)
        );
    }

    #[test]
    fn an_operator_retry_starts_a_new_round_and_a_resend_does_not() {
        let open = Position::START.after(Event::Opened, 1).unwrap();
        let parked = open.after(Event::Parked, 1).unwrap();
        assert_eq!(parked.after(Event::Resent, 1).unwrap().round, 0);
        let failed = open.after(Event::Failed, 1).unwrap();
        assert_eq!(failed.after(Event::Retried, 1).unwrap().round, 1);
        assert!(
            failed.after(Event::Resent, 1).is_err() && parked.after(Event::Retried, 1).is_err()
        );
    }

    #[test]
    fn a_run_that_ended_accepts_no_event() {
        let done = Position::START
            .after(Event::Done(Continuation::End), 3)
            .unwrap();
        assert!(EVENTS.iter().all(|event| done.after(*event, 3).is_err()));
    }
}
