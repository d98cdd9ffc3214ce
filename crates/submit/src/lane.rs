//! A lane: the submissions of one signer on one chain, in order. Plans and signs as many as the window has room for, outside any
//! transaction; then commits nonce, bytes and hash of all of them together.

use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Error, Result, Worker, table, worker};
use chain::{Plan, Reservations, Sequencing};
use intent::{FeeTerms, Permit, Unsigned};
use keys::{Order, Signed};
use std::collections::BTreeSet;
use store::Unbound;
use types::{Amount, ChainId, Namespace, SubmissionId, Time, Witness};

/// Lanes served in a turn.
const LANES_PER_TURN: u32 = 256;
/// How long a submission waits while its key is frozen, or its node silent, before the lane looks again.
const WAIT_MS: i64 = 5_000;

/// A lane as it is loaded for a turn.
struct Loaded {
    lane: Option<table::Lane>,
    halted: Option<String>,
    under_way: i64,
    work: Vec<Submission>,
    held: Vec<(Witness, SubmissionId)>,
}

/// One submission with the bytes planned for it.
struct Planned {
    submission: Submission,
    unsigned: Unsigned,
    terms: FeeTerms,
    supersedes: Option<types::PermitId>,
}

/// A plan with its signature.
type SignedPlan = (Planned, Signed);

impl Worker {
    /// Sign for every lane that has something permitted and room for it.
    pub(crate) async fn sign(&self) -> Result<usize> {
        let (shard, now) = (self.shard, self.now());
        let lanes = self.submit.0.db.read_unbound(move |tx| table::ready_lanes(tx, shard, now, LANES_PER_TURN)).await?;
        let turns = lanes.into_iter().map(|(chain, signer)| async move {
            let done = self.lane(&chain, &signer).await;
            done.or_else(|error| self.lane_failed(&chain, &signer, &error))
        });
        let mut changed = 0;
        for done in futures::future::join_all(turns).await {
            changed += done?;
        }
        Ok(changed)
    }

    /// One lane's failure stops only that lane; a lost lease stops the worker.
    fn lane_failed(&self, chain: &ChainId, signer: &str, error: &Error) -> Result<usize> {
        if matches!(error, Error::Store(store::Error::Fenced { .. })) {
            return Err(error.clone());
        }
        tracing::warn!(%chain, signer, %error, "lane waits");
        Ok(0)
    }

    async fn lane(&self, chain: &ChainId, signer: &str) -> Result<usize> {
        let loaded = self.load(chain, signer).await?;
        if loaded.halted.is_some() || self.is_paused(loaded.lane.as_ref()) || !self.may_act() {
            return Ok(0);
        }
        let window = i64::from(self.submit.0.settings.window);
        let (cancels, ordinary): (Vec<_>, Vec<_>) = loaded.work.into_iter().partition(|one| one.supersedes.is_some());
        let mut changed = 0;
        for cancel in cancels {
            changed += self.counter(chain, cancel).await?; // needs no room: it takes a witness that is taken already
        }
        let room = usize::try_from(window - loaded.under_way).unwrap_or(0);
        let work: Vec<Submission> = ordinary.into_iter().take(room).collect();
        let Some(lane) = loaded.lane.filter(|_| !work.is_empty()) else { return Ok(changed) };
        Ok(changed + self.advance(lane, loaded.held, work).await?)
    }

    async fn load(&self, chain: &ChainId, signer: &str) -> Result<Loaded> {
        let (chain, signer, limit) = (chain.clone(), signer.to_owned(), self.submit.0.settings.window.max(1) * 2);
        self.submit
            .0
            .db
            .read_unbound(move |tx| {
                Ok(Loaded {
                    lane: table::lane(tx, &chain, &signer)?,
                    halted: index::status(tx, &chain)?.and_then(|status| status.halted),
                    under_way: table::count_under_way(tx, &chain, &signer)?,
                    work: table::permitted(tx, &chain, &signer, limit)?,
                    held: table::held(tx, &chain, &signer)?,
                })
            })
            .await
    }

    fn is_paused(&self, lane: Option<&table::Lane>) -> bool {
        let now = self.now();
        lane.is_some_and(|lane| lane.paused.is_some() && lane.paused_until.is_none_or(|until| until > now))
    }

