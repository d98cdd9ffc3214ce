//! A lane: the submissions of one signer on one chain, in order. Plans and signs as many as may be
//! in flight, outside any transaction; then commits nonce, bytes and hash of all of them together.
//! If the back end of the key answers later, it commits the nonces and requests the signatures.

use super::commit::{self, Planned};
use super::{WAIT_MS, Worker, isolate_failure, replacement, request};
use crate::price::cap_to_permit;
use crate::state::Event;
use crate::submission::Submission;
use crate::table::lane::Lane;
use crate::{Error, Result, lane, late, table};
use chain::{Plan, Reservations, Sequencing};
use futures::future::join_all;
use intent::{FeeTerms, Unsigned};
use std::collections::BTreeSet;
use store::UnscopedTx;
use types::{ChainId, ReplayKey, Time};

/// Lanes served concurrently.
const LANES_PER_PAGE: u32 = 256;
/// Cancels of a lane signed per turn.
const CANCELS_PER_TURN: u32 = 16;

/// Why a lane waits for transactions that only the node knows.
const UNKNOWN_PENDING: &str = "the node has pending transactions of the signer that were not \
     submitted here: no nonce is taken before they are mined, or the node has dropped them";

/// The state of a lane, loaded for one turn.
struct LaneState {
    lane: Option<Lane>,
    cancels: Vec<Submission>,
    /// As many of the other permitted submissions as may be in flight, all signed the same way.
    next: Vec<Submission>,
    /// The back end that signs for these, if it answers later.
    late_backend: Option<String>,
    /// Replay keys that submissions of the lane hold.
    held: BTreeSet<ReplayKey>,
}

/// Signs permitted submissions of every lane of a chain that has capacity: page by page, ordered by
/// signer, so that no lane is served twice before another is served once.
pub(super) async fn sign(worker: &Worker, chain: ChainId) -> Result<usize> {
    let (mut changed, mut last_signer) = (0, String::new());
    while !worker.is_halted(chain).await? && worker.may_act() {
        let signers = ready_signers(worker, chain, last_signer).await?;
        let Some(last) = signers.last().cloned() else {
            break;
        };
        let turns = signers.into_iter().map(|signer| async move {
            let result = serve(worker, &chain, &signer).await;
            isolate_failure(result, "sign_lane", &format!("{chain}/{signer}"))
        });
        changed += join_all(turns).await.into_iter().sum::<Result<usize>>()?;
        last_signer = last;
    }
    Ok(changed)
}

async fn ready_signers(worker: &Worker, chain: ChainId, after: String) -> Result<Vec<String>> {
    let (shard, now) = (worker.shard, worker.now());
    let read = move |tx: &mut UnscopedTx| {
        table::submission::ready_signers(tx, shard, &chain, &after, now, LANES_PER_PAGE)
    };
    Ok(worker.db().read_unscoped(read).await?)
}

async fn serve(worker: &Worker, chain: &ChainId, signer: &str) -> Result<usize> {
    let state = load(worker, chain, signer).await?;
    let mut changed = 0;
    // A cancel reuses replay keys that are already held, so it needs no capacity and is signed even
    // in a paused lane.
    for cancel in state.cancels {
        let id = cancel.id;
        let result = replacement::sign_cancel(worker, cancel).await;
        changed += isolate_failure(result, "sign_cancel", &id)?;
    }
    let is_open = |lane: &Lane| !lane.is_paused(worker.now());
    // The loaded state lacks what the cancels changed: the next turn serves the others.
    match state.lane.filter(is_open) {
        Some(lane) if changed == 0 && !state.next.is_empty() && worker.may_act() => {
            sign_next(worker, lane, &state.held, state.next, state.late_backend).await
        }
        _ => Ok(changed),
    }
}

