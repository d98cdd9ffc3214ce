//! Cancels submissions.

use crate::enqueue::{Outcome, accept_cancel, prepare_cancel};
use crate::state::{Event, State};
use crate::submission::Submission;
use crate::worker::withdraw_request;
use crate::{Error, Result, Submit, record, table};
use std::slice;
use types::{Principal, SubmissionId};

/// Attempts of a cancel while the worker keeps changing the submission.
const CANCEL_ATTEMPTS: usize = 5;

/// Cancels a submission. Before it is signed it is withdrawn; after that a cancel transaction uses
/// its replay keys, and whichever of the two is mined wins. A signature that was requested and has
/// not arrived is no longer wanted: only the cancel is sent. Returns the submission itself, or the
/// submission that cancels it.
///
/// Retries if the worker changes the submission concurrently. Errors: `submit.unknown_submission`,
/// `submit.wrong_state`.
pub async fn cancel(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Submission> {
    for _ in 0..CANCEL_ATTEMPTS {
        let submission = crate::submission(submit, principal, id).await?;
        let outcome = match submission.state {
            state if state.is_unsigned() => withdraw(submit, principal, submission).await,
            State::Mined => Err(wrong_state(id, "is already in a block")),
            state if state.is_terminal() => Err(wrong_state(id, "has ended")),
            _ => enqueue_cancel(submit, principal, submission).await,
        };
        match outcome {
            Err(Error::Store(store::Error::Contended { .. })) => {}
            outcome => return outcome,
        }
    }
    Err(Error::contended())
}

fn wrong_state(id: SubmissionId, reason: &str) -> Error {
    Error::WrongState {
        id,
        reason: reason.to_owned(),
    }
}

async fn withdraw(
    submit: &Submit,
    principal: &Principal,
    mut submission: Submission,
) -> Result<Submission> {
    submission.apply(Event::Failed, submit.now())?;
    submission.set_reason(format!(
        "withdrawn by {} before anything was signed",
        principal.id
    ));
    let (id, args) = (submission.id, (submission, principal.clone()));
    let write = submit
        .on()
        .write_unscoped_with(args, |tx, (submission, actor)| {
            record::save_by(tx, slice::from_ref(submission), Some(actor))
        });
    match write.await? {
        0 => Err(Error::contended()),
        _ => crate::submission(submit, principal, id).await,
    }
}

/// Enqueues a cancel, decided by policy like any other submission.
async fn enqueue_cancel(
    submit: &Submit,
    principal: &Principal,
    target: Submission,
) -> Result<Submission> {
    let cancel = prepare_cancel(submit, principal, &target)?;
    let args = (target, cancel);
    let write = submit
        .on()
        .write_as(principal, args, |tx, principal, (target, cancel)| {
            withdraw_request(tx, principal, target.id, "its submission is cancelled")?;
            let answer = accept_cancel(tx, principal, cancel)?;
            let is_new = matches!(answer, Outcome::Created(_));
            // Concurrent cancels of one submission change its row: only one of them is accepted.
            if is_new && !table::submission::increment_version(tx, target)? {
                return Err(Error::contended());
            }
            Ok(answer)
        });
    let (Outcome::Created(cancel) | Outcome::Replayed(cancel)) = write.await?;
    Ok(cancel)
}
