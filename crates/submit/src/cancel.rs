//! Cancels submissions.

use crate::enqueue::{Outcome, enqueue_superseding};
use crate::state::{Event, State};
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, record};
use intent::Intent;
use std::slice;
use types::{Principal, SubmissionId};

/// Attempts of a cancel while the worker keeps changing the submission.
const CANCEL_ATTEMPTS: usize = 5;

/// Cancels a submission. Before it is signed it is withdrawn; after that a cancel transaction uses
/// its replay keys, and whichever of the two is mined wins. Returns the submission itself, or the
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
        let submission = crate::get(submit, principal, id).await?;
        let outcome = match submission.state {
            State::Received | State::Deciding | State::AwaitingApproval | State::Permitted => {
                withdraw(submit, principal, submission).await
            }
            State::Signed | State::Accepted | State::Reorged | State::Paused => {
                enqueue_cancel(submit, principal, &submission).await
            }
            State::NonceReserved | State::Signing => Err(wrong_state(
                id,
                "waits for a remote signature; cancel it once the signature has arrived",
            )),
            State::Mined => Err(wrong_state(id, "is already in a block")),
            _ => Err(wrong_state(id, "has ended")),
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
        _ => crate::get(submit, principal, id).await,
    }
}

/// Enqueues a cancel: a submission of its own on the same replay keys, decided by policy like any
/// other.
async fn enqueue_cancel(
    submit: &Submit,
    principal: &Principal,
    target: &Submission,
) -> Result<Submission> {
    let new = Enqueue {
        idempotency_key: None, // a cancel in progress is found by its target
        intent: Intent::cancel(target.chain, target.signer.clone()),
        interface: None,
        policies: Vec::new(),
        context: crate::Context::default(),
    };
    let outcome = enqueue_superseding(submit, principal, new, target.id).await?;
    let (Outcome::Created(cancel) | Outcome::Replayed(cancel)) = outcome;
    Ok(cancel)
}
