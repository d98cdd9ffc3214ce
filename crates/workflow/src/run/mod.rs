//! Runs: executions of a version with an input, step by step.

mod control;
mod read;
pub(crate) mod request;
pub(crate) mod start;
mod view;

pub use control::{Decision, cancel, decide, dismiss, retry};
pub use read::{run, runs};
pub use request::NewRun;
pub use start::{Started, start};
pub use view::{Attempt, RunFilter, RunStep, RunView};

use crate::state::{Event, IllegalTransition, Position, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use types::{Json, Principal, RunId, TaskId, Time, VersionId};
use utoipa::ToSchema;

/// Why a run or a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A stable code: that of the error, or the one in the step's `fail` clause.
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
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "run")]
pub(crate) struct Run {
    #[record(key)]
    pub(crate) id: RunId,
    pub(crate) shard: i64,
    pub(crate) task: TaskId,
    pub(crate) task_name: String,
    pub(crate) version_id: VersionId,
    pub(crate) version_label: String,
    #[record(update, columns("state", "step", "step_state", "attempt", "round"))]
    pub(crate) position: Position,
    pub(crate) steps: u32,
    pub(crate) input: Json,
    pub(crate) encrypted_input: Option<Vec<u8>>,
    #[record(update)]
    pub(crate) result: Option<Json>,
    #[record(update, json)]
    pub(crate) error: Option<Failure>,
    #[record(update)]
    pub(crate) reason: Option<String>,
    #[record(update)]
    pub(crate) waits_for: Option<String>,
    #[record(json)]
    pub(crate) initiator: Principal,
    #[record(json)]
    pub(crate) origin: Origin,
    pub(crate) activity: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    #[record(columns("queue", "queue_index", "queue_holds"))]
    pub(crate) queue: Option<RunQueue>,
    #[record(update)]
    pub(crate) closed: bool,
    #[record(update)]
    pub(crate) next_at: Option<Time>,
    #[record(column = "created_at")]
    pub(crate) created: Time,
    #[record(update, column = "started_at")]
    pub(crate) started: Option<Time>,
    #[record(update, column = "ended_at")]
    pub(crate) ended: Option<Time>,
    #[record(update, column = "updated_at")]
    pub(crate) updated: Time,
    #[record(next_version)]
    pub(crate) version: u64,
}

/// The queue a run belongs to, and its position there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, store::Record)]
pub(crate) struct RunQueue {
    pub(crate) listener: types::ListenerId,
    /// Counted from 1.
    pub(crate) index: i64,
    /// Whether a failed run blocks the runs behind it.
    pub(crate) holds: bool,
}

/// A step of a run as stored.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "run_step")]
pub(crate) struct StepRow {
    #[record(key)]
    pub(crate) run: RunId,
    #[record(key)]
    pub(crate) seq: u32,
    pub(crate) name: String,
    pub(crate) kind: String,
    #[record(update)]
    pub(crate) state: crate::state::StepState,
    #[record(update)]
    pub(crate) attempt: u32,
    #[record(update)]
    pub(crate) round: u32,
    #[record(update)]
    pub(crate) input: Option<Json>,
    #[record(update)]
    pub(crate) output: Option<Json>,
    #[record(update)]
    pub(crate) encrypted_output: Option<Vec<u8>>,
    #[record(update)]
    pub(crate) request: Option<Vec<u8>>,
    #[record(update)]
    pub(crate) idempotency_key: Option<String>,
    #[record(update)]
    pub(crate) waits_for: Option<String>,
    #[record(update, json)]
    pub(crate) error: Option<Failure>,
    #[record(update, column = "began_at")]
    pub(crate) began: Time,
    #[record(update, column = "sent_at")]
    pub(crate) sent: Option<Time>,
    #[record(update)]
    pub(crate) sent_by: Option<String>,
    #[record(update, column = "ended_at")]
    pub(crate) ended: Option<Time>,
}

impl Run {
    /// Applies an event. Derives from the new state whether the run is due at once, and whether it
    /// is closed.
    pub(crate) fn after(&self, event: Event, now: Time) -> Result<Run, IllegalTransition> {
        let position = self.position.after(event, self.steps)?;
        let live = position.state.is_live();
        let holds = self.queue.as_ref().is_some_and(|queue| queue.holds);
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
    pub(crate) fn fact(&self, kind: impl Into<Cow<'static, str>>) -> store::Fact {
        let position = &self.position;
        let payload = serde_json::json!({
            "task": self.task_name, "taskVersion": self.version_label, "state": position.state, "step": position.step,
            "stepState": position.step_state, "attempt": position.attempt, "reason": self.reason, "waitsFor": self.waits_for,
            "error": self.error, "origin": self.origin,
        });
        store::Fact::new(kind, 1)
            .subject(&self.id, self.version)
            .correlation(&self.id)
            .trace(self.initiator.trace)
            .payload(&payload)
    }

    /// The fact type for the current state.
    pub(crate) fn fact_kind(&self) -> String {
        format!("run.{}", self.position.state.as_str())
    }
}
