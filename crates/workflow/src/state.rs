//! The life of a run. Pure: every pair of position and event has its answer here.

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted; no step has begun.
    Queued,
    /// Its steps are being done.
    Running,
    /// A step waits: for a submission, or for the time to try again.
    Waiting,
    /// All that was to be done is done.
    Succeeded,
    /// A step failed; the run can be retried from there.
    Failed,
    /// Nobody knows whether an outside effect happened: a person decides.
    Parked,
    /// Ended by a person.
    Cancelled,
}

/// Where the step stands that the run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// To be done, for the first time or again.
    Pending,
    /// What it is to do is written down, and may have been begun.
    Open,
    /// It was handed on, and its end is awaited.
    Waiting,
    /// It happened; what is asked after the step is not answered yet.
    Acted,
    /// Done.
    Done,
    /// Left out.
    Skipped,
    /// Failed.
    Failed,
    /// Nobody knows whether it happened.
    Parked,
}

/// A run's place in its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The run.
    pub state: State,
    /// The step it is at, from 0; the last one once it has ended.
    pub step: u32,
    /// That step.
    pub step_state: StepState,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// How often a person had it tried anew; attempts of one round share their idempotency key.
    pub round: u32,
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The step's condition to be left out holds.
    Skipped,
    /// The step's effect is written down.
    Opened,
    /// The effect was handed on; its end is awaited.
    Waits,
    /// The effect happened and its result is written down.
    Acted,
    /// This attempt came to nothing; there will be another. `open`: it is not known whether the
    /// effect happened, so the same is sent again.
    PutOff {
        /// Whether the effect stays open.
        open: bool,
    },
    /// The step is done.
    Done(Then),
    /// The step failed for good.
    Failed,
    /// Nobody knows whether the effect happened.
    Parked,
    /// A person ends the run.
    Cancelled,
    /// A person has a failed run go on from the step that failed.
    Retried,
    /// A person says of a parked step: it did not happen, send it again.
    Resent,
    /// A person says of a parked step: it happened, go on.
    Settled,
    /// A person says of a parked step: it failed.
    GivenUp,
}

/// How a run goes on after a step that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// With the next step; after the last one it has succeeded.
    Next,
    /// It ends successfully.
    End,
    /// It ends as failed.
    Fail,
}

