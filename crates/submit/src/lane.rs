//! A lane: the submissions of one signer on one chain, in order. Plans and signs as many as may be
//! in flight, outside any transaction; then commits nonce, bytes and hash of all of them together.

use crate::commit::{Planned, WAIT_MS};
use crate::price::cap_to_permit;
use crate::state::Event;
use crate::submission::Submission;
use crate::{Result, Worker, table};
use chain::{Plan, Reservations, Sequencing};
use intent::{FeeTerms, Unsigned};
use std::collections::BTreeSet;
use types::{ChainId, ReplayKey};

/// Lanes served concurrently.
const LANES_PER_PAGE: u32 = 256;
/// Cancels of a lane signed per turn.
const CANCELS_PER_TURN: u32 = 16;

/// The state of a lane, loaded for one turn.
struct LaneState {
    lane: Option<table::Lane>,
    in_flight: i64,
    cancels: Vec<Submission>,
    permitted: Vec<Submission>,
    /// Replay keys that submissions of the lane hold.
    held: BTreeSet<ReplayKey>,
}

impl Worker {
    /// Signs permitted submissions of every lane that has capacity.
    pub(crate) async fn sign(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let result = self.sign_on(&chain).await;
            self.isolate_failure(result, "sign", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    /// Serves all ready lanes of a chain page by page, ordered by signer, so that no lane is served
    /// twice before another is served once.
    async fn sign_on(&self, chain: &ChainId) -> Result<usize> {
        let (mut changed, mut last_signer) = (0, String::new());
        while !self.is_halted(chain).await? && self.may_act() {
            let (shard, now, chain_id, after) = (self.shard, self.now(), *chain, last_signer);
            let ready = move |tx: &mut store::UnscopedTx<'_, '_>| {
                table::ready_lanes(tx, shard, &chain_id, &after, now, LANES_PER_PAGE)
            };
            let signers: Vec<String> = self
                .submit
                .0
                .db
                .read_unscoped(ready)
                .await?
                .into_iter()
                .map(|(signer,)| signer)
                .collect();
            let Some(last) = signers.last().cloned() else {
                break;
            };
            let turns = signers.into_iter().map(|signer| async move {
                let result = self.serve_lane(chain, &signer).await;
                self.isolate_failure(result, "sign_lane", &format!("{chain}/{signer}"))
            });
            changed += futures::future::join_all(turns)
                .await
                .into_iter()
                .sum::<Result<usize>>()?;
            last_signer = last;
        }
        Ok(changed)
    }

    /// Nothing is signed on a halted chain: a block that counted as final was reorganised away.
    async fn is_halted(&self, chain: &ChainId) -> Result<bool> {
        let chain = *chain;
        let status = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| index::status(tx, &chain))
            .await?;
        Ok(status.is_some_and(|status| status.halted.is_some()))
    }

    async fn serve_lane(&self, chain: &ChainId, signer: &str) -> Result<usize> {
        let state = self.load_lane(chain, signer).await?;
        let mut changed = 0;
        // A cancel reuses replay keys that are already held, so it needs no capacity and is signed
        // even in a paused lane.
        for cancel in state.cancels {
            changed += self.sign_cancel(cancel).await?;
        }
        // The loaded state lacks what the cancels changed: the next turn serves the others.
        if changed > 0 || self.is_paused(state.lane.as_ref()) || !self.may_act() {
            return Ok(changed);
        }
        let capacity =
            usize::try_from(i64::from(self.submit.0.settings.in_flight_per_lane) - state.in_flight)
                .unwrap_or(0);
        let next: Vec<Submission> = state.permitted.into_iter().take(capacity).collect();
        match state.lane.filter(|_| !next.is_empty()) {
            Some(lane) => self.sign_next(lane, &state.held, next).await,
            None => Ok(0),
        }
    }

    async fn load_lane(&self, chain: &ChainId, signer: &str) -> Result<LaneState> {
        let (chain, signer, now) = (*chain, signer.to_owned(), self.now());
        let limit = self.submit.0.settings.in_flight_per_lane.max(1);
        self.submit
            .0
            .db
            .read_unscoped(move |tx| {
                Ok(LaneState {
                    lane: table::lane(tx, &chain, &signer)?,
                    in_flight: table::count_in_flight(tx, &chain, &signer)?,
                    cancels: table::permitted(tx, &chain, &signer, true, now, CANCELS_PER_TURN)?,
                    permitted: table::permitted(tx, &chain, &signer, false, now, limit)?,
                    held: table::open_replay_keys(tx, &chain, &signer)?
                        .into_iter()
                        .map(|(replay_key, _)| replay_key)
                        .collect(),
                })
            })
            .await
    }

    fn is_paused(&self, lane: Option<&table::Lane>) -> bool {
        lane.is_some_and(|lane| lane.is_paused(self.now()))
    }

    /// Plans, signs and commits the next submissions of a lane.
    async fn sign_next(
        &self,
        mut lane: table::Lane,
        held: &BTreeSet<ReplayKey>,
        submissions: Vec<Submission>,
    ) -> Result<usize> {
        let connector = self.submit.chain(&lane.chain)?.clone();
        let by_nonce = connector.capabilities().sequencing == Sequencing::Nonce;
        let mut next_nonce = lane.next_nonce;
        if by_nonce {
            // The node counts transactions that were signed elsewhere with the same key.
            let sequence = connector.sequence(&lane.signer).await?;
            next_nonce = next_nonce.max(sequence.pending).max(sequence.mined);
        }
        let reservations: Vec<Reservations> = (0..submissions.len() as u64)
            .map(|offset| Reservations {
                nonce: by_nonce.then_some(next_nonce + offset),
                excluded: held.clone(),
                required: BTreeSet::new(),
            })
            .collect();
        let plans: Vec<Plan<'_>> = submissions
            .iter()
            .zip(&reservations)
            .map(|(submission, reservations)| Plan {
                intent: &submission.intent,
                terms: cap_to_permit(
                    submission.quote.unwrap_or_default(),
                    submission.permit.as_ref(),
                ),
                reservations,
                authorisations: &[],
            })
            .collect();
        let terms: Vec<FeeTerms> = plans.iter().map(|plan| plan.terms).collect();
        let results = connector.plan(&plans).await;
        drop(plans);
        let (planned, failed) = self.split_planned(submissions, terms, results)?;
        if !failed.is_empty() {
            // Signing the rest would leave a gap in the nonces: the next turn plans them again.
            return self.save(failed).await;
        }
        if by_nonce {
            lane.first_nonce = lane.first_nonce.or(Some(next_nonce));
            lane.next_nonce = next_nonce + planned.len() as u64;
        }
        self.sign_and_commit(Some(lane), planned).await
    }

    /// Separates plans from submissions that could not be planned.
    fn split_planned(
        &self,
        submissions: Vec<Submission>,
        terms: Vec<FeeTerms>,
        results: Vec<chain::Result<Unsigned>>,
    ) -> Result<(Vec<Planned>, Vec<Submission>)> {
        let (now, mut planned, mut failed) = (self.now(), Vec::new(), Vec::new());
        for ((mut submission, terms), result) in submissions.into_iter().zip(terms).zip(results) {
            match result {
                Ok(unsigned) => planned.push(Planned {
                    submission,
                    unsigned,
                    terms,
                    supersedes: None,
                }),
                Err(chain::Error::Intent(error)) => {
                    submission.apply(Event::Failed, now)?;
                    submission.set_reason(error.to_string());
                    failed.push(submission);
                }
                Err(error) => {
                    submission.postpone(
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
