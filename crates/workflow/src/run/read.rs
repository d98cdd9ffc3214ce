//! Reads runs.

use super::{Attempt, RunFilter, RunStep, RunView, StepRow};
use crate::table::{run as table, step as steps};
use crate::{Error, Result, Workflow};
use store::Tx;
use types::{Page, Principal, RunId};

/// Reads a run with its steps. Errors: `workflow.unknown_resource`.
pub async fn run(workflow: &Workflow, principal: &Principal, id: RunId) -> Result<RunView> {
    let read = move |tx: &mut Tx| {
        let run = table::get(tx, id)?.ok_or_else(|| Error::unknown("run", id))?;
        let mut attempts = steps::attempts(tx, id)?;
        let rows = steps::of_run(tx, id)?;
        let steps = rows.into_iter().map(|row| shown(row, &mut attempts));
        Ok(RunView {
            steps: steps.collect(),
            ..run.into()
        })
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
    let read = move |tx: &mut Tx| {
        let runs = table::list(tx, &filter, &page)?;
        Ok::<_, Error>(runs.into_iter().map(RunView::from).collect())
    };
    workflow.db().read(&principal.namespace, read).await
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
        started: row.began,
        sent: row.sent,
        ended: row.ended,
        attempts: own,
    }
}
