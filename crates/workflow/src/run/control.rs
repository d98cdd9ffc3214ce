//! Operator actions on runs: cancel, retry, dismiss, and decide about an effect with unknown
//! outcome.

use super::{Failure, Run, RunView, StepRow};
use crate::effect::StepError;
use crate::state::{Event, State, StepState};
use crate::table::{run as table, step as steps};
use crate::worker::record::{self, Change};
use crate::{Error, Result, Workflow};
use serde::Deserialize;
use store::Tx;
use types::{Author, Json, Principal, RunId, Time, Via};

/// An operator's decision about an effect with unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// It did not happen: send it again under the same key.
    Resend,
    /// It happened: continue with this data.
    Done {
        #[serde(default)]
        data: Option<Json>,
    },
    /// It failed: the run fails and can be retried.
    Fail { reason: String },
}

/// Cancels a run. A submission that was enqueued continues. Errors: `workflow.unknown_resource`,
/// `workflow.wrong_state` if the run has ended.
pub async fn cancel(workflow: &Workflow, principal: &Principal, id: RunId) -> Result<RunView> {
    update_run(workflow, principal, id, |run, step, now| {
        let after = run
            .after(Event::Cancelled, now)
            .map_err(|_| wrong_state(run))?;
        let step = step
            .filter(|step| step.ended.is_none())
            .map(|step| end_step(step, StepState::Failed, now));
        Ok(Change::new(after, step))
    })
    .await
}

/// Resumes a failed run at the step that failed. The step gets a new idempotency key, so an effect
/// that took place before the failure is repeated; it acts in the caller's name, too. Errors: `workflow.unknown_resource`,
/// `workflow.wrong_state` if the run has not failed or later runs of its queue were released.
pub async fn retry(workflow: &Workflow, principal: &Principal, id: RunId) -> Result<RunView> {
    let caller = Author::from(principal);
    update_run(workflow, principal, id, move |run, _, now| {
        let queue_moved_on = run.queue.is_some() && run.closed;
        let after = run
            .after(Event::Retried, now)
            .ok()
            .filter(|_| !queue_moved_on);
        after
            .map(|after| Change::new(because_of(after, &caller), None))
            .ok_or_else(|| wrong_state(run))
    })
    .await
}

/// Decides about an effect with unknown outcome. Errors: `workflow.unknown_resource`,
/// `workflow.wrong_state` if the run is not parked, `workflow.invalid_field`.
pub async fn decide(
    workflow: &Workflow,
    principal: &Principal,
    id: RunId,
    decision: Decision,
) -> Result<RunView> {
    let invalid_reason =
        |reason: &str| reason.trim().is_empty() || reason.len() > 1_000 || reason.contains('\0');
    if matches!(&decision, Decision::Fail { reason } if invalid_reason(reason)) {
        return Err(Error::invalid("reason", "must have 1 to 1,000 bytes"));
    }
    let limit = workflow.settings().value_bytes;
    if matches!(&decision, Decision::Done { data: Some(data) } if data.as_str().len() > limit) {
        return Err(Error::limit("data", "bytes", limit));
    }
    let caller = Author::from(principal);
    update_run(workflow, principal, id, move |run, step, now| {
        let step = step.ok_or_else(|| wrong_state(run))?;
        let mut change = apply_decision(run, step, &decision, now)?;
        if !matches!(decision, Decision::Fail { .. }) {
            change.run = because_of(change.run, &caller);
        }
        Ok(change)
    })
    .await
}

/// Releases the runs blocked by a failed run of a listener. The failed run stays readable as a dead
/// letter. Errors: `workflow.unknown_resource`, `workflow.wrong_state` if it blocks nothing.
pub async fn dismiss(workflow: &Workflow, principal: &Principal, id: RunId) -> Result<RunView> {
    update_run(workflow, principal, id, |run, _, now| {
        if run.position.state != State::Failed || run.closed {
            return Err(wrong_state(run));
        }
        let after = Run {
            closed: true,
            updated: now,
            version: run.version + 1,
            ..run.clone()
        };
        Ok(Change::new(after, None))
    })
    .await
}

/// What the run does from now on, it does in the caller's name, too.
fn because_of(run: Run, caller: &Author) -> Run {
    Run {
        initiator: run.initiator.clone().because_of(caller.clone(), Via::Retry),
        ..run
    }
}

fn apply_decision(run: &Run, step: StepRow, decision: &Decision, now: Time) -> Result<Change> {
    let after = |event| run.after(event, now).map_err(|_| wrong_state(run));
    Ok(match decision {
        Decision::Resend => {
            // Without `sent`, the worker sends the call instead of treating it as interrupted.
            let step = StepRow {
                state: StepState::Open,
                sent: None,
                sent_by: None,
                error: None,
                ended: None,
                ..step
            };
            Change::new(after(Event::Resent)?, Some(step))
        }
        Decision::Done { data } => {
            let (state, output) = (StepState::Acted, data.clone());
            let step = StepRow {
                state,
                output,
                encrypted_output: None,
                request: None,
                error: None,
                ended: None,
                ..step
            };
            Change::new(after(Event::MarkedDone)?, Some(step))
        }
        Decision::Fail { reason } => {
            let failure = Failure {
                step: Some(step.name.clone()),
                ..StepError::MarkedFailed(reason.clone()).into()
            };
            let step = StepRow {
                error: Some(failure.clone()),
                ..end_step(step, StepState::Failed, now)
            };
            Change::new(
                Run {
                    error: Some(failure),
                    ..after(Event::MarkedFailed)?
                },
                Some(step),
            )
        }
    })
}

fn end_step(step: StepRow, state: StepState, now: Time) -> StepRow {
    StepRow {
        state,
        ended: Some(now),
        request: None,
        ..step
    }
}

fn wrong_state(run: &Run) -> Error {
    let hint = match run.position.state {
        State::Failed if run.closed && run.queue.is_some() => {
            "later runs of its listener were released"
        }
        State::Failed => "a failed run can be retried",
        State::Parked => "a parked run waits for a decision",
        _ => "the operation does not apply",
    };
    Error::WrongState {
        run: run.id,
        reason: format!("is {}: {hint}", run.position.state.as_str()),
    }
}

async fn update_run<F>(
    workflow: &Workflow,
    principal: &Principal,
    id: RunId,
    apply: F,
) -> Result<RunView>
where
    F: Fn(&Run, Option<StepRow>, Time) -> Result<Change> + Send + 'static,
{
    let principal = principal.clone();
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx| {
        let run = table::get(tx, id)?.ok_or_else(|| Error::unknown("run", id))?;
        let step = steps::of_run(tx, id)?
            .into_iter()
            .find(|step| step.seq == run.position.step);
        let now = tx.now();
        let change = apply(&run, step, now)?;
        record::write(tx, &change, &principal)?;
        if change.run.initiator != run.initiator {
            table::put_initiator(tx, &change.run)?;
        }
        Ok(change.run.into())
    };
    workflow.on().write(&namespace, write).await
}
