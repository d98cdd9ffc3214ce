//! Reads runs.

use super::{Failure, Origin, Run, StepRow};
use crate::state::{State, StepState};
use crate::table::{run as table, step as steps};
use crate::{Error, Result, Workflow};
use serde::Serialize;
use store::Tx;
use types::{Json, Page, Principal, RunId, TaskId, Time};

/// A run as shown. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    pub id: RunId,
    /// The task's name when the run was created.
    pub task: String,
    pub task_id: TaskId,
    /// The label of the version.
    pub task_version: String,
    pub state: State,
    /// The index of the current step, from 0.
    pub step: u32,
    pub step_count: u32,
    /// What its steps see as `input`.
    pub input: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of the submission it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// When it continues without outside action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
    /// The id of the principal whose permissions it uses.
    pub initiator: String,
    pub origin: Origin,
    /// The activity it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    pub created: Time,
    /// When its first step began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    pub updated: Time,
    /// Its steps so far; empty in a listing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RunStep>,
}

/// A step of a run as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    pub name: String,
    /// The step type.
    #[serde(rename = "type")]
    pub kind: String,
    pub state: StepState,
    /// Counted from 1.
    pub attempt: u32,
    /// How often an operator retried the step.
    pub round: u32,
    /// The evaluated options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// What later steps see as its `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The id of its submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The key sent with its effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When this attempt began.
    pub began: Time,
    /// When its effect was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Failed attempts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// A failed attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "run_attempt")]
pub struct Attempt {
    pub round: u32,
    /// Counted from 1.
    pub attempt: u32,
    #[record(column = "began_at")]
    pub began: Time,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub state: Option<State>,
    /// By id, or by the name it had when the run was created.
    pub task: Option<String>,
    pub listener: Option<types::ListenerId>,
    pub activity: Option<String>,
}

/// Reads a run with its steps. Errors: `workflow.unknown_resource`.
pub async fn run(workflow: &Workflow, principal: &Principal, id: RunId) -> Result<RunView> {
    let read = move |tx: &mut Tx<'_, '_>| {
        let run = table::get(tx, id)?.ok_or_else(|| Error::unknown("run", id))?;
        let mut attempts = steps::attempts(tx, id)?;
        let rows = steps::of_run(tx, id)?;
        let mut view = RunView::from_run(&run);
        view.steps = rows
            .into_iter()
            .map(|row| shown(row, &mut attempts))
            .collect();
        Ok(view)
    };
    workflow.db().read(&principal.namespace, read).await
}

/// Lists runs, newest first, without their steps.
pub async fn runs(
    workflow: &Workflow,
    principal: &Principal,
    filter: RunFilter,
    page: Page,
) -> Result<Vec<RunView>> {
    let read = move |tx: &mut Tx<'_, '_>| {
        Ok::<_, Error>(
            table::list(tx, &filter, &page)?
                .iter()
                .map(RunView::from_run)
                .collect(),
        )
    };
    workflow.db().read(&principal.namespace, read).await
}

impl RunView {
    pub(crate) fn from_run(run: &Run) -> Self {
        Self {
            id: run.id,
            task: run.task_name.clone(),
            task_id: run.task,
            task_version: run.version_label.clone(),
            state: run.position.state,
            step: run.position.step,
            step_count: run.steps,
            input: run.input.clone(),
            result: run.result.clone(),
            error: run.error.clone(),
            reason: run.reason.clone().or_else(|| lane_reason(run)),
            waits_for: run.waits_for.clone(),
            next: run.next_at,
            initiator: run.initiator.id.clone(),
            origin: run.origin.clone(),
            activity: run.activity.clone(),
            idempotency_key: run.idempotency_key.clone(),
            created: run.created,
            started: run.started,
            ended: run.ended,
            updated: run.updated,
            steps: Vec::new(),
        }
    }
}

fn lane_reason(run: &Run) -> Option<String> {
    let queued_in_lane = run.position.state == State::Queued && run.next_at.is_none();
    run.lane
        .as_ref()
        .filter(|_| queued_in_lane)
        .map(|lane| format!("waits for an earlier run of {}", lane.listener))
}

fn shown(row: StepRow, attempts: &mut Vec<Attempt>) -> RunStep {
    let (own, others) = std::mem::take(attempts)
        .into_iter()
        .partition(|attempt| attempt.seq == row.seq);
    *attempts = others;
    RunStep {
        name: row.name,
        kind: row.kind,
        state: row.state,
        attempt: row.attempt,
        round: row.round,
        input: row.input,
        output: row.output,
        error: row.error,
        waits_for: row.waits_for,
        idempotency_key: row.idempotency_key,
        began: row.began,
        sent: row.sent,
        ended: row.ended,
        attempts: own,
    }
}
