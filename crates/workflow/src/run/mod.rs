//! Runs: one execution of a version with an input, step by step.

mod control;
mod read;
pub(crate) mod start;

pub use control::{Decision, cancel, decide, dismiss, retry};
pub use read::{Attempt, RunFilter, RunStep, RunView, run, runs};
pub use start::{NewRun, Started, start, start_all};

use crate::state::{Event, Illegal, Position, State};
use serde::{Deserialize, Serialize};
use types::{Json, Principal, RunId, TaskId, Time, VersionId};

/// Why a run or a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code: that of the error, or the one that a `fail` clause names.
    pub code: String,
    /// In words.
    pub message: String,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// What began a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// Somebody asked for it.
    Request,
    /// A step of another run.
    Run {
        /// That run.
        run: RunId,
        /// The step.
        step: String,
        /// How many runs stand before it, each begun by the one before.
        #[serde(default)]
        depth: u32,
    },
    /// A listener.
    Listener {
        /// Its id.
        listener: types::ListenerId,
        /// The event.
        event: String,
        /// Whether the event was taken back, and this run is to make up for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reverted: bool,
    },
}

/// A run as it is stored.
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
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) result: Option<Json>,
    pub(crate) error: Option<Failure>,
    pub(crate) reason: Option<String>,
    pub(crate) waits_for: Option<String>,
    pub(crate) initiator: Principal,
    pub(crate) origin: Origin,
    pub(crate) activity: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) lane: Option<Lane>,
    pub(crate) settled: bool,
    pub(crate) next_at: Option<Time>,
    pub(crate) created: Time,
    pub(crate) started: Option<Time>,
    pub(crate) ended: Option<Time>,
    pub(crate) updated: Time,
    pub(crate) version: u64,
}

/// Which order a run belongs to, and its place there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// The listener.
    pub(crate) listener: types::ListenerId,
    /// From 1.
    pub(crate) place: i64,
    /// Whether a run that fails holds those behind it.
    pub(crate) holds: bool,
}

/// A step of a run as it is stored.
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
    pub(crate) sealed: Option<Vec<u8>>,
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
    /// The run after an event. Whether it is due at once, or over, follows from where it stands
    /// then.
    pub(crate) fn after(&self, event: Event, now: Time) -> Result<Run, Illegal> {
        let position = self.position.after(event, self.steps)?;
        let live = position.state.is_live();
        let holds = self.lane.as_ref().is_some_and(|lane| lane.holds);
        Ok(Run {
            position,
            settled: position.state.is_terminal() || (position.state == State::Failed && !holds),
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

    /// Who caused what the worker writes about it.
    pub(crate) fn fact(&self, kind: &'static str) -> store::Fact {
        let position = &self.position;
        let said = serde_json::json!({
            "task": self.task_name, "taskVersion": self.version_label, "state": position.state, "step": position.step,
            "stepState": position.step_state, "attempt": position.attempt, "reason": self.reason, "waitsFor": self.waits_for,
            "error": self.error, "origin": self.origin,
        });
        store::Fact::new(kind, 1)
            .about(&self.id, self.version)
            .part_of(&self.id)
            .says(&said)
    }

    /// The type of fact for where it stands.
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
