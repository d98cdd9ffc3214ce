//! Signs planned submissions outside any transaction, then commits nonce, bytes and hash of all of
//! them in one.

use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Error, Result, Worker, table, worker};
use intent::{FeeTerms, Unsigned};
use keys::{Signed, SigningJob};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::UnscopedTx;
use types::{Namespace, Time};

/// How long a submission waits before it is planned and signed again, for example while its key is
/// frozen or its node unreachable.
pub(crate) const WAIT_MS: i64 = 5_000;

/// A submission with the bytes planned for it.
pub(crate) struct Planned {
    pub(crate) submission: Submission,
    pub(crate) unsigned: Unsigned,
    pub(crate) terms: FeeTerms,
    pub(crate) supersedes: Option<types::PermitId>,
}

/// A plan with its signature.
type SignedPlan = (Planned, Signed);

impl Worker {
    /// Signs the plans, then commits all of them or none.
    pub(crate) async fn sign_and_commit(
        &self,
        lane: Option<table::Lane>,
        planned: Vec<Planned>,
    ) -> Result<usize> {
        if !self.may_act() {
            return Ok(0);
        }
        let results = self.sign_plans(&planned).await;
        let (signed, refused) = self.split_signed(planned, results)?;
        if !refused.is_empty() {
            // Committing the rest would leave a gap in the nonces. Unrecorded signatures never
            // leave memory, so dropping them is safe.
            return self.save(refused).await;
        }
        fail::point("submit.signed").await?;
        let count = self.commit(lane, signed).await?;
        fail::point("submit.committed").await?;
        Ok(count)
    }

    /// One result per plan, in their order. Signs namespace by namespace, since a permit is valid
    /// in one namespace only.
    async fn sign_plans(&self, planned: &[Planned]) -> Vec<keys::Result<Signed>> {
        let mut results: Vec<Option<keys::Result<Signed>>> = planned.iter().map(|_| None).collect();
        let namespaces: BTreeSet<&Namespace> = planned
            .iter()
            .map(|plan| &plan.submission.namespace)
            .collect();
        for namespace in namespaces {
            let indexes: Vec<usize> = (0..planned.len())
                .filter(|index| planned[*index].submission.namespace == *namespace)
                .collect();
            let jobs = indexes
                .iter()
                .map(|index| signing_job(&planned[*index]))
                .collect();
            let signed = keys::sign(&self.submit.0.keys, &worker::system(namespace), jobs).await;
            for (index, result) in indexes.into_iter().zip(signed) {
                results[index] = Some(result);
            }
        }
        results
            .into_iter()
            .map(|result| result.expect("every plan belongs to a namespace"))
            .collect()
    }

    /// Separates signed plans from submissions whose signature `keys` refused.
    fn split_signed(
        &self,
        planned: Vec<Planned>,
        results: Vec<keys::Result<Signed>>,
    ) -> Result<(Vec<SignedPlan>, Vec<Submission>)> {
        let (now, mut signed, mut refused) = (self.now(), Vec::new(), Vec::new());
        for (mut plan, result) in planned.into_iter().zip(results) {
            match result {
                Ok(signature) => signed.push((plan, signature)),
                Err(error) => {
                    apply_signing_error(&mut plan.submission, &error, now)?;
                    refused.push(plan.submission);
                }
            }
        }
        Ok((signed, refused))
    }

    async fn commit(&self, lane: Option<table::Lane>, signed: Vec<SignedPlan>) -> Result<usize> {
        let signed = Arc::new(signed);
        let count = signed.len();
        self.write(move |tx| {
            if let Some(lane) = &lane
                && !table::put_lane(tx, lane)?
            {
                return Err(contended());
            }
            let changed = record_signed(tx, &signed)?;
            suspend_cancelled(tx, &signed)?;
            worker::save_all(tx, &changed)
        })
        .await?;
        Ok(count)
    }
}

