//! Requests signatures of back ends that answer later: one transaction reserves the nonces and
//! replay keys, uses the permits, and makes the requests.

use super::commit::{Planned, Refused, held_keys, save_refused, signing_job};
use super::{Worker, is_halted, standing, withdraw};
use crate::state::{Event, State};
use crate::submission::{NEVER, Submission};
use crate::table::lane::Lane;
use crate::table::request::RequestedSignature;
use crate::{Result, Submit, lane, record, table};
use keys::VerifiedJob;
use policy::Lock;
use std::sync::Arc;
use store::UnscopedTx;
use types::SignatureRequestId;

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
    let args = (worker.submit.clone(), batch.clone());
    let write = worker.write(args, |tx, (submit, batch)| reserve(tx, submit, batch));
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

fn reserve(
    tx: &mut UnscopedTx,
    submit: &Submit,
    batch: &Batch,
) -> Result<std::result::Result<usize, Refusals>> {
    let Some(first) = batch.planned.first() else {
        return Ok(Ok(0));
    };
    let namespace = first.submission.namespace;
    if is_halted(tx, &first.submission.chain)? {
        return Ok(Ok(0));
    }
    let planned: Vec<_> = batch.planned.iter().map(Planned::renewed).collect();
    let outdated = standing::outdated(tx, submit.policy(), &planned, Lock::Shared)?;
    if !outdated.is_empty() {
        return Ok(Ok(standing::send_back(tx, &planned, &outdated)?));
    }
    let checks = keys::check_requests(&mut tx.scoped(&namespace), &batch.jobs)?;
    if checks.iter().any(keys::Result::is_err) {
        return Ok(Err(checks));
    }
    if let Some(lane) = &batch.lane {
        lane::update(tx, lane)?;
    }
    for plan in &batch.planned {
        withdraw::of_cancelled(tx, &plan.submission)?;
    }
    let system = record::system(&namespace);
    let ids = keys::request_signatures(&mut tx.scoped(&namespace), &system, &batch.jobs)?;
    let changed = record_requested(tx, batch, &ids)?;
    record::save_all(tx, &changed)?;
    Ok(Ok(changed.len()))
}

/// Records requests and replay keys. Returns the submissions in their new state; one that was
/// signed before keeps its state, and its old bytes stay valid.
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
            // Until the answer arrives, it goes on under its earlier permit.
            renewal: plan.renewal.clone(),
            open: true,
        });
        held.extend(held_keys(&submission, job.replay_keys()));
        changed.push(submission);
    }
    table::request::insert(tx, &requests)?;
    table::replay_key::insert(tx, &held)?;
    Ok(changed)
}
