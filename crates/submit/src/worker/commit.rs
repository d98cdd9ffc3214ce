//! Signs planned submissions outside any transaction, then commits nonce, bytes and hash of all of
//! them in one.

use super::{
    PRICE_RETRY_MS, WAIT_MS, Worker, after_retry, is_halted, open_spans, standing, withdraw,
};
use crate::state::{Event, State};
use crate::submission::{NEVER, Renewal, Submission, SubmissionTransaction};
use crate::table::lane::Lane;
use crate::table::replay_key::HeldKey;
use crate::{Error, Result, lane, record, table};
use intent::{FeeTerms, Unsigned};
use keys::{Signed, SigningJob};
use policy::Lock;
use std::collections::BTreeMap;
use store::UnscopedTx;
use types::{Namespace, ReplayKey, Time};

/// A submission with the bytes planned for it.
pub(super) struct Planned {
    pub(super) submission: Submission,
    pub(super) unsigned: Unsigned,
    pub(super) terms: FeeTerms,
    /// What it is signed under, if it was decided again.
    pub(super) renewal: Option<Renewal>,
}

impl Planned {
    /// The submission as it is once this is signed.
    pub(super) fn renewed(&self) -> Submission {
        let mut submission = self.submission.clone();
        if let Some(renewal) = self.renewal.clone() {
            renewal.apply(&mut submission);
        }
        submission
    }
}

struct SignedPlan {
    planned: Planned,
    signature: Signed,
}

/// A submission whose signature `keys` refused.
pub(super) struct Refused {
    pub(super) submission: Submission,
    pub(super) error: keys::Error,
}

/// Signs the plans, then commits all of them or none.
pub(super) async fn sign_and_commit(
    worker: &Worker,
    lane: Option<Lane>,
    planned: Vec<Planned>,
) -> Result<usize> {
    if !worker.may_act() {
        return Ok(0);
    }
    let _spans = open_spans("sign", planned.iter().map(|plan| &plan.submission));
    let results = sign_plans(worker, &planned).await;
    let (signed, refused) = split_signed(planned, results);
    if !refused.is_empty() {
        // Committing the rest would leave a gap in the nonces. Unrecorded signatures never
        // leave memory, so dropping them is safe.
        return save_refused(worker, refused).await;
    }
    fail::point("submit.signed").await?;
    let count = commit(worker, lane, signed).await?;
    fail::point("submit.committed").await?;
    Ok(count)
}

/// One result per plan, in their order. Signs namespace by namespace, since a permit is valid in
/// one namespace only.
async fn sign_plans(worker: &Worker, planned: &[Planned]) -> Vec<keys::Result<Signed>> {
    let mut jobs: BTreeMap<Namespace, (Vec<usize>, Vec<SigningJob>)> = BTreeMap::new();
    for (index, plan) in planned.iter().enumerate() {
        let (indexes, of_namespace) = jobs.entry(plan.submission.namespace).or_default();
        indexes.push(index);
        of_namespace.push(signing_job(plan));
    }
    let mut results = BTreeMap::new();
    for (namespace, (indexes, jobs)) in jobs {
        let system = record::system(&namespace);
        let signed = keys::sign(worker.submit.keys(), &system, jobs).await;
        results.extend(indexes.into_iter().zip(signed));
    }
    let mut result_of = |index| results.remove(&index).expect("keys answers every job");
    (0..planned.len()).map(&mut result_of).collect()
}

/// Separates signed plans from submissions whose signature `keys` refused.
fn split_signed(
    planned: Vec<Planned>,
    results: Vec<keys::Result<Signed>>,
) -> (Vec<SignedPlan>, Vec<Refused>) {
    let (mut signed, mut refused) = (Vec::new(), Vec::new());
    for (planned, result) in planned.into_iter().zip(results) {
        match result {
            Ok(signature) => signed.push(SignedPlan { planned, signature }),
            Err(error) => refused.push(Refused {
                submission: planned.submission,
                error,
            }),
        }
    }
    (signed, refused)
}

async fn commit(worker: &Worker, lane: Option<Lane>, signed: Vec<SignedPlan>) -> Result<usize> {
    let args = (worker.submit.clone(), lane, signed);
    let write = worker.write(args, |tx, (submit, lane, signed)| {
        // Unrecorded signatures never leave memory.
        let chain = signed.first().map(|one| one.planned.submission.chain);
        if chain.map_or(Ok(false), |chain| is_halted(tx, &chain))? {
            return Ok(0);
        }
        let planned: Vec<_> = signed.iter().map(|one| one.planned.renewed()).collect();
        let outdated = standing::outdated(tx, submit.policy(), &planned, Lock::Shared)?;
        if !outdated.is_empty() {
            // Committing the others would leave a gap in the nonces: the next turn plans them.
            return standing::send_back(tx, &planned, &outdated);
        }
        if let Some(lane) = lane {
            lane::update(tx, lane)?;
        }
        let changed = record_signed(tx, signed)?;
        for submission in &changed {
            suspend_cancelled(tx, submission)?;
            withdraw::of_cancelled(tx, submission)?;
        }
        record::save_all(tx, &changed)?;
        Ok(changed.len())
    });
    write.await
}

