//! Runs: executions of a version with an input, step by step.

mod control;
mod read;
pub(crate) mod start;

pub use control::{Decision, cancel, decide, dismiss, retry};
pub use read::{Attempt, RunFilter, RunStep, RunView, run, runs};
pub use start::{NewRun, Started, start, start_all};

use crate::state::{Event, IllegalTransition, Position, State};
use serde::{Deserialize, Serialize};
use types::{Json, Principal, RunId, TaskId, Time, VersionId};

/// Why a run or a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code: that of the error, or the one declared by a `fail` clause.
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// An API request.
    Request,
    /// A step of another run.
    Run {
        run: RunId,
        step: String,
        /// The number of ancestors: each run in the chain was started by the one before.
        #[serde(default)]
        depth: u32,
    },
    Listener {
        listener: types::ListenerId,
        event: String,
        /// Whether the event was reverted and this run compensates for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reverted: bool,
    },
}

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) shard: i64,
    pub(crate) task: TaskId,
    pub(crate) task_name: String,
    pub(crate) version_id: VersionId,
    pub(crate) version_label: String,
    pub(crate) position: Position,
    pub(crate) steps: u32,
    pub(crate) input: Json,
    pub(crate) encrypted_input: Option<Vec<u8>>,
    pub(crate) result: Option<Json>,
    pub(crate) error: Option<Failure>,
    pub(crate) reason: Option<String>,
    pub(crate) waits_for: Option<String>,
    pub(crate) initiator: Principal,
    pub(crate) origin: Origin,
    pub(crate) activity: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) lane: Option<Lane>,
    pub(crate) closed: bool,
    pub(crate) next_at: Option<Time>,
    pub(crate) created: Time,
    pub(crate) started: Option<Time>,
    pub(crate) ended: Option<Time>,
    pub(crate) updated: Time,
    pub(crate) version: u64,
}

/// The lane a run belongs to, and its position there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) listener: types::ListenerId,
    /// Counted from 1.
    pub(crate) index: i64,
    /// Whether a failed run blocks the runs behind it.
    pub(crate) holds: bool,
}

/// A step of a run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepRow {
    pub(crate) run: RunId,
    pub(crate) seq: u32,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) state: crate::state::StepState,
    pub(crate) attempt: u32,
    pub(crate) round: u32,
    pub(crate) input: Option<Json>,
    pub(crate) output: Option<Json>,
    pub(crate) encrypted_output: Option<Vec<u8>>,
    pub(crate) request: Option<Vec<u8>>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) waits_for: Option<String>,
    pub(crate) error: Option<Failure>,
    pub(crate) began: Time,
    pub(crate) sent: Option<Time>,
    pub(crate) sent_by: Option<String>,
    pub(crate) ended: Option<Time>,
}

impl Run {
    /// Applies an event. Derives from the new state whether the run is due at once, and whether it
    /// is closed.
    pub(crate) fn after(&self, event: Event, now: Time) -> Result<Run, IllegalTransition> {
        let position = self.position.after(event, self.steps)?;
        let live = position.state.is_live();
        let holds = self.lane.as_ref().is_some_and(|lane| lane.holds);
        Ok(Run {
            position,
            closed: position.state.is_terminal() || (position.state == State::Failed && !holds),
            next_at: live.then_some(now),
            started: self.started.or(Some(now)),
            ended: (!live && position.state != State::Parked).then_some(now),
            reason: None,
            waits_for: None,
            error: None,
            updated: now,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// A fact about the run, without an actor.
    pub(crate) fn fact(&self, kind: &'static str) -> store::Fact {
        let position = &self.position;
        let payload = serde_json::json!({
            "task": self.task_name, "taskVersion": self.version_label, "state": position.state, "step": position.step,
            "stepState": position.step_state, "attempt": position.attempt, "reason": self.reason, "waitsFor": self.waits_for,
            "error": self.error, "origin": self.origin,
        });
        store::Fact::new(kind, 1)
            .subject(&self.id, self.version)
            .correlation(&self.id)
            .payload(&payload)
    }

    /// The fact type for the current state.
    pub(crate) fn fact_kind(&self) -> &'static str {
        match self.position.state {
            State::Queued => "run.queued",
            State::Running => "run.running",
            State::Waiting => "run.waiting",
            State::Succeeded => "run.succeeded",
            State::Failed => "run.failed",
            State::Parked => "run.parked",
            State::Cancelled => "run.cancelled",
        }
    }
}
