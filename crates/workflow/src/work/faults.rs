//! What becomes of a step that did not come to an end: another attempt, a failure, or a question to
//! a person.

use super::load::Loaded;
use super::record::{Change, commit};
use crate::definition::{Ambiguity, Kind};
use crate::effect::Fault;
use crate::run::{Attempt, Failure, Run, StepRow};
use crate::state::{Event, StepState};
use crate::{Result, Workflow};
use types::Time;

/// Attempts where the step says nothing and the fault is of the installation or of the network.
const PATIENCE: u32 = 5;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resort {
    /// Try again later; `open`: the same effect.
    Again { open: bool },
    /// It failed.
    Fail,
    /// A person decides.
    Park,
}

impl Loaded {
    /// Record a fault of the step, whose row is given as it stands, and what follows from it.
    pub(crate) async fn fault_of(&self, row: StepRow, fault: Fault) -> Result<Run> {
        let failure = self.named(fault.failure.clone());
        match self.resort(&fault) {
            Resort::Again { open } => self.put_off(row, failure, open).await,
            Resort::Fail => self.fail(row, failure).await,
            Resort::Park => self.park(row, failure).await,
        }
    }

    fn resort(&self, fault: &Fault) -> Resort {
        let retry = self.step().retry;
        let most = if retry.declared || !fault.passing {
            retry.attempts
        } else {
            PATIENCE
        };
        let more = self.run.position.attempt < most;
        match (fault.unknown, self.ambiguity()) {
            (false, _) if fault.may_retry && more => Resort::Again { open: false },
            (false, _) => Resort::Fail,
            (true, Ambiguity::Retry | Ambiguity::Query) if more => Resort::Again { open: true },
            // Reading changes nothing: that nobody knows whether it happened is no question to a
            // person.
            (true, Ambiguity::Retry) if fault.reads => Resort::Fail,
            (true, _) => Resort::Park,
        }
    }

    /// What the step declares; by itself only what may be done twice is.
    pub(crate) fn ambiguity(&self) -> Ambiguity {
        let step = self.step();
        let repeatable = || match step.kind {
            Kind::HttpRequest => self
                .row()
                .and_then(|row| row.input.as_ref())
                .is_some_and(may_be_repeated),
            _ => true,
        };
        step.ambiguity.unwrap_or_else(|| {
            if repeatable() {
                Ambiguity::Retry
            } else {
                Ambiguity::Park
            }
        })
    }

    async fn put_off(&self, row: StepRow, failure: Failure, open: bool) -> Result<Run> {
        let now = self.now();
        let at = now.plus_millis(self.step().retry.pause_ms(self.run.position.attempt));
        let after = self.run.after(Event::PutOff { open }, now)?;
        let reason = format!(
            "attempt {} came to nothing: {}",
            self.run.position.attempt, failure.message
        );
        let run = Run {
            next_at: Some(at),
            reason: Some(reason),
            ..after
        };
        let attempt = attempt(&row, &failure, now);
        let holder = self.workflow.db().holder().to_owned();
        let step = StepRow {
            state: run.position.step_state,
            attempt: run.position.attempt,
            request: row.request.clone().filter(|_| open),
            sent: open.then_some(at),
            sent_by: open.then_some(holder),
            error: Some(failure),
            ..row
        };
        self.commit(Change {
            run,
            step: Some(step),
            attempt: Some(attempt),
        })
        .await
    }

    /// Record that the step failed for good.
    pub(crate) async fn fail(&self, row: StepRow, failure: Failure) -> Result<Run> {
        let now = self.now();
        let after = self.run.after(Event::Failed, now)?;
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
            ..after
        };
        self.commit(Change {
            run,
            step: Some(step),
            attempt: Some(attempt),
        })
        .await
    }

    async fn park(&self, row: StepRow, failure: Failure) -> Result<Run> {
        let now = self.now();
        let after = self.run.after(Event::Parked, now)?;
        let attempt = attempt(&row, &failure, now);
        let reason = format!(
            "nobody knows whether the effect happened: {}",
            failure.message
        );
        let step = StepRow {
            state: StepState::Parked,
            error: Some(failure),
            ..row
        };
        let run = Run {
            reason: Some(reason),
            ..after
        };
        self.commit(Change {
            run,
            step: Some(step),
            attempt: Some(attempt),
        })
        .await
    }

    /// Record a change; the run as it is then.
    pub(crate) async fn commit(&self, change: Change) -> Result<Run> {
        let (change, ()) = commit(
            &self.workflow,
            &self.lease,
            &self.namespace,
            change,
            |_, _| Ok(()),
        )
        .await?;
        Ok(change.run)
    }
}

fn attempt(row: &StepRow, failure: &Failure, now: Time) -> Attempt {
    Attempt {
        seq: row.seq,
        round: row.round,
        attempt: row.attempt,
        began: row.sent.unwrap_or(row.began),
        ended: now,
        error: failure.clone(),
    }
}

/// GET, HEAD, PUT and DELETE mean the same however often they are sent (RFC 9110, 9.2.2).
fn may_be_repeated(input: &types::Json) -> bool {
    let method = input
        .to_value()
        .get("method")
        .and_then(|method| method.as_str().map(str::to_ascii_uppercase));
    matches!(
        method.as_deref(),
        None | Some("GET" | "HEAD" | "PUT" | "DELETE")
    )
}

/// How long after an effect was begun by another process it may still be under way.
pub(crate) fn grace_ms(workflow: &Workflow, lease_ms: u64, timeout_ms: u64) -> i64 {
    let lease_ms = match workflow.db().engine() {
        store::EngineKind::Sqlite => 0, // the file lock proves the other process dead
        store::EngineKind::Postgres => lease_ms,
    };
    i64::try_from(lease_ms + timeout_ms).unwrap_or(i64::MAX)
}