    /// Plan, sign and commit the next submissions of a lane.
    async fn advance(
        &self,
        mut lane: table::Lane,
        held: Vec<(Witness, SubmissionId)>,
        work: Vec<Submission>,
    ) -> Result<usize> {
        let connector = self.submit.chain(&lane.chain)?.clone();
        let by_nonce = connector.caps().sequencing == Sequencing::Nonce;
        let mut next = lane.next_nonce;
        if by_nonce {
            let sequence = connector.sequence(&lane.signer).await?;
            next = next.max(sequence.pending).max(sequence.mined);
        }
        let held: BTreeSet<Witness> = held.into_iter().map(|(witness, _)| witness).collect();
        let reservations: Vec<Reservations> = (0..work.len() as u64)
            .map(|place| Reservations {
                nonce: by_nonce.then_some(next + place),
                held: held.clone(),
                required: BTreeSet::new(),
            })
            .collect();
        let plans: Vec<Plan<'_>> = work
            .iter()
            .zip(&reservations)
            .map(|(one, reservations)| Plan {
                intent: &one.intent,
                terms: fitted(one.quote.unwrap_or_default(), one.permit.as_ref()),
                reservations,
                authorisations: &[],
            })
            .collect();
        let terms: Vec<FeeTerms> = plans.iter().map(|plan| plan.terms).collect();
        let answers = connector.plan(&plans).await;
        drop(plans);
        let (planned, failed) = self.sort_out(work, terms, answers)?;
        if !failed.is_empty() {
            return self.save(failed).await; // the others' nonces would leave a gap: they are planned anew in the next turn
        }
        if by_nonce {
            lane.next_nonce = next + planned.len() as u64;
        }
        self.sign_and_commit(Some(lane), planned).await
    }

    /// Which plans stand, and which submissions cannot go on now.
    fn sort_out(
        &self,
        work: Vec<Submission>,
        terms: Vec<FeeTerms>,
        answers: Vec<chain::Result<Unsigned>>,
    ) -> Result<(Vec<Planned>, Vec<Submission>)> {
        let (now, mut planned, mut failed) = (self.now(), Vec::new(), Vec::new());
        for ((mut submission, terms), answer) in work.into_iter().zip(terms).zip(answers) {
            match answer {
                Ok(unsigned) => planned.push(Planned { submission, unsigned, terms, supersedes: None }),
                Err(chain::Error::Intent(error)) => {
                    submission.happen(Event::Impossible, now)?;
                    submission.reason = Some(error.to_string());
                    failed.push(submission);
                }
                Err(error) => {
                    submission.wait(now.plus_millis(WAIT_MS), format!("cannot be planned now: {error}"));
                    failed.push(submission);
                }
            }
        }
        Ok((planned, failed))
    }

    /// Sign outside any transaction; then commit nonce, bytes and hash of all together.
    async fn sign_and_commit(&self, lane: Option<table::Lane>, planned: Vec<Planned>) -> Result<usize> {
        if !self.may_act() {
            return Ok(0);
        }
        let answers = self.ask_keys(&planned).await;
        let (signed, refused) = self.check_signed(planned, answers)?;
        if !refused.is_empty() {
            return self.save(refused).await; // unrecorded signatures never leave memory
        }
        self.commit(lane, signed).await
    }

    /// A signature for each plan, in their order: asked for namespace by namespace, since a permit holds in one.
    async fn ask_keys(&self, planned: &[Planned]) -> Vec<keys::Result<Signed>> {
        let mut answers: Vec<Option<keys::Result<Signed>>> = planned.iter().map(|_| None).collect();
        let namespaces: BTreeSet<&Namespace> = planned.iter().map(|one| &one.submission.namespace).collect();
        for namespace in namespaces {
            let places: Vec<usize> =
                (0..planned.len()).filter(|place| planned[*place].submission.namespace == *namespace).collect();
            let orders = places.iter().map(|place| order(&planned[*place])).collect();
            let signed = keys::sign(&self.submit.0.keys, &worker::system(namespace), orders).await;
            for (place, answer) in places.into_iter().zip(signed) {
                answers[place] = Some(answer);
            }
        }
        answers.into_iter().map(|answer| answer.expect("every plan belongs to a namespace")).collect()
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
        let signed = std::sync::Arc::new(signed);
        let count = signed.len();
        self.write(move |tx| {
            let now = tx.now();
            if let Some(lane) = &lane
                && !table::put_lane(tx, lane)?
            {
                return Err(store::Error::Contended { attempts: 1 }.into());
            }
            let mut changed = Vec::with_capacity(signed.len());
            let (mut sent, mut held) = (Vec::new(), Vec::new());
            for (planned, done) in signed.iter() {
                let mut one = planned.submission.clone();
                record(tx, &one.namespace, done)?;
                one.happen(Event::Signed, now)?;
                (one.transaction, one.next_at, one.reason) = (Some(done.id().to_owned()), now, None);
                let terms = serde_json::to_string(&planned.terms).expect("terms always serialize");
                sent.push((one.namespace.clone(), one.chain.clone(), done.id().to_owned(), one.id, now, terms));
                held.extend(done.witnesses().iter().map(|witness| {
                    (one.namespace.clone(), one.chain.clone(), witness.clone(), one.id, one.signer.clone(), 1)
                }));
                changed.push(one);
            }
            table::insert_sent(tx, &sent)?;
            table::hold(tx, &held)?;
            worker::save_all(tx, &changed)
        })
        .await?;
        Ok(count)
    }

