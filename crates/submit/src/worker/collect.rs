//! Collects the answers of back ends that answer later: records the bytes of what they signed, in
//! the order of the nonces, so that nothing is sent ahead of a nonce without bytes.

use super::commit::suspend_cancelled;
use super::{Worker, is_halted, isolate_failure, standing};
use crate::state::{Event, State};
use crate::submission::{Renewal, Submission, SubmissionTransaction};
use crate::table::request::RequestedSignature;
use crate::{Error, Result, Submit, late, record, table};
use futures::future::join_all;
use keys::RequestState;
use policy::Lock;
use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use store::{Tx, UnscopedTx};
use types::{ChainId, Namespace, SignatureRequestId, SubmissionId};

/// Lanes served concurrently.
const LANES_PER_PAGE: u32 = 256;

/// A request that its back end has answered or refused.
struct Answered {
    requested: RequestedSignature,
    answer: keys::SignatureRequest,
    /// The nonce of the bytes; none on chains without nonces, and once its use is final.
    nonce: Option<u64>,
}

/// What another decision says about a signature: it may be sent, or why not.
type Decided = std::result::Result<Renewal, String>;

/// The answered requests of a lane.
#[derive(Default)]
struct AnsweredLane {
    requests: Vec<Answered>,
    /// Reserved nonces without bytes.
    holes: BTreeSet<u64>,
}

/// Collects what was answered for the lanes of a chain: page by page, ordered by signer.
pub(super) async fn collect(worker: &Worker, chain: ChainId) -> Result<usize> {
    let (mut changed, mut last_signer) = (0, String::new());
    while !worker.is_halted(chain).await? && worker.may_act() {
        let signers = waiting_signers(worker, chain, last_signer).await?;
        let Some(last) = signers.last().cloned() else {
            break;
        };
        let lanes = load_each(worker, chain, signers).await?;
        let turns = lanes.into_iter().map(|(signer, lane)| async move {
            let result = collect_lane(worker, lane).await;
            isolate_failure(result, "collect_lane", &format!("{chain}/{signer}"))
        });
        changed += join_all(turns).await.into_iter().sum::<Result<usize>>()?;
        last_signer = last;
    }
    if changed > 0 {
        fail::point("submit.collected").await?;
    }
    Ok(changed)
}

async fn waiting_signers(worker: &Worker, chain: ChainId, after: String) -> Result<Vec<String>> {
    let shard = worker.shard;
    let read = move |tx: &mut UnscopedTx| {
        table::request::signers(tx, shard, &chain, &after, LANES_PER_PAGE)
    };
    Ok(worker.db().read_unscoped(read).await?)
}

/// Loads lanes. If something that belongs to one of them cannot be read, the others are served.
async fn load_each(
    worker: &Worker,
    chain: ChainId,
    signers: Vec<String>,
) -> Result<BTreeMap<String, AnsweredLane>> {
    if let Ok(lanes) = load(worker, chain, signers.clone()).await {
        return Ok(lanes);
    }
    let mut lanes = BTreeMap::new();
    for signer in signers {
        let subject = format!("{chain}/{signer}");
        let lane = load(worker, chain, vec![signer]).await;
        lanes.extend(isolate_failure(lane, "load_lane", &subject)?);
    }
    Ok(lanes)
}

async fn load(
    worker: &Worker,
    chain: ChainId,
    signers: Vec<String>,
) -> Result<BTreeMap<String, AnsweredLane>> {
    let shard = worker.shard;
    let read = worker.db().read_unscoped_with(signers, move |tx, signers| {
        let requested = table::request::open_of_signers(tx, shard, &chain, signers)?;
        let mut answers = answers(tx, &requested)?;
        let mut lanes: BTreeMap<String, AnsweredLane> = BTreeMap::new();
        if answers.is_empty() {
            return Ok(lanes);
        }
        let nonces = nonces(tx, &chain, &requested)?;
        for requested in requested {
            if let Some(answer) = answers.remove(&requested.request) {
                let lane = lanes.entry(requested.signer.clone()).or_default();
                lane.requests.push(Answered {
                    nonce: nonces.get(&requested.submission).copied(),
                    requested,
                    answer,
                });
            }
        }
        for hole in table::request::holes(tx, &chain, signers)? {
            if let Some(lane) = lanes.get_mut(&hole.signer) {
                lane.holes.extend(hole.replay_key.as_nonce());
            }
        }
        Ok::<_, Error>(lanes)
    });
    read.await
}

