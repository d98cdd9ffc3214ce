//! Writes changed submissions, each with a fact of its state.

use crate::submission::Submission;
use crate::{Error, Result, table};
use store::{Fact, UnscopedTx};
use types::{Namespace, Principal};

/// Writes changed submissions and their facts. Those that were changed concurrently are skipped.
/// Returns the number written.
pub(crate) fn save(tx: &mut UnscopedTx, changed: &[Submission]) -> Result<usize> {
    save_by(tx, changed, None)
}

/// Like [`save`], with `actor` as the actor of the facts, or the worker itself.
pub(crate) fn save_by(
    tx: &mut UnscopedTx,
    changed: &[Submission],
    actor: Option<&Principal>,
) -> Result<usize> {
    let written = table::submission::update(tx, changed)?;
    for submission in changed
        .iter()
        .filter(|submission| written.contains(&submission.id))
    {
        let system = system(&submission.namespace);
        let fact = fact(submission, actor.unwrap_or(&system));
        tx.append(&submission.namespace, fact);
    }
    Ok(written.len())
}

/// Writes all changed submissions, or fails the transaction if one was changed concurrently.
pub(crate) fn save_all(tx: &mut UnscopedTx, changed: &[Submission]) -> Result<()> {
    save_all_by(tx, changed, None)
}

/// Like [`save_all`], with `actor` as the actor of the facts, or the worker itself.
pub(crate) fn save_all_by(
    tx: &mut UnscopedTx,
    changed: &[Submission],
    actor: Option<&Principal>,
) -> Result<()> {
    if save_by(tx, changed, actor)? == changed.len() {
        Ok(())
    } else {
        Err(Error::contended())
    }
}

/// The principal of actions that the worker takes by itself.
pub(crate) fn system(namespace: &Namespace) -> Principal {
    Principal::system("submit", *namespace)
}

fn fact(submission: &Submission, actor: &Principal) -> Fact {
    let payload = serde_json::json!({
        "chain": submission.chain,
        "signer": submission.signer,
        "state": submission.state,
        "transaction": submission.transaction,
        "reason": submission.reason,
        "block_hash": submission.block_hash,
        "block_height": submission.block_height,
        "outcome": submission.outcome,
        "fee": submission.fee,
        "created_contract": submission.created_contract,
    });
    Fact::new(submission.state.fact_type(), 1)
        .subject(&submission.id, submission.version + 1)
        .actor(actor)
        .correlation(&submission.id)
        .trace(submission.initiator.trace)
        .payload(&payload)
}
