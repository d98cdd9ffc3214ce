//! Runs as they are shown. Secrets are masked by the engine.

use serde::Serialize;
use types::{Json, RunId, TaskId, Time};
use utoipa::ToSchema;

/// One execution of a version of a task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Run {
    id: RunId,
    /// The task's name when it began.
    task: String,
    task_id: TaskId,
    /// The label of the version it runs.
    task_version: String,
    /// `queued`, `running`, `waiting`, `succeeded`, `failed`, `parked`, `cancelled`.
    #[schema(value_type = String)]
    state: workflow::state::State,
    /// The step it is at, from 0.
    step: u32,
    step_count: u32,
    /// What its steps see as `input`.
    input: Json,
    /// What it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Json>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The submission it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// When it goes on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Time>,
    /// Who began it.
    initiator: String,
    /// What began it: `{"by": "request"}`, a step of a run, or a listener.
    origin: Json,
    /// The history it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    created: Time,
    /// When its first step began.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    updated: Time,
    /// Its steps so far; absent in a listing.
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
            origin: crate::wire::shown(&run.origin),
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
    /// Stable: that of the error, or the one that a `fail` clause names.
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
    /// What it does, such as `jsonata_template`.
    #[serde(rename = "type")]
    kind: String,
    /// `pending`, `open`, `waiting`, `acted`, `done`, …
    #[schema(value_type = String)]
    state: workflow::state::StepState,
    /// Which attempt, from 1.
    attempt: u32,
    /// How often a person had it tried anew.
    round: u32,
    /// What it was asked to do: options as evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Json>,
    /// What later steps see as its `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// The submission it waits for, or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// The key by which the other side knows its effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// When this attempt began.
    began: Time,
    /// When its effect was last begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    /// Attempts that came to nothing.
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
            began: step.began,
            sent: step.sent,
            ended: step.ended,
            attempts: step.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}

/// An attempt that came to nothing.
#[derive(Serialize, ToSchema)]
struct Attempt {
    round: u32,
    /// Which, from 1.
    attempt: u32,
    began: Time,
    ended: Time,
    error: Failure,
}

impl From<workflow::Attempt> for Attempt {
    fn from(attempt: workflow::Attempt) -> Self {
        let workflow::Attempt {
            round,
            attempt: count,
            began,
            ended,
            error,
            ..
        } = attempt;
        Self {
            round,
            attempt: count,
            began,
            ended,
            error: error.into(),
        }
    }
}
