//! Waiting for a submission: the wait is a row. Who sees nothing yet puts the next look off, unless
//! a word came meanwhile. Until then the look stays due, so that a crash in the middle of it delays
//! nothing.

use super::load::Loaded;
use crate::effect::{Fault, Sending, Why, outcome};
use crate::run::{Run, StepRow};
use crate::state::{Event, StepState};
use crate::table::run as table;
use crate::work::record::Change;
use crate::{Error, Result};
use store::Tx;
use submit::Submission;
use types::{Json, SubmissionId, Time};

/// What a look came to.
pub(super) enum Look {
    /// The step is done, with this data.
    Done(Json),
    /// It failed.
    Fault(Fault),
    /// Nothing yet: the next look is due later.
    Later,
}

impl Loaded {
    /// Record that the step waits for a submission. The first look is due at once: what became of
    /// it before nobody hears again.
    pub(super) async fn wait_for(
        &self,
        row: StepRow,
        submission: &Submission,
    ) -> Result<(Run, StepRow)> {
        let now = self.now();
        let id = submission.id.to_string();
        let (reason, after) = (
            format!("waits for submission {id}"),
            self.run.after(Event::Waits, now)?,
        );
        let run = Run {
            reason: Some(reason),
            waits_for: Some(id.clone()),
            next_at: Some(now),
            ..after
        };
        let step = StepRow {
            state: StepState::Waiting,
            waits_for: Some(id),
            ..row
        };
        let run = self.commit(Change::of(run, Some(step.clone()))).await?;
        Ok((run, step))
    }

    /// Look at the submission that the step waits for.
    pub(super) async fn look(&self, row: &StepRow) -> Result<Look> {
        let now = self.now();
        let sending = self.request::<Sending>(row)?;
        let id: SubmissionId = row
            .waits_for
            .as_deref()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| {
                Error::corrupt("step", "it waits for something that is no submission")
            })?;
        let submission =
            match submit::get(&self.workflow.parts().submit, &self.run.initiator, id).await {
                Ok(submission) => submission,
                Err(submit::Error::Store(error)) => return Err(error.into()),
                Err(error) => return Ok(Look::Fault(Fault::of(&error))),
            };
        Ok(match outcome(&submission, sending.until) {
            Some(Ok(data)) => Look::Done(data),
            Some(Err(fault)) => Look::Fault(fault),
            None if self.deadline(row).is_some_and(|deadline| deadline <= now) => {
                Look::Fault(late(&submission))
            }
            None => {
                self.put_off_look(row, now).await?;
                Look::Later
            }
        })
    }

    /// Look again later; at once if the submission moved on since the run was loaded.
    async fn put_off_look(&self, row: &StepRow, now: Time) -> Result<()> {
        let Some(due) = self.run.next_at else {
            return Ok(());
        };
        let (run, at) = (self.run.clone(), self.next_look(row, now));
        let write = move |tx: &mut Tx<'_, '_>| table::put_off_look(tx, &run, due, at);
        self.workflow
            .db()
            .on(&self.lease)
            .write(&self.namespace, write)
            .await
    }

    /// What was written down to be done.
    pub(super) fn request<T: serde::de::DeserializeOwned>(&self, row: &StepRow) -> Result<T> {
        let sealed = row
            .request
            .as_ref()
            .ok_or_else(|| Error::corrupt("step", "it is open, but nothing says what it does"))?;
        let json = self.unseal(row.seq, "request", sealed)?;
        serde_json::from_str(json.as_str())
            .map_err(|error| Error::corrupt("step", error.to_string()))
    }

    /// Put the next look off; nothing else of the run changes.
    pub(super) async fn look_again(&self, at: Time) -> Result<()> {
        let run = self.run.clone();
        let write = move |tx: &mut Tx<'_, '_>| table::look_again(tx, &run, at);
        self.workflow
            .db()
            .on(&self.lease)
            .write(&self.namespace, write)
            .await
    }

    fn next_look(&self, row: &StepRow, now: Time) -> Time {
        let next = now.plus_millis(self.workflow.settings().look_again_ms);
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

fn late(submission: &Submission) -> Fault {
    let state = submission.state.as_str();
    let why = format!(
        "submission {} is {state}, and the step's time is up; it goes its own way",
        submission.id
    );
    Fault::of(&Why::Timeout(why))
}