    /// A cancel: the same witness as the submission it cancels, at a better price than that was ever sent with.
    async fn counter(&self, chain: &ChainId, cancel: Submission) -> Result<usize> {
        let Some(target) = cancel.supersedes else { return Ok(0) };
        let (namespace, on) = (cancel.namespace.clone(), chain.clone());
        let (target, witnesses, sent) = self
            .submit
            .0
            .db
            .read_unbound(move |tx| {
                let witnesses = table::witnesses_of(tx, &on, target)?;
                let mut tx = tx.bound(&namespace);
                Ok::<_, store::Error>((table::get(&mut tx, target)?, witnesses, table::sent(&mut tx, target)?))
            })
            .await?;
        let Some(target) = target.filter(|target| target.transaction.is_some() && !target.state.is_terminal()) else {
            return self.give_up(cancel, "what it cancels has ended").await;
        };
        let quoted = cancel.quote.unwrap_or_default();
        let highest = sent.iter().map(|sent| sent.terms).fold(quoted, |terms, sent| outbid(terms, &sent));
        let supersedes = target.permit.as_ref().map(|permit| permit.body.id);
        let required = witnesses.into_iter().map(|(witness,)| witness).collect();
        self.replace(cancel, highest, required, supersedes).await
    }

    async fn give_up(&self, mut cancel: Submission, why: &str) -> Result<usize> {
        cancel.happen(Event::Impossible, self.now())?;
        cancel.reason = Some(why.to_owned());
        self.save(vec![cancel]).await
    }

    /// Sign a submission again at a better price, on the same witness, within its permit.
    pub(crate) async fn reprice(&self, one: &Submission) -> Result<()> {
        let (namespace, on, id) = (one.namespace.clone(), one.chain.clone(), one.id);
        let (current, witnesses, sent) = self
            .submit
            .0
            .db
            .read_unbound(move |tx| {
                let witnesses = table::witnesses_of(tx, &on, id)?;
                let mut tx = tx.bound(&namespace);
                Ok::<_, store::Error>((table::get(&mut tx, id)?, witnesses, table::sent(&mut tx, id)?))
            })
            .await?;
        let Some(current) = current.filter(|current| current.state.may_be_on_chain()) else { return Ok(()) };
        let quotes = self.submit.chain(&one.chain)?.quote(std::slice::from_ref(&one.intent)).await;
        let Some(Ok(quote)) = quotes.into_iter().next() else { return Ok(()) };
        let terms = sent.iter().fold(quote.terms, |terms, sent| outbid(terms, &sent.terms));
        let required = witnesses.into_iter().map(|(witness,)| witness).collect();
        self.replace(current, terms, required, None).await.map(drop)
    }

    /// Plan and sign on witnesses that are taken already.
    async fn replace(
        &self,
        mut one: Submission,
        terms: FeeTerms,
        required: BTreeSet<Witness>,
        supersedes: Option<types::PermitId>,
    ) -> Result<usize> {
        if let Some(breach) = one.permit.as_ref().and_then(|permit| permit.body.envelope.allows(&terms).err()) {
            if one.state != State::Permitted {
                one.happen(Event::Paused, self.now())?;
            }
            one.wait(
                Time::from_micros(i64::MAX),
                format!("fee cap: {breach}; cancel it, or decide it anew with a higher cap"),
            );
            return self.save(vec![one]).await;
        }
        let nonce = required.iter().find_map(Witness::as_nonce);
        let reservations = Reservations { nonce, held: BTreeSet::new(), required };
        let connector = self.submit.chain(&one.chain)?.clone();
        let plan = Plan { intent: &one.intent, terms, reservations: &reservations, authorisations: &[] };
        let answer = connector.plan(std::slice::from_ref(&plan)).await.into_iter().next();
        match answer {
            Some(Ok(unsigned)) => {
                self.sign_and_commit(None, vec![Planned { submission: one, unsigned, terms, supersedes }]).await
            }
            Some(Err(error)) => {
                one.wait(self.now().plus_millis(WAIT_MS), format!("cannot be planned now: {error}"));
                self.save(vec![one]).await
            }
            None => Ok(0),
        }
    }
}

