//! Response bodies of runs. The engine masks secrets.

use serde::Serialize;
use types::{Json, RunId, TaskId, Time};
use utoipa::ToSchema;

/// One execution of a version of a task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Run {
    id: RunId,
    /// The name of the task when the run started.
    task: String,
    task_id: TaskId,
    /// The label of the task version.
    task_version: String,
    /// The state: `queued`, `running`, `waiting`, `succeeded`, `failed`, `parked`, `cancelled`.
    #[schema(value_type = String)]
    state: workflow::state::State,
    /// The index of the current step, from 0.
    step: u32,
    step_count: u32,
    /// The data that the steps read as `input`.
    input: Json,
    /// The result that the run returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Json>,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// Why the run is waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The submission that the run waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// When the run continues without intervention.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Time>,
    /// The principal that started the run.
    initiator: String,
    /// What started the run: `{"by": "request"}`, a step of another run, or a listener.
    origin: Json,
    /// The activity that the run belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    created: Time,
    /// When the first step started.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    updated: Time,
    /// The steps so far. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<RunStep>,
}

impl From<workflow::RunView> for Run {
    fn from(run: workflow::RunView) -> Self {
        Self {
            id: run.id,
            task: run.task,
            task_id: run.task_id,
            task_version: run.task_version,
            state: run.state,
            step: run.step,
            step_count: run.step_count,
            input: run.input,
            result: run.result,
            error: run.error.map(Failure::from),
            reason: run.reason,
            waits_for: run.waits_for,
            next: run.next,
            initiator: run.initiator,
            origin: crate::shapes::to_json(&run.origin),
            activity: run.activity,
            idempotency_key: run.idempotency_key,
            created: run.created,
            started: run.started,
            ended: run.ended,
            updated: run.updated,
            steps: run.steps.into_iter().map(RunStep::from).collect(),
        }
    }
}

/// Why a run or a step failed.
#[derive(Serialize, ToSchema)]
struct Failure {
    /// A stable code: that of the error, or the one in the step's `fail` clause.
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
}

impl From<workflow::Failure> for Failure {
    fn from(failure: workflow::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            step: failure.step,
        }
    }
}

/// A step of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunStep {
    name: String,
    /// The step type, such as `jsonata_template`.
    #[serde(rename = "type")]
    kind: String,
    /// The state, such as `pending`, `open`, `waiting`, `acted` or `done`.
    #[schema(value_type = String)]
    state: workflow::state::StepState,
    /// The number of the attempt, from 1.
    attempt: u32,
    /// How many times a retry was requested through the API.
    round: u32,
    /// The evaluated options of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Json>,
    /// The output, which later steps read as `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
    /// Why the step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// The submission that the step waits for or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// The idempotency key that the step sends to the other system.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// When the attempt started.
    started: Time,
    /// When the effect was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    /// Earlier attempts, which failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
}

impl From<workflow::RunStep> for RunStep {
    fn from(step: workflow::RunStep) -> Self {
        Self {
            name: step.name,
            kind: step.kind,
            state: step.state,
            attempt: step.attempt,
            round: step.round,
            input: step.input,
            output: step.output,
            error: step.error.map(Failure::from),
            waits_for: step.waits_for,
            idempotency_key: step.idempotency_key,
            started: step.began,
            sent: step.sent,
            ended: step.ended,
            attempts: step.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}

/// A failed attempt of a step.
#[derive(Serialize, ToSchema)]
struct Attempt {
    round: u32,
    /// The number of the attempt, from 1.
    attempt: u32,
    started: Time,
    ended: Time,
    error: Failure,
}

impl From<workflow::Attempt> for Attempt {
    fn from(attempt: workflow::Attempt) -> Self {
        Self {
            round: attempt.round,
            attempt: attempt.attempt,
            started: attempt.began,
            ended: attempt.ended,
            error: attempt.error.into(),
        }
    }
}
