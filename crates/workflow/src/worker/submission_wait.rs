//! Waits for a submission as a stored row. A check that finds no outcome reschedules the run,
//! unless it was woken meanwhile. Until then the run stays due, so that a crash during a check
//! delays nothing.

use super::context::RunContext;
use crate::effect::{Fault, StepError, SubmissionRequest, outcome};
use crate::run::{Run, StepRow};
use crate::state::{Event, StepState};
use crate::table::run as table;
use crate::{Error, Result};
use submit::Submission;
use types::{Json, SubmissionId, Time};

/// The result of a check.
pub(super) enum SubmissionCheck {
    Done(Json),
    Fault(Fault),
    /// No outcome yet: the next check is scheduled.
    Pending,
}

impl RunContext {
    /// Records that the step waits for a submission. The first check is due at once: facts recorded
    /// before this commit wake nothing.
    pub(super) async fn wait_for(
        &mut self,
        row: StepRow,
        submission: &Submission,
    ) -> Result<StepRow> {
        let now = self.now();
        let id = submission.id.to_string();
        let run = Run {
            reason: Some(format!("waits for submission {id}")),
            waits_for: Some(id.clone()),
            next_at: Some(now),
            ..self.run.after(Event::WaitStarted, now)?
        };
        let step = StepRow {
            state: StepState::Waiting,
            waits_for: Some(id),
            ..row
        };
        self.record(run, step).await
    }

    /// Checks the submission that the step waits for.
    pub(super) async fn check_submission(&self, row: &StepRow) -> Result<SubmissionCheck> {
        let now = self.now();
        let until = self.submission_request(row)?.until;
        let id: SubmissionId = row
            .waits_for
            .as_deref()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| Error::corrupt("step", "it does not wait for a submission"))?;
        let submission = match submit::submission(
            &self.workflow.parts().submit,
            &self.run.initiator,
            id,
        )
        .await
        {
            Ok(submission) => submission,
            Err(submit::Error::Store(error)) => return Err(error.into()),
            Err(error) => return Ok(SubmissionCheck::Fault(error.into())),
        };
        Ok(match outcome(&submission, until) {
            Some(Ok(data)) => SubmissionCheck::Done(data),
            Some(Err(fault)) => SubmissionCheck::Fault(fault),
            None if self.deadline(row).is_some_and(|deadline| deadline <= now) => {
                SubmissionCheck::Fault(timed_out(&submission))
            }
            None => {
                self.reschedule_unless_woken(row, now).await?;
                SubmissionCheck::Pending
            }
        })
    }

    /// Schedules the next check; at once if the submission changed since the run was loaded.
    async fn reschedule_unless_woken(&self, row: &StepRow, now: Time) -> Result<()> {
        let Some(due) = self.run.next_at else {
            return Ok(());
        };
        let (run, next_at) = (self.run.clone(), self.next_check(row, now));
        self.write(move |tx| table::reschedule_unless_woken(tx, &run, due, next_at))
            .await
    }

    /// The recorded submission of the step.
    pub(super) fn submission_request(&self, row: &StepRow) -> Result<SubmissionRequest> {
        serde_json::from_str(self.stored_request(row)?.as_str())
            .map_err(|error| Error::corrupt("step", error))
    }

    /// The recorded request of the step's effect.
    pub(super) fn stored_request(&self, row: &StepRow) -> Result<Json> {
        let ciphertext = row
            .request
            .as_ref()
            .ok_or_else(|| Error::corrupt("step", "it is open but has no request"))?;
        self.decrypt(row.seq, "request", ciphertext)
    }

    /// Changes when the run is due, and nothing else.
    pub(super) async fn reschedule(&self, next_at: Time) -> Result<()> {
        let run = self.run.clone();
        self.write(move |tx| table::reschedule(tx, &run, next_at))
            .await
    }

    fn next_check(&self, row: &StepRow, now: Time) -> Time {
        let next = now.plus_millis(self.workflow.settings().poll_submission_ms);
        self.deadline(row)
            .filter(|deadline| *deadline > now)
            .map_or(next, |deadline| deadline.min(next))
    }

    fn deadline(&self, row: &StepRow) -> Option<Time> {
        let timeout = self.step().timeout_ms?;
        Some(
            row.began
                .plus_millis(i64::try_from(timeout).unwrap_or(i64::MAX)),
        )
    }
}

fn timed_out(submission: &Submission) -> Fault {
    let state = submission.state.as_str();
    let reason = format!(
        "the step timed out while submission {} was {state}; the submission continues",
        submission.id
    );
    StepError::Timeout(reason).into()
}
