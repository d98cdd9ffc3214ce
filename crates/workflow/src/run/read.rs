//! What can be asked of runs.

use super::{Failure, Origin, Run, StepRow};
use crate::state::{State, StepState};
use crate::table::{run as table, step as steps};
use crate::{Error, Result, Workflow};
use serde::Serialize;
use store::Tx;
use types::{Json, Page, Principal, RunId, TaskId, Time};

/// A run as it is shown. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The task's name when it began.
    pub task: String,
    /// The task.
    pub task_id: TaskId,
    /// The version it runs.
    pub task_version: String,
    /// Where it stands.
    pub state: State,
    /// The step it is at, from 0.
    pub step: u32,
    /// How many steps there are.
    pub step_count: u32,
    /// What its steps see as `input`.
    pub input: Json,
    /// What it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The submission it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// When it goes on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
    /// Who began it.
    pub initiator: String,
    /// What began it.
    pub origin: Origin,
    /// The history it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// The key it was begun under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When it was asked for.
    pub created: Time,
    /// When its first step began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// When it last changed.
    pub updated: Time,
    /// Its steps so far; empty in a listing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RunStep>,
}

/// A step of a run as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    pub state: StepState,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// How often a person had it tried anew.
    pub round: u32,
    /// What it was asked to do: options as evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// What later steps see as its `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The submission it waits for, or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Under which key the other side knows its effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When this attempt began.
    pub began: Time,
    /// When its effect was last begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Attempts that came to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// An attempt that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// In which round.
    pub round: u32,
    /// Which, from 1.
    pub attempt: u32,
    /// When it began.
    pub began: Time,
    /// When it ended.
    pub ended: Time,
    /// Why.
    pub error: Failure,
    #[serde(skip)]
    pub(crate) seq: u32,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this task, by id or by the name it had.
    pub task: Option<String>,
    /// Only those that a listener began.
    pub listener: Option<types::ListenerId>,
    /// Only those of this history.
    pub activity: Option<String>,
}

/// One run with its steps. Errors: `workflow.unknown`.
pub async fn run(workflow: &Workflow, who: &Principal, id: RunId) -> Result<RunView> {
    let read = move |tx: &mut Tx<'_, '_>| {
        let run = table::get(tx, id)?.ok_or_else(|| Error::unknown("run", id))?;
        let mut attempts = steps::attempts(tx, id)?;
        let rows = steps::of_run(tx, id)?;
        let mut view = RunView::of(&run);
        view.steps = rows
            .into_iter()
            .map(|row| shown(row, &mut attempts))
            .collect();
        Ok(view)
    };
    workflow.db().read(&who.namespace, read).await
}

/// Runs, newest first, without their steps.
pub async fn runs(
    workflow: &Workflow,
    who: &Principal,
    filter: RunFilter,
    page: Page,
) -> Result<Vec<RunView>> {
    let read = move |tx: &mut Tx<'_, '_>| {
        Ok::<_, Error>(
            table::list(tx, &filter, &page)?
                .iter()
                .map(RunView::of)
                .collect(),
        )
    };
    workflow.db().read(&who.namespace, read).await
}

impl RunView {
    pub(crate) fn of(run: &Run) -> Self {
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
            reason: run.reason.clone().or_else(|| behind_another(run)),
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

fn behind_another(run: &Run) -> Option<String> {
    let held = run.position.state == State::Queued && run.next_at.is_none();
    run.lane
        .as_ref()
        .filter(|_| held)
        .map(|lane| format!("an earlier run of {} goes first", lane.listener))
}

fn shown(row: StepRow, attempts: &mut Vec<Attempt>) -> RunStep {
    let (mine, others) = std::mem::take(attempts)
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
        attempts: mine,
    }
}
