//! Fills reserved nonces that nothing will be signed for, because the signature was refused or its
//! request withdrawn: the later nonces of the lane wait for them. A cancel takes the place; if that
//! cannot be signed either, the lane is paused.

use super::{Worker, isolate_failure};
use crate::submission::Submission;
use crate::{Result, enqueue, lane, record, table};
use std::slice;
use store::UnscopedTx;
use types::ChainId;

/// Submissions served per chain and turn.
const PER_TURN: u32 = 100;

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

/// Enqueues a cancel once. If it has ended without taking the place, an operator must decide.
async fn fill_one(worker: &Worker, submission: Submission) -> Result<usize> {
    let system = record::system(&submission.namespace);
    let cancel = enqueue::prepare_cancel(&worker.submit, &system, &submission)?;
    let args = (submission, cancel);
    let write = worker.write(args, move |tx, (submission, cancel)| {
        let mut scoped = tx.scoped(&submission.namespace);
        if let Some(ended) = table::submission::latest_cancel(&mut scoped, submission.id)? {
            let why = ended.reason.as_deref().unwrap_or(ended.state.as_str());
            return pause(
                tx,
                submission,
                &format!("its cancel {} ended: {why}", ended.id),
            );
        }
        match enqueue::accept_cancel(&mut scoped, &system, cancel)? {
            Ok(cancel) => {
                let mut submission = submission.clone();
                let reason = submission.reason.take().unwrap_or_default();
                let cancel = cancel.submission().id;
                submission.set_reason(format!("{reason}; {cancel} fills its nonce"));
                record::save_all(tx, slice::from_ref(&submission)).map(|()| 1)
            }
            Err(error) => pause(tx, submission, &error.to_string()),
        }
    });
    write.await
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
    tracing::warn!(event = "lane.paused", %chain, signer, reason, "the lane is paused");
    lane::pause(tx, lane, &reason, None).map(|()| 1)
}
