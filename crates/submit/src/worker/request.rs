//! Requests signatures of back ends that answer later: one transaction reserves the nonces and
//! replay keys, uses the permits, and makes the requests.

use super::commit::{Planned, Refused, held_keys, save_refused, signing_job};
use super::{Worker, is_halted};
use crate::state::{Event, State};
use crate::submission::{NEVER, Submission};
use crate::table::lane::Lane;
use crate::table::request::RequestedSignature;
use crate::{Result, Submit, lane, record, table};
use keys::VerifiedJob;
use std::sync::Arc;
use store::UnscopedTx;
use types::{ChainId, Principal, SignatureRequestId, SubmissionId};

/// Plans of one namespace, verified against their permits.
struct Batch {
    lane: Option<Lane>,
    planned: Vec<Planned>,
    jobs: Vec<VerifiedJob>,
    reason: String,
}

/// Why signatures may not be requested: a result for each plan.
type Refusals = Vec<keys::Result<()>>;

/// Requests the signatures of plans of one namespace, all or none.
pub(super) async fn request(
    worker: &Worker,
    lane: Option<Lane>,
    planned: Vec<Planned>,
    backend: &str,
) -> Result<usize> {
    let mut jobs = Vec::with_capacity(planned.len());
    for plan in &planned {
        let system = record::system(&plan.submission.namespace);
        let job = keys::verify_job(worker.submit.keys(), &system, signing_job(plan));
        jobs.push(job);
    }
    if jobs.iter().any(keys::Result::is_err) {
        let results = jobs.into_iter().map(|job| job.map(drop));
        return refuse(worker, &planned, results.collect()).await;
    }
    let batch = Arc::new(Batch {
        lane,
        planned,
        jobs: jobs.into_iter().flatten().collect(),
        reason: format!("waits for the signature of the back end {backend:?}"),
    });
    let write = worker.write(batch.clone(), |tx, batch| reserve(tx, batch));
    match write.await? {
        Ok(count) => {
            fail::point("submit.reserved").await?;
            Ok(count)
        }
        Err(refusals) => refuse(worker, &batch.planned, refusals).await,
    }
}

/// Reserving some would leave a gap in the nonces, so that a refusal reserves none. The next turn
/// plans the others again.
async fn refuse(worker: &Worker, planned: &[Planned], refusals: Refusals) -> Result<usize> {
    let mut refused = Vec::new();
    for (plan, result) in planned.iter().zip(refusals) {
        if let Err(error) = result {
            refused.push(Refused {
                submission: plan.submission.clone(),
                error,
            });
        }
    }
    save_refused(worker, refused).await
}

fn reserve(tx: &mut UnscopedTx, batch: &Batch) -> Result<std::result::Result<usize, Refusals>> {
    let Some(first) = batch.planned.first() else {
        return Ok(Ok(0));
    };
    let namespace = first.submission.namespace;
    if is_halted(tx, &first.submission.chain)? {
        return Ok(Ok(0));
    }
    let checks = keys::check_requests(&mut tx.scoped(&namespace), &batch.jobs)?;
    if checks.iter().any(keys::Result::is_err) {
        return Ok(Err(checks));
    }
    if let Some(lane) = &batch.lane {
        lane::update(tx, lane)?;
    }
    for plan in &batch.planned {
        withdraw_cancelled(tx, &plan.submission)?;
    }
    let system = record::system(&namespace);
    let ids = keys::request_signatures(&mut tx.scoped(&namespace), &system, &batch.jobs)?;
    let changed = record_requested(tx, batch, &ids)?;
    record::save_all(tx, &changed)?;
    Ok(Ok(changed.len()))
}

/// Records requests and replay keys. Returns the submissions in their new state; one that was signed
/// before keeps its state, and its old bytes stay valid.
fn record_requested(
    tx: &mut UnscopedTx,
    batch: &Batch,
    ids: &[SignatureRequestId],
) -> Result<Vec<Submission>> {
    let (now, mut changed) = (tx.now(), Vec::with_capacity(ids.len()));
    let (mut requests, mut held) = (Vec::new(), Vec::new());
    for ((plan, job), id) in batch.planned.iter().zip(&batch.jobs).zip(ids) {
        let mut submission = plan.submission.clone();
        if submission.state == State::Permitted {
            submission.apply(Event::SignatureRequested, now)?;
            submission.postpone(NEVER, &batch.reason);
        } else {
            submission.set_reason(format!("its replacement {}", batch.reason));
        }
        requests.push(RequestedSignature {
            namespace: submission.namespace,
            request: *id,
            submission: submission.id,
            chain: submission.chain,
            signer: submission.signer.clone(),
            shard: submission.shard,
            terms: plan.terms,
            open: true,
        });
        held.extend(held_keys(&submission, job.replay_keys()));
        changed.push(submission);
    }
    table::request::insert(tx, &requests)?;
    table::replay_key::insert(tx, &held)?;
    Ok(changed)
}