/// Records signatures, hashes and replay keys. Returns the submissions in their new state.
fn record_signed(tx: &mut UnscopedTx, signed: &[SignedPlan]) -> Result<Vec<Submission>> {
    let now = tx.now();
    let mut changed = Vec::with_capacity(signed.len());
    let (mut transactions, mut held) = (Vec::new(), Vec::new());
    for SignedPlan { planned, signature } in signed {
        let mut submission = planned.renewed();
        let Submission {
            id,
            namespace,
            chain,
            ..
        } = submission;
        record_signature(tx, &namespace, signature)?;
        submission.apply(Event::Signed, now)?;
        (submission.next_at, submission.reason) = (now, None);
        submission.transaction = Some(signature.id().to_owned());
        transactions.push(SubmissionTransaction {
            namespace,
            chain,
            transaction: signature.id().to_owned(),
            submission: id,
            permit: Some(*signature.permit()),
            signed: now,
            terms: planned.terms,
            answer: None,
        });
        held.extend(held_keys(&submission, signature.replay_keys()));
        changed.push(submission);
    }
    table::transaction::insert(tx, &transactions)?;
    table::replay_key::insert(tx, &held)?;
    Ok(changed)
}

/// The replay keys that a submission holds from now on.
pub(super) fn held_keys(
    submission: &Submission,
    replay_keys: &[ReplayKey],
) -> impl Iterator<Item = HeldKey> {
    replay_keys.iter().map(|replay_key| HeldKey {
        namespace: submission.namespace,
        chain: submission.chain,
        replay_key: replay_key.clone(),
        submission: submission.id,
        signer: submission.signer.clone(),
        open: true,
    })
}

/// Stops rebroadcasting what a signed cancel cancels: otherwise the two would outbid each other.
/// The chain decides which of them is mined.
pub(super) fn suspend_cancelled(tx: &mut UnscopedTx, cancel: &Submission) -> Result<()> {
    let may_be_sent = |target: &Submission| target.state.is_sent() || target.state == State::Paused;
    let Some(target) = cancel.supersedes else {
        return Ok(());
    };
    let target = table::submission::get(&mut tx.scoped(&cancel.namespace), target)?;
    let Some(mut target) = target.filter(may_be_sent) else {
        return Ok(());
    };
    target.postpone(
        NEVER,
        "its cancel is signed; whichever of the two is mined wins",
    );
    record::save_all(tx, &[target])
}

pub(super) fn signing_job(planned: &Planned) -> SigningJob {
    let permit = planned
        .renewed()
        .permit
        .expect("every submission in a lane holds a permit");
    SigningJob {
        permit,
        unsigned: planned.unsigned.clone(),
        supersedes: None,
    }
}

/// Records a signature in the transaction that commits its nonce. If `keys` refuses, the whole
/// transaction is rolled back, and the next turn plans from the current state.
fn record_signature(tx: &mut UnscopedTx, namespace: &Namespace, signed: &Signed) -> Result<()> {
    let system = record::system(namespace);
    let recorded = keys::record(&mut tx.scoped(namespace), &system, &[signed])?;
    recorded
        .into_iter()
        .try_for_each(|result| result.map(drop))
        .map_err(Error::from)
}

/// Ends or postpones submissions whose signatures `keys` refused.
pub(super) async fn save_refused(worker: &Worker, refused: Vec<Refused>) -> Result<usize> {
    let write = worker.write(refused, |tx, refused| {
        let (now, mut changed) = (tx.now(), Vec::with_capacity(refused.len()));
        for Refused { submission, error } in refused {
            let mut submission = submission.clone();
            apply_signing_error(tx, &mut submission, error, now)?;
            changed.push(submission);
        }
        record::save(tx, &changed)
    });
    write.await
}

/// Ends or postpones a submission whose signature `keys` refused, depending on the error.
fn apply_signing_error(
    tx: &mut UnscopedTx,
    submission: &mut Submission,
    error: &keys::Error,
    now: Time,
) -> Result<()> {
    use keys::Error as K;
    let event = match error {
        K::PermitExpired { .. } => Some(Event::Expired),
        // Temporary: the cause may be lifted, and a replay key taken by another permit chain is
        // replaced by another nonce or coin in the next plan.
        K::Frozen { .. }
        | K::ReplayKeyUsed { .. }
        | K::UnknownSigner { .. }
        | K::BackendUnavailable { .. }
        | K::KeyringLocked
        | K::Secrets(_)
        | K::Store(_) => None,
        _ => Some(Event::Failed),
    };
    match event {
        Some(event) if submission.state == State::Permitted => {
            submission.apply(event, now)?;
            submission.set_reason(error.to_string());
        }
        Some(_) => pause_unreplaceable(tx, submission, &error.to_string(), now)?,
        None => submission.postpone(now.plus_millis(WAIT_MS), error.to_string()),
    }
    Ok(())
}

/// The price of a submission must rise, and nothing permits that any more. Its bytes are still
/// sent, since the price may fall; until it is mined or cancelled, nothing further is signed in its
/// lane, because it would wait behind them.
pub(super) fn pause_unreplaceable(
    tx: &mut UnscopedTx,
    submission: &mut Submission,
    why: &str,
    now: Time,
) -> Result<()> {
    let Submission {
        id, chain, signer, ..
    } = &*submission;
    let until = now.plus_millis(PRICE_RETRY_MS);
    let reason = format!(
        "the price of {id} is too low and cannot be raised: {why}; waiting for the price to \
         fall: cancel {id}, and submit again"
    );
    if let Some(lane) = table::lane::get(tx, chain, signer)? {
        lane::pause(tx, lane, &reason, Some(after_retry(until)))?;
    }
    submission.postpone(until, reason);
    Ok(())
}