fn order(planned: &Planned) -> Order {
    let permit = planned.submission.permit.clone().expect("whatever stands in a lane holds a permit");
    Order { permit, unsigned: planned.unsigned.clone(), supersedes: planned.supersedes }
}

/// Record a signature in the transaction that commits its nonce. A refusal here undoes all of it: what changed meanwhile is judged anew.
fn record(tx: &mut Unbound<'_, '_>, namespace: &Namespace, signed: &Signed) -> Result<()> {
    let recorded = keys::record(&mut tx.bound(namespace), &worker::system(namespace), &[signed])?;
    recorded.into_iter().try_for_each(|one| one.map(drop)).map_err(Error::from)
}

/// Why keys refused, and what that means for the submission.
fn refuse(one: &mut Submission, error: &keys::Error, now: Time) -> Result<()> {
    use keys::Error as K;
    let event = match error {
        K::PermitExpired { .. } => Some(Event::Expired),
        K::Frozen { .. } | K::SignerUnknown { .. } | K::Backend { .. } | K::Keyring | K::Store(_) => None,
        _ => Some(Event::Impossible),
    };
    match event.filter(|_| one.state == State::Permitted) {
        Some(event) => {
            one.happen(event, now)?;
            one.reason = Some(error.to_string());
        }
        None => one.wait(now.plus_millis(WAIT_MS), error.to_string()),
    }
    Ok(())
}

/// The quote, brought under the permit's caps where it is above them: what is permitted may still be enough.
fn fitted(quote: FeeTerms, permit: Option<&Permit>) -> FeeTerms {
    let Some(caps) = permit.map(|permit| permit.body.envelope) else { return quote };
    let fee_per_gas = quote.fee_per_gas.min(caps.fee_per_gas);
    let gas = quote.gas.min(caps.gas);
    let most = Amount::from(gas).checked_mul(fee_per_gas).unwrap_or(Amount::MAX);
    FeeTerms {
        gas,
        fee_per_gas,
        tip: quote.tip.min(caps.tip).min(fee_per_gas),
        total_fee: most.min(quote.total_fee.max(most)),
    }
}

/// Terms that replace what was sent with `sent`: a tenth more on price and tip, rounded up, and never below the quote.
fn outbid(quote: FeeTerms, sent: &FeeTerms) -> FeeTerms {
    let tenth_more = |amount: Amount| {
        let eleven = amount.checked_mul(Amount::from(11)).unwrap_or(Amount::MAX);
        eleven.checked_div_ceil(Amount::from(10)).unwrap_or(Amount::MAX)
    };
    let fee_per_gas = quote.fee_per_gas.max(tenth_more(sent.fee_per_gas));
    let total_fee = Amount::from(quote.gas).checked_mul(fee_per_gas).unwrap_or(Amount::MAX);
    FeeTerms { gas: quote.gas, fee_per_gas, tip: quote.tip.max(tenth_more(sent.tip)), total_fee }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(gas: u64, fee: u64, tip: u64) -> FeeTerms {
        let total_fee = Amount::from(gas).checked_mul(Amount::from(fee)).expect("small");
        FeeTerms { gas, fee_per_gas: Amount::from(fee), tip: Amount::from(tip), total_fee }
    }

    proptest! {
        #[test]
        fn a_replacement_raises_both_by_a_tenth(gas in 1u64..1_000_000, fee in 0u64..1_000_000, tip in 0u64..1_000_000, now in 0u64..1_000_000) {
            let sent = terms(gas, fee, tip);
            let next = outbid(terms(gas, now, now), &sent);
            for (after, before) in [(next.fee_per_gas, sent.fee_per_gas), (next.tip, sent.tip)] {
                let ten = |amount: Amount, by: u64| amount.checked_mul(Amount::from(by)).expect("small");
                prop_assert!(ten(after, 10) >= ten(before, 11));
            }
            prop_assert!(next.fee_per_gas >= Amount::from(now));
        }
    }
}
