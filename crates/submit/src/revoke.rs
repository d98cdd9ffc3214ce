//! Stops what an API key has submitted, or wants signed, when the key is revoked.

use crate::state::{Event, State};
use crate::statement::stop_statements_of;
use crate::submission::Submission;
use crate::worker::{end_permit, release_idempotency_keys, withdraw_request};
use crate::{Result, record, table};
use store::UnscopedTx;
use types::{ApiKeyId, Principal};

/// Submissions stopped in the transaction of the revocation. Nothing is signed for the others
/// either: they are denied when their turn comes.
const MAX_STOPPED: u32 = 1_000;
const REASON: &str = "its API key was revoked";

/// Denies what an API key of the actor's namespace has submitted and nothing was signed for, and
/// revokes its permits. A signature that was requested and has not arrived is withdrawn; its nonce
/// is filled. What is signed stays, and so do cancels. Call it in the transaction that revokes the
/// key. Statements of the key that are not signed end too. Returns how many of both were stopped.
pub fn stop_submissions_of(tx: &mut UnscopedTx, actor: &Principal, key: ApiKeyId) -> Result<usize> {
    let mut scoped = tx.scoped(&actor.namespace);
    let mut stopped = table::submission::unsigned_of(&mut scoped, key, MAX_STOPPED)?;
    for submission in &mut stopped {
        match submission.state {
            State::Signing => withdraw(tx, actor, submission)?,
            _ => deny(tx, submission)?,
        }
    }
    release_idempotency_keys(tx, &stopped)?;
    record::save_all_by(tx, &stopped, Some(actor))?;
    Ok(stopped.len() + stop_statements_of(tx, actor, key, REASON)?)
}

fn deny(tx: &mut UnscopedTx, submission: &mut Submission) -> Result<()> {
    end_permit(tx, submission, REASON)?;
    submission.apply(Event::Denied, tx.now())?;
    submission.set_reason(REASON);
    Ok(())
}

/// The replay keys are reserved: a cancel takes them.
fn withdraw(tx: &mut UnscopedTx, actor: &Principal, submission: &mut Submission) -> Result<()> {
    let mut tx = tx.scoped(&submission.namespace);
    withdraw_request(&mut tx, actor, submission.id, REASON)?;
    if let Some(permit) = &submission.permit {
        keys::revoke_in(&mut tx, actor, &permit.body.id, REASON)?;
    }
    submission.set_reason(REASON);
    Ok(())
}