/// Records signatures, hashes and replay keys. Returns the submissions in their new state.
fn record_signed(tx: &mut UnscopedTx<'_, '_>, signed: &[SignedPlan]) -> Result<Vec<Submission>> {
    let now = tx.now();
    let mut changed = Vec::with_capacity(signed.len());
    let (mut transactions, mut replay_keys) = (Vec::new(), Vec::new());
    for (planned, signature) in signed {
        let mut submission = planned.submission.clone();
        record_signature(tx, &submission.namespace, signature)?;
        submission.apply(Event::Signed, now)?;
        (
            submission.transaction,
            submission.next_at,
            submission.reason,
        ) = (Some(signature.id().to_owned()), now, None);
        let terms = serde_json::to_string(&planned.terms).expect("fee terms always serialize");
        transactions.push((
            submission.namespace,
            submission.chain,
            signature.id().to_owned(),
            submission.id,
            now,
            terms,
        ));
        replay_keys.extend(signature.replay_keys().iter().map(|replay_key| {
            (
                submission.namespace,
                submission.chain,
                replay_key.clone(),
                submission.id,
                submission.signer.clone(),
                1,
            )
        }));
        changed.push(submission);
    }
    table::insert_transactions(tx, &transactions)?;
    table::insert_replay_keys(tx, &replay_keys)?;
    Ok(changed)
}

/// Stops rebroadcasting cancelled submissions: otherwise they and their cancels would outbid each
/// other. The chain decides which of the two is mined.
fn suspend_cancelled(tx: &mut UnscopedTx<'_, '_>, signed: &[SignedPlan]) -> Result<()> {
    use State as S;
    for (planned, _) in signed {
        let Some(target) = planned.submission.supersedes else {
            continue;
        };
        let target = table::get(&mut tx.scoped(&planned.submission.namespace), target)?;
        let Some(mut target) = target.filter(|target| {
            matches!(
                target.state,
                S::Signed | S::Accepted | S::Reorged | S::Paused
            )
        }) else {
            continue;
        };
        target.postpone(
            Time::from_micros(i64::MAX),
            "its cancel is signed; whichever of the two is mined wins",
        );
        worker::save_all(tx, &[target])?;
    }
    Ok(())
}

/// The error for a row that another transaction changed since it was read.
pub(crate) fn contended() -> Error {
    store::Error::Contended { attempts: 1 }.into()
}

fn signing_job(planned: &Planned) -> SigningJob {
    let permit = planned
        .submission
        .permit
        .clone()
        .expect("every submission in a lane holds a permit");
    SigningJob {
        permit,
        unsigned: planned.unsigned.clone(),
        supersedes: planned.supersedes,
    }
}

/// Records a signature in the transaction that commits its nonce. If `keys` refuses, the whole
/// transaction is rolled back, and the next turn plans from the current state.
fn record_signature(
    tx: &mut UnscopedTx<'_, '_>,
    namespace: &Namespace,
    signed: &Signed,
) -> Result<()> {
    let recorded = keys::record(
        &mut tx.scoped(namespace),
        &worker::system(namespace),
        &[signed],
    )?;
    recorded
        .into_iter()
        .try_for_each(|result| result.map(drop))
        .map_err(Error::from)
}

/// Ends or postpones a submission whose signature `keys` refused, depending on the error.
fn apply_signing_error(submission: &mut Submission, error: &keys::Error, now: Time) -> Result<()> {
    use keys::Error as K;
    let event = match error {
        K::PermitExpired { .. } => Some(Event::Expired),
        // Temporary: the cause may be lifted, and a replay key taken by another permit chain is
        // replaced by another nonce or coin in the next plan.
        K::Frozen { .. }
        | K::ReplayKeyUsed { .. }
        | K::UnknownSigner { .. }
        | K::Backend { .. }
        | K::Keyring
        | K::Store(_) => None,
        _ => Some(Event::Failed),
    };
    match event.filter(|_| submission.state == State::Permitted) {
        Some(event) => {
            submission.apply(event, now)?;
            submission.set_reason(error.to_string());
        }
        None => submission.postpone(now.plus_millis(WAIT_MS), error.to_string()),
    }
    Ok(())
}
