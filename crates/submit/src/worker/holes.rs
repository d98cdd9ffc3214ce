//! Fills reserved nonces that nothing will be signed for, because the signature was refused or its
//! request withdrawn: the later nonces of the lane wait for them. A cancel takes the place; if that
//! is refused too, the lane is paused.

use super::{Worker, isolate_failure};
use crate::state::State;
use crate::submission::Submission;
use crate::{Error, Result, enqueue, lane, late, record, table};
use keys::RequestState;
use std::slice;
use store::{Tx, UnscopedTx};
use types::ChainId;

/// Submissions served per chain and turn.
const PER_TURN: u32 = 100;
/// Cancels of a submission that may end one after the other without taking the place, and before
/// their permits expire, until an operator must decide.
const MAX_CANCELS: u32 = 5;

pub(super) async fn fill(worker: &Worker, chain: ChainId) -> Result<usize> {
    if worker.is_halted(chain).await? {
        return Ok(0);
    }
    let shard = worker.shard;
    let read = move |tx: &mut UnscopedTx| table::request::abandoned(tx, shard, &chain, PER_TURN);
    let mut changed = 0;
    for submission in worker.db().read_unscoped(read).await? {
        let id = submission.id;
        let result = fill_one(worker, submission).await;
        changed += isolate_failure(result, "fill_nonce", &id)?;
    }
    Ok(changed)
}

/// Enqueues a cancel, also if an earlier one was withdrawn or has expired. An operator must decide
/// if one was refused or denied, or if several have ended.
async fn fill_one(worker: &Worker, submission: Submission) -> Result<usize> {
    let system = record::system(&submission.namespace);
    let cancel = enqueue::prepare_cancel(&worker.submit, &system, &submission)?;
    let args = (submission, cancel);
    let write = worker.write(args, move |tx, (submission, cancel)| {
        let mut scoped = tx.scoped(&submission.namespace);
        let ended = table::submission::cancels(&mut scoped, submission.id, MAX_CANCELS)?;
        if let Some(why) = reason_to_pause(&mut scoped, &ended)? {
            return pause(tx, submission, &why);
        }
        match enqueue::accept_cancel(&mut scoped, &system, cancel) {
            Ok(cancel) => {
                let mut submission = submission.clone();
                let reason = submission.reason.take().unwrap_or_default();
                let cause = reason.split("; sub:").next().unwrap_or_default();
                let cancel = cancel.submission().id;
                submission.set_reason(format!("{cause}; {cancel} fills its nonce"));
                record::save_all(tx, slice::from_ref(&submission)).map(|()| 1)
            }
            Err(error @ Error::UnknownSigner { .. }) => pause(tx, submission, &error.to_string()),
            Err(error) => Err(error),
        }
    });
    write.await
}

/// Why another cancel would end like these, newest first; none if another may be tried.
fn reason_to_pause(tx: &mut Tx, ended: &[Submission]) -> Result<Option<String>> {
    let Some(last) = ended.first() else {
        return Ok(None);
    };
    let why = last.reason.as_deref().unwrap_or(last.state.as_str());
    let why = format!("its cancel {} ended: {why}", last.id);
    if last.state == State::Denied || is_refused(tx, last)? {
        return Ok(Some(why));
    }
    let is_exhausted = ended.len() >= MAX_CANCELS as usize && !ended.iter().any(has_expired);
    Ok(is_exhausted.then(|| format!("{MAX_CANCELS} cancels have ended; {why}")))
}

/// Whether a cancel ended because its permit expired. That takes as long as a permit is valid, so
/// such cancels cannot repeat fast and are not counted.
fn has_expired(cancel: &Submission) -> bool {
    let deadline = cancel.permit.as_ref().map(|permit| permit.body.not_after);
    deadline.is_some_and(|deadline| cancel.updated > deadline)
}

/// Whether the back end refused to sign a cancel while its permit was valid.
fn is_refused(tx: &mut Tx, cancel: &Submission) -> Result<bool> {
    let Some(requested) = table::request::latest_of(tx, cancel.id)? else {
        return Ok(false);
    };
    let deadline = cancel.permit.as_ref().map(|permit| permit.body.not_after);
    let requests = late::readable_requests(tx, &[requested])?;
    Ok(requests.iter().any(|request| {
        let was_valid = deadline.is_none_or(|deadline| request.updated_at <= deadline);
        request.state == RequestState::Refused && was_valid
    }))
}

fn pause(tx: &mut UnscopedTx, submission: &Submission, why: &str) -> Result<usize> {
    let Submission {
        id, chain, signer, ..
    } = submission;
    let Some(lane) = table::lane::get(tx, chain, signer)? else {
        return Ok(0);
    };
    let reason = format!(
        "the nonce of {id} is reserved and nothing is signed for it, so that later nonces wait: \
         {why}; cancel {id} again, then resume the lane"
    );
    lane::pause(tx, lane, &reason, None).map(|()| 1)
}