/// A pair that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {state:?} at a step that is {step_state:?} cannot take {event:?}")]
pub struct Illegal {
    /// The run.
    pub state: State,
    /// The step.
    pub step_state: StepState,
    /// What came.
    pub event: Event,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Queued,
        State::Running,
        State::Waiting,
        State::Succeeded,
        State::Failed,
        State::Parked,
        State::Cancelled,
    ];

    /// Whether workers have something to do with it, now or later.
    pub fn is_live(self) -> bool {
        matches!(self, State::Queued | State::Running | State::Waiting)
    }

    /// Whether it never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, State::Succeeded | State::Cancelled)
    }

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Waiting => "waiting",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Parked => "parked",
            State::Cancelled => "cancelled",
        }
    }

    /// From what is stored or asked for.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl StepState {
    /// Every state.
    pub const ALL: [StepState; 8] = [
        StepState::Pending,
        StepState::Open,
        StepState::Waiting,
        StepState::Acted,
        StepState::Done,
        StepState::Skipped,
        StepState::Failed,
        StepState::Parked,
    ];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            StepState::Pending => "pending",
            StepState::Open => "open",
            StepState::Waiting => "waiting",
            StepState::Acted => "acted",
            StepState::Done => "done",
            StepState::Skipped => "skipped",
            StepState::Failed => "failed",
            StepState::Parked => "parked",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Position {
    /// Where every run begins.
    pub const START: Position = Position {
        state: State::Queued,
        step: 0,
        step_state: StepState::Pending,
        attempt: 1,
        round: 0,
    };

    /// The position after an event, in a task of so many steps.
    pub fn after(self, event: Event, steps: u32) -> Result<Position, Illegal> {
        use {Event as E, StepState as P};
        match (self.state, self.step_state, event) {
            (state, _, E::Cancelled) if !state.is_terminal() => {
                Ok(self.at(State::Cancelled, self.step_state))
            }
            (state, P::Pending, event) if state.is_live() => self.while_pending(event, steps),
            (state, P::Open | P::Waiting, event) if state.is_live() => {
                self.while_open(event, steps)
            }
            (state, P::Acted, E::Done(then)) if state.is_live() => {
                Ok(self.on(P::Done, then, steps))
            }
            (state, P::Acted, E::Failed) if state.is_live() => {
                Ok(self.at(State::Failed, P::Failed))
            }
            (State::Failed, _, E::Retried) => Ok(Position {
                attempt: 1,
                round: self.round + 1,
                ..self.at(State::Running, P::Pending)
            }),
            (State::Parked, P::Parked, E::Resent) => Ok(self.at(State::Running, P::Open)),
            // What the task asks after the step is still to be asked.
            (State::Parked, P::Parked, E::Settled) => Ok(self.at(State::Running, P::Acted)),
            (State::Parked, P::Parked, E::GivenUp) => Ok(self.at(State::Failed, P::Failed)),
            _ => Err(self.illegal(event)),
        }
    }

    fn while_pending(self, event: Event, steps: u32) -> Result<Position, Illegal> {
        use {Event as E, StepState as P};
        match event {
            E::Skipped => Ok(self.on(P::Skipped, Then::Next, steps)),
            E::Opened => Ok(self.at(State::Running, P::Open)),
            E::Acted => Ok(self.at(State::Running, P::Acted)),
            E::PutOff { open: false } => Ok(self.again(P::Pending)),
            E::Done(then) => Ok(self.on(P::Done, then, steps)),
            E::Failed => Ok(self.at(State::Failed, P::Failed)),
            _ => Err(self.illegal(event)),
        }
    }

    fn while_open(self, event: Event, steps: u32) -> Result<Position, Illegal> {
        use {Event as E, StepState as P};
        match event {
            E::Waits => Ok(self.at(State::Waiting, P::Waiting)),
            E::Acted => Ok(self.at(State::Running, P::Acted)),
            E::PutOff { open } => Ok(self.again(if open { P::Open } else { P::Pending })),
            E::Done(then) => Ok(self.on(P::Done, then, steps)),
            E::Failed => Ok(self.at(State::Failed, P::Failed)),
            E::Parked => Ok(self.at(State::Parked, P::Parked)),
            _ => Err(self.illegal(event)),
        }
    }

    fn at(self, state: State, step_state: StepState) -> Position {
        Position {
            state,
            step_state,
            ..self
        }
    }

    fn again(self, step_state: StepState) -> Position {
        Position {
            attempt: self.attempt + 1,
            ..self.at(State::Waiting, step_state)
        }
    }

    /// Behind a step that ended so.
    fn on(self, ended: StepState, then: Then, steps: u32) -> Position {
        match then {
            Then::Next if self.step + 1 < steps => Position {
                state: State::Running,
                step: self.step + 1,
                step_state: StepState::Pending,
                attempt: 1,
                round: 0,
            },
            Then::Next | Then::End => self.at(State::Succeeded, ended),
            Then::Fail => self.at(State::Failed, ended),
        }
    }

    fn illegal(self, event: Event) -> Illegal {
        Illegal {
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

    const EVENTS: [Event; 16] = [
        Event::Skipped,
        Event::Opened,
        Event::Waits,
        Event::Acted,
        Event::PutOff { open: false },
        Event::PutOff { open: true },
        Event::Done(Then::Next),
        Event::Done(Then::Next),
        Event::Done(Then::End),
        Event::Done(Then::Fail),
        Event::Failed,
        Event::Parked,
        Event::Cancelled,
        Event::Retried,
        Event::Resent,
        Event::Settled,
    ];

    proptest! {
        #[test]
        fn whatever_happens_a_run_keeps_its_shape(events in prop::collection::vec(0..EVENTS.len(), 0..60), steps in 1u32..5) {
            let mut position = Position::START;
            for place in events {
                let event = EVENTS[place];
                let Ok(next) = position.after(event, steps) else { continue };
                prop_assert!(!position.state.is_terminal(), "{position:?} was left by {event:?}");
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
        fn an_effect_is_begun_only_after_it_is_written_down(events in prop::collection::vec(0..EVENTS.len(), 0..60)) {
            let mut position = Position::START;
            let mut opened = false;
            for place in events {
                let event = EVENTS[place];
                let Ok(next) = position.after(event, 3) else { continue };
                opened = match event {
                    Event::Opened | Event::Resent => true,
                    _ if next.step_state == StepState::Pending => false,
                    _ => opened,
                };
                prop_assert!(opened || !matches!(next.step_state, StepState::Waiting | StepState::Parked | StepState::Open));
                position = next;
            }
        }
    }

    #[test]
    fn the_last_step_ends_the_run_and_the_others_do_not() {
        let first = Position::START.after(Event::Done(Then::Next), 2).unwrap();
        assert_eq!(
            (first.state, first.step, first.step_state),
            (State::Running, 1, StepState::Pending)
        );
        let last = first.after(Event::Done(Then::Next), 2).unwrap();
        assert_eq!(
            (last.state, last.step, last.step_state),
            (State::Succeeded, 1, StepState::Done)
        );
    }

    #[test]
    fn a_retry_by_a_person_is_a_new_round_and_a_resend_is_not() {
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
    fn what_was_done_is_not_thrown_away_by_a_late_word() {
        let done = Position::START.after(Event::Done(Then::End), 3).unwrap();
        assert!(EVENTS.iter().all(|event| done.after(*event, 3).is_err()));
    }
}