/// Withdraws the open request of a submission, if it still waits. An answer that has arrived is
/// collected as usual.
pub(crate) fn withdraw(
    tx: &mut store::Tx,
    actor: &Principal,
    submission: SubmissionId,
    note: &str,
) -> Result<()> {
    let open = table::request::open_of(tx, submission)?;
    if let Some(open) = open
        && keys::withdraw_request(tx, actor, &open.request, note)?
    {
        table::request::close(tx, &open.request)?;
    }
    Ok(())
}

/// Withdraws the open request of what a cancel cancels: signed later, it could outbid the cancel.
pub(super) fn withdraw_cancelled(tx: &mut UnscopedTx, cancel: &Submission) -> Result<()> {
    let Some(target) = cancel.supersedes else {
        return Ok(());
    };
    let system = record::system(&cancel.namespace);
    let mut tx = tx.scoped(&cancel.namespace);
    withdraw(&mut tx, &system, target, "its submission is cancelled")
}

/// Withdraws the open requests of submissions that have ended.
pub(super) fn withdraw_ended(tx: &mut UnscopedTx, changed: &[Submission]) -> Result<()> {
    let ended = changed.iter().filter(|one| one.state.is_terminal());
    let ended: Vec<_> = ended.map(|one| one.id).collect();
    if ended.is_empty() {
        return Ok(());
    }
    for open in table::request::open_of_all(tx, &ended)? {
        let system = record::system(&open.namespace);
        let mut tx = tx.scoped(&open.namespace);
        keys::withdraw_request(&mut tx, &system, &open.request, "its submission has ended")?;
        table::request::close(&mut tx, &open.request)?;
    }
    Ok(())
}

/// The back end that signs for a submission, if it answers later.
pub(super) fn late_backend(
    submit: &Submit,
    tx: &mut UnscopedTx,
    submission: &Submission,
) -> Result<Option<String>> {
    let mut tx = tx.scoped(&submission.namespace);
    let key = keys::find(&mut tx, &submission.chain, &submission.signer)?;
    let backend = key.map(|key| key.backend);
    Ok(backend.filter(|backend| submit.keys().answers_later(backend)))
}

/// Why the next submission of a lane is not signed although the lane has capacity: what its back end
/// would sign at once could be sent ahead of a nonce that is reserved and has no bytes. Another
/// namespace may have reserved it, so that the reason names none.
pub(crate) fn held(
    submit: &Submit,
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<String>> {
    if table::submission::in_flight(tx, chain, signer)?.signing == 0 {
        return Ok(None);
    }
    let now = tx.now();
    let next = table::submission::permitted(tx, chain, signer, false, now, 1)?;
    let is_late = match next.first() {
        Some(next) => late_backend(submit, tx, next)?.is_some(),
        None => true,
    };
    let reason = "lower nonces of the lane are reserved for transactions that wait for their \
                  signatures; it goes on once these have arrived, or their nonces are filled";
    Ok((!is_late).then(|| reason.to_owned()))
}

/// Shortens the next submissions of a lane to those that are signed in the same way as the first:
/// namespaces that hold the same key may hold it in different back ends. Returns the back end, if it
/// answers later.
pub(super) fn take_same_backend(
    submit: &Submit,
    tx: &mut UnscopedTx,
    next: &mut Vec<Submission>,
) -> Result<Option<String>> {
    let Some(first) = next.first() else {
        return Ok(None);
    };
    let namespace = first.namespace;
    let backend = late_backend(submit, tx, first)?;
    let mut same = 1;
    while let Some(other) = next.get(same) {
        let is_same = other.namespace == namespace
            || (backend.is_none() && late_backend(submit, tx, other)?.is_none());
        if !is_same {
            break;
        }
        same += 1;
    }
    next.truncate(same);
    Ok(backend)
}
