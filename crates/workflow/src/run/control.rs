//! What a person can do with a run: end it, have it tried anew, say what became of an effect that
//! nobody knows of.

use super::{Failure, Run, RunView, StepRow};
use crate::effect::Why;
use crate::state::{Event, State, StepState};
use crate::table::{run as table, step as steps};
use crate::work::record::{self, Change};
use crate::{Error, Result, Workflow};
use serde::Deserialize;
use store::Tx;
use types::{Json, Principal, RunId, Time};

/// What a person says of an effect that nobody knows of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// It did not happen: send it again, under the same key.
    Resend,
    /// It happened: go on, with this as the step's data.
    Done {
        /// The step's data.
        #[serde(default)]
        data: Option<Json>,
    },
    /// It failed: the run ends as failed, and can be retried.
    Fail {
        /// Why, for the record.
        reason: String,
    },
}

/// End a run. An effect that was handed on (a submission) goes its own way.
/// Errors: `workflow.unknown`, `workflow.wrong_state` if it has ended.
pub async fn cancel(workflow: &Workflow, who: &Principal, id: RunId) -> Result<RunView> {
    change(workflow, who, id, |run, step, now| {
        let after = run.after(Event::Cancelled, now).map_err(|_| wrong(run))?;
        let step = step
            .filter(|step| step.ended.is_none())
            .map(|step| ended(step, StepState::Failed, now));
        Ok(Change::of(after, step))
    })
    .await
}

/// Have a failed run go on from the step that failed. The step's effect gets a new idempotency key:
/// what it did before it failed, if anything, it does anew. Errors: `workflow.unknown`,
/// `workflow.wrong_state` if it has not failed, or others went past it.
pub async fn retry(workflow: &Workflow, who: &Principal, id: RunId) -> Result<RunView> {
    change(workflow, who, id, |run, _, now| {
        let passed = run.lane.is_some() && run.settled;
        let after = run.after(Event::Retried, now).ok().filter(|_| !passed);
        after
            .map(|after| Change::of(after, None))
            .ok_or_else(|| wrong(run))
    })
    .await
}

/// Say what became of an effect that nobody knows of. Errors: `workflow.unknown`,
/// `workflow.wrong_state` if the run is not parked, `workflow.invalid`.
pub async fn decide(
    workflow: &Workflow,
    who: &Principal,
    id: RunId,
    decision: Decision,
) -> Result<RunView> {
    let unusable =
        |reason: &str| reason.trim().is_empty() || reason.len() > 1_000 || reason.contains('\0');
    if matches!(&decision, Decision::Fail { reason } if unusable(reason)) {
        return Err(Error::invalid("reason", "has 1 to 1,000 bytes"));
    }
    let most = workflow.settings().value_bytes;
    if matches!(&decision, Decision::Done { data: Some(data) } if data.as_str().len() > most) {
        return Err(Error::TooMuch {
            field: "data".to_owned(),
            of: "bytes",
            limit: most,
        });
    }
    change(workflow, who, id, move |run, step, now| {
        let step = step.ok_or_else(|| wrong(run))?;
        decided(run, step, &decision, now)
    })
    .await
}

/// Let a failed run of a listener be, so that those behind it go on. It stays readable as a dead
/// letter. Errors: `workflow.unknown`, `workflow.wrong_state` if it holds nobody.
pub async fn dismiss(workflow: &Workflow, who: &Principal, id: RunId) -> Result<RunView> {
    change(workflow, who, id, |run, _, now| {
        if run.position.state != State::Failed || run.settled {
            return Err(wrong(run));
        }
        let after = Run {
            settled: true,
            updated: now,
            version: run.version + 1,
            ..run.clone()
        };
        Ok(Change::of(after, None))
    })
    .await
}

fn decided(run: &Run, step: StepRow, decision: &Decision, now: Time) -> Result<Change> {
    let after = |event| run.after(event, now).map_err(|_| wrong(run));
    Ok(match decision {
        Decision::Resend => {
            // Not begun since this word: the worker need not ask itself again.
            let step = StepRow {
                state: StepState::Open,
                sent: None,
                sent_by: None,
                error: None,
                ended: None,
                ..step
            };
            Change::of(after(Event::Resent)?, Some(step))
        }
        Decision::Done { data } => {
            let (state, output) = (StepState::Acted, data.clone());
            let step = StepRow {
                state,
                output,
                sealed: None,
                request: None,
                error: None,
                ended: None,
                ..step
            };
            Change::of(after(Event::Settled)?, Some(step))
        }
        Decision::Fail { reason } => {
            let failure = Failure {
                step: Some(step.name.clone()),
                ..Why::GivenUp(reason.clone()).failure()
            };
            let step = StepRow {
                error: Some(failure.clone()),
                ..ended(step, StepState::Failed, now)
            };
            Change::of(
                Run {
                    error: Some(failure),
                    ..after(Event::GivenUp)?
                },
                Some(step),
            )
        }
    })
}

fn ended(step: StepRow, state: StepState, now: Time) -> StepRow {
    StepRow {
        state,
        ended: Some(now),
        request: None,
        ..step
    }
}

fn wrong(run: &Run) -> Error {
    let hint = match run.position.state {
        State::Failed if run.settled && run.lane.is_some() => {
            "later runs of its listener went past it"
        }
        State::Failed => "a failed run can be retried",
        State::Parked => "a parked run waits for a decision",
        _ => "that does not fit",
    };
    Error::WrongState {
        run: run.id,
        why: format!("is {}: {hint}", run.position.state.as_str()),
    }
}

async fn change<F>(workflow: &Workflow, who: &Principal, id: RunId, change: F) -> Result<RunView>
where
    F: Fn(&Run, Option<StepRow>, Time) -> Result<Change> + Send + 'static,
{
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let run = table::get(tx, id)?.ok_or_else(|| Error::unknown("run", id))?;
        let step = steps::of_run(tx, id)?
            .into_iter()
            .find(|step| step.seq == run.position.step);
        let now = tx.now();
        let change = change(&run, step, now)?;
        record::write(tx, &change, &who)?;
        Ok(RunView::of(&change.run))
    };
    workflow.on().write(&namespace, write).await
}