/// Those of these requests that no longer wait.
fn answers(
    tx: &mut UnscopedTx,
    requested: &[RequestedSignature],
) -> Result<BTreeMap<SignatureRequestId, keys::SignatureRequest>> {
    let mut ids: BTreeMap<Namespace, Vec<SignatureRequestId>> = BTreeMap::new();
    for one in requested {
        ids.entry(one.namespace).or_default().push(one.request);
    }
    let mut answers = BTreeMap::new();
    for (namespace, ids) in ids {
        let requests = late::readable_requests(&mut tx.scoped(&namespace), &ids)?;
        let closed = requests
            .into_iter()
            .filter(|request| request.state != RequestState::Waiting);
        answers.extend(closed.map(|request| (request.id, request)));
    }
    Ok(answers)
}

/// The nonce of each submission.
fn nonces(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    requested: &[RequestedSignature],
) -> Result<BTreeMap<SubmissionId, u64>> {
    let submissions: Vec<SubmissionId> = requested.iter().map(|one| one.submission).collect();
    let held = table::replay_key::open_of(tx, chain, &submissions)?;
    let nonce =
        |key: table::replay_key::HeldKey| Some((key.submission, key.replay_key.as_nonce()?));
    Ok(held.into_iter().filter_map(nonce).collect())
}

impl AnsweredLane {
    /// What may be collected now: every refusal, and every signature that no reserved nonce without
    /// bytes precedes.
    fn take_ready(mut self) -> Vec<Answered> {
        self.requests.sort_by_key(|request| request.nonce);
        let mut ready = Vec::with_capacity(self.requests.len());
        for request in self.requests {
            let lowest_hole = self.holes.first().copied();
            let is_ahead = request
                .nonce
                .is_some_and(|nonce| lowest_hole.is_some_and(|hole| hole < nonce));
            if request.answer.state != RequestState::Answered {
                ready.push(request);
            } else if !is_ahead {
                request.nonce.map(|nonce| self.holes.remove(&nonce));
                ready.push(request);
            }
        }
        ready
    }
}

/// Collects a lane in the order of its nonces.
async fn collect_lane(worker: &Worker, lane: AnsweredLane) -> Result<usize> {
    let mut changed = 0;
    for answered in lane.take_ready() {
        let decided = decide_again(worker, &answered).await?;
        let args = (worker.submit.clone(), answered, decided);
        let write = worker.write(args, |tx, (submit, answered, decided)| {
            record_answer(tx, submit, answered, decided.as_ref())
        });
        changed += write.await?;
    }
    Ok(changed)
}

/// What another decision says about a first signature whose standing set changed while its back end
/// signed. None if it has not changed, and for what is signed already, or cancels.
async fn decide_again(worker: &Worker, answered: &Answered) -> Result<Option<Decided>> {
    let (requested, answer) = (&answered.requested, &answered.answer);
    let id = requested.submission;
    let read = move |tx: &mut Tx| table::submission::get(tx, id);
    let submission = worker.db().read(&requested.namespace, read).await?;
    let first = submission.filter(|one| one.state == State::Signing);
    let Some(first) = first.filter(|_| answer.state == RequestState::Answered) else {
        return Ok(None);
    };
    if standing::stands(worker, &first).await? {
        return Ok(None);
    }
    let renewed = standing::renew(worker, &first, requested.terms).await?;
    Ok(Some(renewed.and_then(|renewal| {
        let fits = renewal.permit.body.envelope.allows(&requested.terms);
        fits.map(|()| renewal)
            .map_err(|breach| format!("policy: {breach}"))
    })))
}