async fn load(worker: &Worker, chain: &ChainId, signer: &str) -> Result<LaneState> {
    let now = worker.now();
    let limit = worker.submit.settings().in_flight_per_lane;
    let args = (worker.submit.clone(), *chain, signer.to_owned());
    let read = worker
        .db()
        .read_unscoped_with(args, move |tx, (submit, chain, signer)| {
            let in_flight = table::submission::in_flight(tx, chain, signer)?;
            let capacity = limit.saturating_sub(in_flight.count);
            let mut permitted = |cancels: bool, limit: u32| {
                table::submission::permitted(tx, chain, signer, cancels, now, limit)
            };
            let (cancels, mut next) = (
                permitted(true, CANCELS_PER_TURN)?,
                permitted(false, capacity)?,
            );
            let late_backend = late::take_same_backend(submit, tx, &mut next)?;
            if late_backend.is_none() && in_flight.signing > 0 {
                next.clear(); // sent now, it would be ahead of a nonce without bytes
            }
            let held = table::replay_key::open_of_signer(tx, chain, signer)?;
            Ok::<_, Error>(LaneState {
                lane: table::lane::get(tx, chain, signer)?,
                cancels,
                next,
                late_backend,
                held: held.into_iter().collect(),
            })
        });
    read.await
}

/// Plans, signs and commits the next submissions of a lane.
async fn sign_next(
    worker: &Worker,
    mut lane: Lane,
    held: &BTreeSet<ReplayKey>,
    submissions: Vec<Submission>,
    late_backend: Option<String>,
) -> Result<usize> {
    let connector = worker.submit.chain(&lane.chain)?;
    let by_nonce = connector.capabilities().sequencing == Sequencing::Nonce;
    let mut next_nonce = lane.next_nonce;
    if by_nonce {
        // The node counts transactions that were signed elsewhere with the same key. Those that are
        // only pending are not believed: a nonce behind one that is never mined waits for ever.
        let sequence = connector.sequence(&lane.signer).await?;
        next_nonce = next_nonce.max(sequence.mined);
        if sequence.pending > next_nonce {
            let (reason, until) = (UNKNOWN_PENDING.into(), worker.now().plus_millis(WAIT_MS));
            return pause(worker, lane.chain, lane.signer, reason, Some(until)).await;
        }
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
            authorizations: &[],
        })
        .collect();
    let terms: Vec<FeeTerms> = plans.iter().map(|plan| plan.terms).collect();
    let results = connector.plan(&plans).await;
    drop(plans);
    let (planned, failed) = split_planned(worker, submissions, terms, results)?;
    if !failed.is_empty() {
        // Signing the rest would leave a gap in the nonces: the next turn plans them again.
        return worker.save(failed).await;
    }
    (lane.paused, lane.paused_until) = (None, None); // the pause is over
    if by_nonce {
        lane.first_nonce = lane.first_nonce.or(Some(next_nonce));
        lane.next_nonce = next_nonce + planned.len() as u64;
    }
    match late_backend {
        Some(backend) => request::request(worker, Some(lane), planned, &backend).await,
        None => commit::sign_and_commit(worker, Some(lane), planned).await,
    }
}

/// Pauses a lane until a time, or until an operator resumes it.
pub(super) async fn pause(
    worker: &Worker,
    chain: ChainId,
    signer: String,
    reason: String,
    until: Option<Time>,
) -> Result<usize> {
    let write = worker.write(
        (signer, reason),
        move |tx, (signer, reason)| match table::lane::get(tx, &chain, signer)? {
            Some(lane) => lane::pause(tx, lane, reason, until).map(|()| 1),
            None => Ok(0),
        },
    );
    write.await
}

/// Separates plans from submissions that could not be planned.
fn split_planned(
    worker: &Worker,
    submissions: Vec<Submission>,
    terms: Vec<FeeTerms>,
    results: Vec<chain::Result<Unsigned>>,
) -> Result<(Vec<Planned>, Vec<Submission>)> {
    let (now, mut planned, mut failed) = (worker.now(), Vec::new(), Vec::new());
    for ((mut submission, terms), result) in submissions.into_iter().zip(terms).zip(results) {
        match result {
            Ok(unsigned) => planned.push(Planned {
                submission,
                unsigned,
                terms,
                renewal: None,
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
