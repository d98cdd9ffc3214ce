//! A lane: the submissions of one signer on one chain, in order. Plans and signs as many as the
//! window has room for, outside any transaction; then commits nonce, bytes and hash of all of them
//! together.

use crate::commit::{Planned, WAIT_MS};
use crate::price::fitted;
use crate::state::Event;
use crate::submission::Submission;
use crate::{Result, Worker, table};
use chain::{Plan, Reservations, Sequencing};
use intent::{FeeTerms, Unsigned};
use std::collections::BTreeSet;
use types::{ChainId, Witness};

/// Lanes served at a time.
const LANES_AT_A_TIME: u32 = 256;
/// Cancels of a lane signed in a turn.
const CANCELS_PER_TURN: u32 = 16;

/// A lane as it is loaded for a turn.
struct Loaded {
    lane: Option<table::Lane>,
    under_way: i64,
    cancels: Vec<Submission>,
    work: Vec<Submission>,
    held: BTreeSet<Witness>,
}

impl Worker {
    /// Sign for every lane that has something permitted and room for it.
    pub(crate) async fn sign(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let done = self.sign_on(&chain).await;
            self.apart(done, "signing", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    /// All lanes of a chain in their alphabetical order, so many at a time: none is served twice
    /// before another was once.
    async fn sign_on(&self, chain: &ChainId) -> Result<usize> {
        let (mut changed, mut after) = (0, String::new());
        while !self.is_halted(chain).await? && self.may_act() {
            let (shard, now, on, from) = (self.shard, self.now(), chain.clone(), after);
            let ready = move |tx: &mut store::Unbound<'_, '_>| {
                table::ready_lanes(tx, shard, &on, &from, now, LANES_AT_A_TIME)
            };
            let signers: Vec<String> = self
                .submit
                .0
                .db
                .read_unbound(ready)
                .await?
                .into_iter()
                .map(|(signer,)| signer)
                .collect();
            let Some(last) = signers.last().cloned() else {
                break;
            };
            let turns = signers.into_iter().map(|signer| async move {
                let done = self.lane(chain, &signer).await;
                self.apart(done, "lane", &format!("{chain}/{signer}"))
            });
            changed += futures::future::join_all(turns)
                .await
                .into_iter()
                .sum::<Result<usize>>()?;
            after = last;
        }
        Ok(changed)
    }

    /// On a halted chain nothing is signed: what was taken for final was not.
    async fn is_halted(&self, chain: &ChainId) -> Result<bool> {
        let chain = chain.clone();
        let status = self
            .submit
            .0
            .db
            .read_unbound(move |tx| index::status(tx, &chain))
            .await?;
        Ok(status.is_some_and(|status| status.halted.is_some()))
    }

    async fn lane(&self, chain: &ChainId, signer: &str) -> Result<usize> {
        let loaded = self.load(chain, signer).await?;
        let mut changed = 0;
        for cancel in loaded.cancels {
            changed += self.counter(cancel).await?; // needs no room, not even in a paused lane: it takes a witness that is taken already
        }
        if changed > 0 || self.is_paused(loaded.lane.as_ref()) || !self.may_act() {
            return Ok(changed); // what a cancel took is not in what was loaded: the others' turn is the next
        }
        let room = usize::try_from(i64::from(self.submit.0.settings.window) - loaded.under_way)
            .unwrap_or(0);
        let work: Vec<Submission> = loaded.work.into_iter().take(room).collect();
        match loaded.lane.filter(|_| !work.is_empty()) {
            Some(lane) => self.advance(lane, &loaded.held, work).await,
            None => Ok(0),
        }
    }

    async fn load(&self, chain: &ChainId, signer: &str) -> Result<Loaded> {
        let (chain, signer, now) = (chain.clone(), signer.to_owned(), self.now());
        let window = self.submit.0.settings.window.max(1);
        self.submit
            .0
            .db
            .read_unbound(move |tx| {
                Ok(Loaded {
                    lane: table::lane(tx, &chain, &signer)?,
                    under_way: table::count_under_way(tx, &chain, &signer)?,
                    cancels: table::permitted(tx, &chain, &signer, true, now, CANCELS_PER_TURN)?,
                    work: table::permitted(tx, &chain, &signer, false, now, window)?,
                    held: table::held(tx, &chain, &signer)?
                        .into_iter()
                        .map(|(witness, _)| witness)
                        .collect(),
                })
            })
            .await
    }

    fn is_paused(&self, lane: Option<&table::Lane>) -> bool {
        lane.is_some_and(|lane| lane.is_paused(self.now()))
    }

    /// Plan, sign and commit the next submissions of a lane.
    async fn advance(
        &self,
        mut lane: table::Lane,
        held: &BTreeSet<Witness>,
        work: Vec<Submission>,
    ) -> Result<usize> {
        let connector = self.submit.chain(&lane.chain)?.clone();
        let by_nonce = connector.caps().sequencing == Sequencing::Nonce;
        let mut next = lane.next_nonce;
        if by_nonce {
            let sequence = connector.sequence(&lane.signer).await?;
            next = next.max(sequence.pending).max(sequence.mined);
        }
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
            lane.first_nonce = lane.first_nonce.or(Some(next));
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
                Ok(unsigned) => planned.push(Planned {
                    submission,
                    unsigned,
                    terms,
                    supersedes: None,
                }),
                Err(chain::Error::Intent(error)) => {
                    submission.happen(Event::Impossible, now)?;
                    submission.explain(error.to_string());
                    failed.push(submission);
                }
                Err(error) => {
                    submission.wait(
                        now.plus_millis(WAIT_MS),
                        format!("cannot be planned now: {error}"),
                    );
                    failed.push(submission);
                }
            }
        }
        Ok((planned, failed))
    }
}
