//! Runs and their steps as callers see them.

use super::{Failure, Origin, Run};
use crate::state::{State, StepState};
use serde::{Deserialize, Serialize};
use types::{Json, ListenerId, RunId, TaskId, Time};
use utoipa::{IntoParams, ToSchema};

/// One execution of a version of a task.
// Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Run)]
pub struct RunView {
    pub id: RunId,
    /// The name of the task when the run started.
    pub task: String,
    pub task_id: TaskId,
    /// The label of the task version.
    pub task_version: String,
    /// The state: `queued`, `running`, `waiting`, `succeeded`, `failed`, `parked`, `cancelled`.
    #[schema(value_type = String)]
    pub state: State,
    /// The index of the current step, from 0.
    pub step: u32,
    pub step_count: u32,
    /// The data that the steps read as `input`.
    pub input: Json,
    /// The result that the run returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why the run is waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The submission that the run waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// When the run continues without intervention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
    /// The principal that started the run.
    pub initiator: String,
    /// What started the run: `{"by": "request"}`, a step of another run, or a listener.
    #[schema(value_type = serde_json::Value)]
    pub origin: Origin,
    /// The activity that the run belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    pub created: Time,
    /// When the first step started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    pub updated: Time,
    /// The steps so far. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RunStep>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    pub name: String,
    /// The step type, such as `jsonata_template`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The state, such as `pending`, `open`, `waiting`, `acted` or `done`.
    #[schema(value_type = String)]
    pub state: StepState,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// How many times a retry was requested through the API.
    pub round: u32,
    /// The evaluated options of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// The output, which later steps read as `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why the step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The submission that the step waits for or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The idempotency key that the step sends to the other system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When the attempt started.
    pub started: Time,
    /// When the effect was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Earlier attempts, which failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// A failed attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "run_attempt")]
pub struct Attempt {
    pub round: u32,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    #[record(column = "began_at")]
    pub started: Time,
    #[record(column = "ended_at")]
    pub ended: Time,
    #[record(json)]
    pub error: Failure,
    #[serde(skip)]
    pub(crate) run: RunId,
    #[serde(skip)]
    pub(crate) seq: u32,
}

/// Selects runs; missing members match all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Only runs in this state: `queued`, `running`, `waiting`, `succeeded`, `failed`, `parked`,
    /// `cancelled`.
    #[param(value_type = Option<String>)]
    pub state: Option<State>,
    /// Only runs of this task, by id or by its name when the run started.
    pub task: Option<String>,
    /// Only runs that this listener started.
    pub listener: Option<ListenerId>,
    /// Only runs of this activity.
    pub activity: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            task_id: run.task,
            state: run.position.state,
            step: run.position.step,
            step_count: run.steps,
            reason: run.reason.clone().or_else(|| queue_reason(&run)),
            task: run.task_name,
            task_version: run.version_label,
            input: run.input,
            result: run.result,
            error: run.error,
            waits_for: run.waits_for,
            next: run.next_at,
            initiator: run.initiator.id,
            origin: run.origin,
            activity: run.activity,
            idempotency_key: run.idempotency_key,
            created: run.created,
            started: run.started,
            ended: run.ended,
            updated: run.updated,
            steps: Vec::new(),
        }
    }
}

fn queue_reason(run: &Run) -> Option<String> {
    let is_queued = run.position.state == State::Queued && run.next_at.is_none();
    run.queue
        .as_ref()
        .filter(|_| is_queued)
        .map(|queue| format!("waits for an earlier run of {}", queue.listener))
}