/// Records one answer, and closes its request. Bytes that are no longer needed are still recorded:
/// every hash ever signed stays watched.
fn record_answer(
    tx: &mut UnscopedTx,
    submit: &Submit,
    answered: &Answered,
    decided: Option<&Decided>,
) -> Result<usize> {
    let Answered {
        requested, answer, ..
    } = answered;
    if is_halted(tx, &requested.chain)? {
        return Ok(0);
    }
    let mut scoped = tx.scoped(&requested.namespace);
    let Some(mut submission) = table::submission::get(&mut scoped, requested.submission)? else {
        return Ok(0);
    };
    let before = submission.clone();
    let is_signed = answer.state == RequestState::Answered;
    if is_signed && submission.state == State::Signing {
        if let Some(Ok(renewal)) = decided {
            // The bytes are those of the permit that they were requested under.
            submission.decision = Some(renewal.decision);
            submission.standing = Some(renewal.standing);
        }
        let is_denied = decided.is_some_and(|decided| decided.is_err());
        let first = std::slice::from_ref(&submission);
        if !is_denied && !standing::outdated(tx, submit.policy(), first, Lock::Shared)?.is_empty() {
            return Ok(0); // it changed again
        }
    }
    let mut scoped = tx.scoped(&requested.namespace);
    if !table::request::close(&mut scoped, &requested.request)? {
        return Ok(0);
    }
    match (&answer.signed_id, answer.state) {
        (Some(transaction), RequestState::Answered) => {
            let is_cancelled = is_cancelled(&mut scoped, &submission)?;
            let is_wanted = match decided {
                Some(Err(why)) if submission.state == State::Signing => {
                    submission.set_reason(format!("its signature came too late: {why}"));
                    false
                }
                _ => !is_cancelled,
            };
            record_signed(tx, &mut submission, answered, transaction, is_wanted)?;
            suspend_cancelled(tx, &submission)?;
        }
        _ => record_refused(tx, &mut submission, answer)?,
    }
    if submission != before {
        record::save_all(tx, slice::from_ref(&submission))?;
    }
    Ok(1)
}

/// Whether a cancel is in progress that these bytes could outbid. First bytes become current unless
/// the cancel is signed: it waits for them, and outbids them. They are sent once it has ended.
fn is_cancelled(tx: &mut store::Tx, submission: &Submission) -> Result<bool> {
    let cancel = table::submission::cancel_in_progress(tx, submission.id)?;
    let is_first = submission.transaction.is_none();
    Ok(cancel.is_some_and(|cancel| !is_first || cancel.transaction.is_some()))
}

fn record_signed(
    tx: &mut UnscopedTx,
    submission: &mut Submission,
    Answered {
        requested, answer, ..
    }: &Answered,
    transaction: &str,
    is_wanted: bool,
) -> Result<()> {
    let now = tx.now();
    let signed = SubmissionTransaction {
        namespace: submission.namespace,
        chain: submission.chain,
        transaction: transaction.to_owned(),
        submission: submission.id,
        permit: Some(answer.permit),
        signed: now,
        terms: requested.terms,
        answer: None,
    };
    table::transaction::insert(tx, &[signed])?;
    // Even if it is not sent: whatever comes next supersedes what it was signed under.
    if let Some(renewal) = requested.renewal.clone() {
        renewal.apply(submission);
    }
    match submission.state {
        state if is_wanted && (state.is_sent() || state == State::Signing) => {
            submission.apply(Event::Signed, now)?;
            (submission.next_at, submission.reason) = (now, None);
            submission.transaction = Some(transaction.to_owned());
        }
        State::Paused if is_wanted => submission.transaction = Some(transaction.to_owned()),
        _ => {}
    }
    Ok(())
}

/// A refused cancel ends: its replay keys remain those of its target. Any other submission keeps
/// them: see [`super::holes`].
fn record_refused(
    tx: &mut UnscopedTx,
    submission: &mut Submission,
    answer: &keys::SignatureRequest,
) -> Result<()> {
    let note = answer.note.as_deref().unwrap_or("without a reason");
    let is_first = submission.state == State::Signing;
    if is_first && submission.supersedes.is_some() {
        submission.apply(Event::Failed, tx.now())?;
        table::replay_key::close_of(tx, &submission.chain, &[submission.id])?;
    }
    if !submission.state.is_terminal() || is_first {
        let what = if is_first { "it" } else { "its replacement" };
        let backend = &answer.backend;
        submission.set_reason(format!(
            "the back end {backend:?} refused to sign {what}: {note}"
        ));
    }
    Ok(())
}
