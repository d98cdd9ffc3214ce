//! Signing outside any transaction, and committing nonce, bytes and hash of all that was signed
//! together.

use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Error, Result, Worker, table, worker};
use intent::{FeeTerms, Unsigned};
use keys::{Order, Signed};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Unbound;
use types::{Namespace, Time};

/// How long a submission waits while its key is frozen, or its node silent, before the lane looks
/// again.
pub(crate) const WAIT_MS: i64 = 5_000;

/// One submission with the bytes planned for it.
pub(crate) struct Planned {
    pub(crate) submission: Submission,
    pub(crate) unsigned: Unsigned,
    pub(crate) terms: FeeTerms,
    pub(crate) supersedes: Option<types::PermitId>,
}

/// A plan with its signature.
type SignedPlan = (Planned, Signed);

impl Worker {
    /// Sign outside any transaction; then commit nonce, bytes and hash of all together.
    pub(crate) async fn sign_and_commit(
        &self,
        lane: Option<table::Lane>,
        planned: Vec<Planned>,
    ) -> Result<usize> {
        if !self.may_act() {
            return Ok(0);
        }
        let answers = self.ask_keys(&planned).await;
        let (signed, refused) = self.check_signed(planned, answers)?;
        if !refused.is_empty() {
            return self.save(refused).await; // unrecorded signatures never leave memory
        }
        fail::point("submit.signed").await?;
        let count = self.commit(lane, signed).await?;
        fail::point("submit.committed").await?;
        Ok(count)
    }

    /// A signature for each plan, in their order: asked for namespace by namespace, since a permit
    /// holds in one.
    async fn ask_keys(&self, planned: &[Planned]) -> Vec<keys::Result<Signed>> {
        let mut answers: Vec<Option<keys::Result<Signed>>> = planned.iter().map(|_| None).collect();
        let namespaces: BTreeSet<&Namespace> = planned
            .iter()
            .map(|one| &one.submission.namespace)
            .collect();
        for namespace in namespaces {
            let places: Vec<usize> = (0..planned.len())
                .filter(|place| planned[*place].submission.namespace == *namespace)
                .collect();
            let orders = places.iter().map(|place| order(&planned[*place])).collect();
            let signed = keys::sign(&self.submit.0.keys, &worker::system(namespace), orders).await;
            for (place, answer) in places.into_iter().zip(signed) {
                answers[place] = Some(answer);
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.expect("every plan belongs to a namespace"))
            .collect()
    }

    fn check_signed(
        &self,
        planned: Vec<Planned>,
        answers: Vec<keys::Result<Signed>>,
    ) -> Result<(Vec<SignedPlan>, Vec<Submission>)> {
        let (now, mut signed, mut refused) = (self.now(), Vec::new(), Vec::new());
        for (mut one, answer) in planned.into_iter().zip(answers) {
            match answer {
                Ok(done) => signed.push((one, done)),
                Err(error) => {
                    refuse(&mut one.submission, &error, now)?;
                    refused.push(one.submission);
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
            let changed = take_down(tx, &signed)?;
            give_way(tx, &signed)?;
            worker::save_all(tx, &changed)
        })
        .await?;
        Ok(count)
    }
}

/// Record signatures, hashes and what they use up; the submissions as they are then.
fn take_down(tx: &mut Unbound<'_, '_>, signed: &[SignedPlan]) -> Result<Vec<Submission>> {
    let now = tx.now();
    let mut changed = Vec::with_capacity(signed.len());
    let (mut sent, mut held) = (Vec::new(), Vec::new());
    for (planned, done) in signed {
        let mut one = planned.submission.clone();
        record(tx, &one.namespace, done)?;
        one.happen(Event::Signed, now)?;
        (one.transaction, one.next_at, one.reason) = (Some(done.id().to_owned()), now, None);
        let terms = serde_json::to_string(&planned.terms).expect("terms always serialize");
        sent.push((
            one.namespace.clone(),
            one.chain.clone(),
            done.id().to_owned(),
            one.id,
            now,
            terms,
        ));
        held.extend(done.witnesses().iter().map(|witness| {
            (
                one.namespace.clone(),
                one.chain.clone(),
                witness.clone(),
                one.id,
                one.signer.clone(),
                1,
            )
        }));
        changed.push(one);
    }
    table::insert_sent(tx, &sent)?;
    table::hold(tx, &held)?;
    Ok(changed)
}

/// What is cancelled is sent no more: otherwise the two would outbid each other. Whichever is mined
/// is learnt from the chain.
fn give_way(tx: &mut Unbound<'_, '_>, signed: &[SignedPlan]) -> Result<()> {
    use State as S;
    for (planned, _) in signed {
        let Some(target) = planned.submission.supersedes else {
            continue;
        };
        let target = table::get(&mut tx.bound(&planned.submission.namespace), target)?;
        let Some(mut target) = target
            .filter(|one| matches!(one.state, S::Signed | S::Accepted | S::Reorged | S::Paused))
        else {
            continue;
        };
        target.wait(
            Time::from_micros(i64::MAX),
            "its cancel is on its way; whichever of the two is mined wins",
        );
        worker::save_all(tx, &[target])?;
    }
    Ok(())
}

pub(crate) fn contended() -> Error {
    store::Error::Contended { attempts: 1 }.into()
}

fn order(planned: &Planned) -> Order {
    let permit = planned
        .submission
        .permit
        .clone()
        .expect("whatever stands in a lane holds a permit");
    Order {
        permit,
        unsigned: planned.unsigned.clone(),
        supersedes: planned.supersedes,
    }
}

/// Record a signature in the transaction that commits its nonce. A refusal here undoes all of it:
/// what changed meanwhile is judged anew.
fn record(tx: &mut Unbound<'_, '_>, namespace: &Namespace, signed: &Signed) -> Result<()> {
    let recorded = keys::record(
        &mut tx.bound(namespace),
        &worker::system(namespace),
        &[signed],
    )?;
    recorded
        .into_iter()
        .try_for_each(|one| one.map(drop))
        .map_err(Error::from)
}

/// Why keys refused, and what that means for the submission.
fn refuse(one: &mut Submission, error: &keys::Error, now: Time) -> Result<()> {
    use keys::Error as K;
    let event = match error {
        K::PermitExpired { .. } => Some(Event::Expired),
        // A witness that another line took is no fault of this submission's: with another nonce or
        // coin it may go.
        K::Frozen { .. }
        | K::WitnessUsed { .. }
        | K::SignerUnknown { .. }
        | K::Backend { .. }
        | K::Keyring
        | K::Store(_) => None,
        _ => Some(Event::Impossible),
    };
    match event.filter(|_| one.state == State::Permitted) {
        Some(event) => {
            one.happen(event, now)?;
            one.explain(error.to_string());
        }
        None => one.wait(now.plus_millis(WAIT_MS), error.to_string()),
    }
    Ok(())
}
