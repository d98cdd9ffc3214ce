//! Handles a step that did not complete: schedules another attempt, fails the run, or parks it for
//! an operator.

use super::context::RunContext;
use super::record::{Change, commit};
use crate::definition::Ambiguity;
use crate::effect::Fault;
use crate::kinds::StepKind;
use crate::run::{Attempt, Failure, Run, StepRow};
use crate::state::{Event, StepState};
use crate::{Result, Workflow};
use types::Time;

/// Attempts for temporary faults when the step declares no `retry`.
const TRANSIENT_ATTEMPTS: u32 = 5;

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaultAction {
    /// Retry later; `same_effect` if the outcome of the effect is unknown.
    Retry {
        same_effect: bool,
    },
    Fail,
    Park,
}

impl RunContext {
    /// Records a fault of the step and its consequence.
    pub(crate) async fn record_fault(&self, row: StepRow, fault: Fault) -> Result<Run> {
        let failure = self.step_failure(fault.failure.clone());
        match self.choose_action(&fault) {
            FaultAction::Retry { same_effect } => {
                self.schedule_retry(row, failure, same_effect).await
            }
            FaultAction::Fail => self.fail(row, failure).await,
            FaultAction::Park => self.park(row, failure).await,
        }
    }

    fn choose_action(&self, fault: &Fault) -> FaultAction {
        let retry = self.step().retry;
        let max_attempts = if retry.declared || !fault.transient {
            retry.attempts
        } else {
            TRANSIENT_ATTEMPTS
        };
        let attempts_left = self.run.position.attempt < max_attempts;
        match (fault.outcome_unknown, self.ambiguity()) {
            (false, _) if fault.may_retry && attempts_left => {
                FaultAction::Retry { same_effect: false }
            }
            (false, _) => FaultAction::Fail,
            (true, Ambiguity::Retry | Ambiguity::Query) if attempts_left => {
                FaultAction::Retry { same_effect: true }
            }
            // A read has no effect, so an unknown outcome needs no operator.
            (true, Ambiguity::Retry) if fault.read_only => FaultAction::Fail,
            (true, _) => FaultAction::Park,
        }
    }

    /// The declared ambiguity policy; by default only repeatable effects are retried.
    pub(crate) fn ambiguity(&self) -> Ambiguity {
        let step = self.step();
        let is_repeatable = || match StepKind::of(step).external() {
            Some(external) => self
                .row()
                .and_then(|row| row.input.as_ref())
                .is_some_and(external.is_repeatable),
            None => true,
        };
        step.ambiguity.unwrap_or_else(|| {
            if is_repeatable() {
                Ambiguity::Retry
            } else {
                Ambiguity::Park
            }
        })
    }

    async fn schedule_retry(
        &self,
        row: StepRow,
        failure: Failure,
        same_effect: bool,
    ) -> Result<Run> {
        let now = self.now();
        let at = now.plus_millis(self.step().retry.pause_ms(self.run.position.attempt));
        let (number, message) = (self.run.position.attempt, &failure.message);
        let event = Event::RetryScheduled { open: same_effect };
        let run = Run {
            next_at: Some(at),
            reason: Some(format!("attempt {number} failed: {message}")),
            ..self.run.after(event, now)?
        };
        let attempt = attempt(&row, &failure, now);
        let holder = self.workflow.db().holder().to_owned();
        let step = StepRow {
            state: run.position.step_state,
            attempt: run.position.attempt,
            request: row.request.clone().filter(|_| same_effect),
            sent: same_effect.then_some(at),
            sent_by: same_effect.then_some(holder),
            error: Some(failure),
            ..row
        };
        self.commit_failure(run, step, attempt).await
    }

    /// Records that the step failed permanently.
    pub(crate) async fn fail(&self, row: StepRow, failure: Failure) -> Result<Run> {
        let now = self.now();
        let attempt = attempt(&row, &failure, now);
        let step = StepRow {
            state: StepState::Failed,
            request: None,
            error: Some(failure.clone()),
            ended: Some(now),
            ..row
        };
        let run = Run {
            error: Some(failure),
            ..self.run.after(Event::Failed, now)?
        };
        self.commit_failure(run, step, attempt).await
    }

    async fn park(&self, row: StepRow, failure: Failure) -> Result<Run> {
        let now = self.now();
        let attempt = attempt(&row, &failure, now);
        let reason = format!(
            "it is unknown whether the effect happened: {}",
            failure.message
        );
        let step = StepRow {
            state: StepState::Parked,
            error: Some(failure),
            ..row
        };
        let run = Run {
            reason: Some(reason),
            ..self.run.after(Event::Parked, now)?
        };
        self.commit_failure(run, step, attempt).await
    }

    /// Commits the run and its step, and continues from what was committed.
    pub(crate) async fn record(&mut self, run: Run, step: StepRow) -> Result<StepRow> {
        let run = self.commit(Change::new(run, Some(step.clone()))).await?;
        self.apply_committed(run, step.clone());
        Ok(step)
    }

    /// Commits a change and returns the run.
    async fn commit(&self, change: Change) -> Result<Run> {
        let (workflow, lease, namespace) = (&self.workflow, &self.lease, &self.namespace);
        let (change, ()) = commit(workflow, lease, namespace, change, |_, _| Ok(())).await?;
        Ok(change.run)
    }

    /// Commits a failed attempt.
    async fn commit_failure(&self, run: Run, step: StepRow, attempt: Attempt) -> Result<Run> {
        self.commit(Change {
            run,
            step: Some(step),
            attempt: Some(attempt),
        })
        .await
    }

    /// Replaces the loaded run and step by what was committed.
    pub(crate) fn apply_committed(&mut self, run: Run, row: StepRow) {
        self.run = run;
        self.steps.retain(|step| step.seq != row.seq);
        self.steps.push(row);
    }
}

fn attempt(row: &StepRow, failure: &Failure, now: Time) -> Attempt {
    Attempt {
        run: row.run,
        seq: row.seq,
        round: row.round,
        attempt: row.attempt,
        started: row.sent.unwrap_or(row.began),
        ended: now,
        error: failure.clone(),
    }
}

/// How long an effect started by another process may still be in progress.
pub(crate) fn grace_ms(workflow: &Workflow, lease_ms: u64, timeout_ms: u64) -> i64 {
    let lease_ms = match workflow.db().engine() {
        store::EngineKind::Sqlite => 0, // the file lock proves that the other process is dead
        store::EngineKind::Postgres => lease_ms,
    };
    i64::try_from(lease_ms + timeout_ms).unwrap_or(i64::MAX)
}
