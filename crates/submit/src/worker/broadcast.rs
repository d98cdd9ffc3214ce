//! Broadcasts stored bytes, and classifies the node's response by what it proves.

use super::replacement::{self, STALE_MS};
use super::{Worker, after_retry, isolate_failure, lane, open_spans};
use crate::state::{Event, State};
use crate::submission::{NEVER, Submission, sanitize_message};
use crate::{Error, Result, record, table};
use chain::{RefusalClass, SubmitOutcome};
use intent::Signed;
use std::collections::BTreeMap;
use store::UnscopedTx;
use types::{ChainId, Namespace, PermitId, SubmissionId, Time};

/// Submissions broadcast per turn.
const PER_TURN: u32 = 500;
/// How long a lane waits for funds before it retries.
const FUNDS_RETRY_MS: i64 = 30_000;

/// The action that a node's response requires.
enum FollowUp {
    None,
    /// Pause the whole lane until a time, or until an operator resumes it.
    PauseLane(String, Option<Time>),
    /// The price is too low: sign again at a higher one, on the same replay keys.
    Reprice,
    /// In a pool for long without being mined: reprice if the chain's price has risen.
    RepriceStale,
}

/// Broadcasts signed submissions of a chain, and rebroadcasts those that were accepted long ago or
/// reorganized away. On a halted chain, only bytes that a node has already accepted.
pub(super) async fn broadcast(worker: &Worker, chain: ChainId) -> Result<usize> {
    let known = [State::Accepted, State::Reorged];
    let all = [State::Signed, State::Accepted, State::Reorged];
    let mut due = match worker.is_halted(chain).await? {
        true => worker.due(chain, known, PER_TURN).await?,
        false => worker.due(chain, all, PER_TURN).await?,
    };
    // In lane order: many nodes reject or park a nonce that is ahead of a gap.
    due.sort_by(|a, b| (&a.signer, a.lane_index).cmp(&(&b.signer, b.lane_index)));
    send(worker, chain, due).await
}

async fn send(worker: &Worker, chain: ChainId, submissions: Vec<Submission>) -> Result<usize> {
    let (mut submissions, signed) = with_bytes(worker, chain, submissions).await?;
    if signed.is_empty() || !worker.may_act() {
        return Ok(0);
    }
    let _spans = open_spans("broadcast", &submissions);
    fail::point("submit.sending").await?;
    let responses = worker.submit.chain(&chain)?.submit(&signed).await;
    fail::point("submit.sent").await?;
    let (mut answers, mut follow_ups) = (Vec::new(), Vec::new());
    for ((submission, signed), response) in submissions.iter_mut().zip(signed).zip(responses) {
        answers.push((signed.id, response_text(&response)));
        match apply_response(worker, submission, &response)? {
            FollowUp::None => {}
            action => follow_ups.push((submission.clone(), action)),
        }
    }
    let write = worker.write((answers, submissions), move |tx, (answers, submissions)| {
        table::transaction::record_answers(tx, &chain, answers)?;
        record::save(tx, submissions)
    });
    let count = write.await?;
    for (submission, action) in follow_ups {
        let id = submission.id;
        let result = follow_up(worker, submission, action).await;
        isolate_failure(result, "follow_up", &id)?;
    }
    Ok(count)
}

/// The submissions that have stored bytes, in the given order, and for each the bytes of its newest
/// transaction.
async fn with_bytes(
    worker: &Worker,
    chain: ChainId,
    submissions: Vec<Submission>,
) -> Result<(Vec<Submission>, Vec<Signed>)> {
    let mut requests: BTreeMap<Namespace, Vec<BytesRequest>> = BTreeMap::new();
    for submission in &submissions {
        if let Some(request) = BytesRequest::from_submission(submission) {
            let own = requests.entry(submission.namespace).or_default();
            own.push(request);
        }
    }
    let read = worker
        .db()
        .read_unscoped_with(requests, move |tx, requests| {
            let mut bytes_by_id = BTreeMap::new();
            let mut requests = requests.clone();
            correct_permits(tx, &chain, requests.values_mut().flatten())?;
            for (namespace, own) in &requests {
                let ids = own.iter().map(BytesRequest::as_key);
                let ids: Vec<(PermitId, &str)> = ids.collect();
                let bytes = keys::bytes(&mut tx.scoped(namespace), &ids)?;
                let pairs = own.iter().zip(bytes);
                bytes_by_id.extend(pairs.filter_map(|(own, raw)| Some((own.submission, raw?))));
            }
            Ok::<_, Error>(bytes_by_id)
        });
    let mut bytes_by_id = read.await?;
    let with_bytes = submissions.into_iter().filter_map(|submission| {
        let signed = Signed {
            chain: submission.chain,
            raw: bytes_by_id.remove(&submission.id)?,
            id: submission.transaction.clone()?,
        };
        Some((submission, signed))
    });
    Ok(with_bytes.unzip())
}

fn apply_response(
    worker: &Worker,
    submission: &mut Submission,
    response: &SubmitOutcome,
) -> Result<FollowUp> {
    let now = worker.now();
    match response {
        SubmitOutcome::Accepted | SubmitOutcome::AlreadyKnown => {
            submission.apply(Event::Accepted, now)?;
            (submission.attempts, submission.reason) = (0, None);
            submission.next_at = now.plus_millis(worker.submit.settings().rebroadcast_ms);
            Ok(if submission.created.plus_millis(STALE_MS) < now {
                FollowUp::RepriceStale
            } else {
                FollowUp::None
            })
        }
        SubmitOutcome::Unknown { message } => retry(
            worker,
            submission,
            format!("the node's response is inconclusive: {message}"),
        ),
        SubmitOutcome::Refused { class, message } => {
            apply_refusal(worker, submission, *class, message)
        }
    }
}

/// Schedules another broadcast of the same bytes.
fn retry(worker: &Worker, submission: &mut Submission, reason: String) -> Result<FollowUp> {
    submission.apply(Event::Inconclusive, worker.now())?;
    let next_at = worker.retry_at(submission.attempts);
    submission.attempts = submission.attempts.saturating_add(1);
    submission.postpone(next_at, reason);
    Ok(FollowUp::None)
}

/// Acts on a refusal by what its class proves, not by the node's message. No refusal proves
/// that the transaction is dead: only a final block does.
fn apply_refusal(
    worker: &Worker,
    submission: &mut Submission,
    class: RefusalClass,
    message: &str,
) -> Result<FollowUp> {
    use RefusalClass as C;
    let now = worker.now();
    match class {
        C::Known => {
            submission.apply(Event::Accepted, now)?;
            submission.next_at = now.plus_millis(worker.submit.settings().rebroadcast_ms);
            Ok(FollowUp::None)
        }
        C::Underpriced | C::BelowBaseFee | C::ReplacementUnderpriced => {
            retry(
                worker,
                submission,
                format!("the node requires a higher price: {message}"),
            )?;
            Ok(FollowUp::Reprice)
        }
        C::NonceUsed => retry(
            worker,
            submission,
            format!(
                "its nonce is mined; the indexed block will show by which transaction: \
                 {message}"
            ),
        ),
        C::Funds => {
            let until = now.plus_millis(FUNDS_RETRY_MS);
            retry(
                worker,
                submission,
                format!("the signer has insufficient funds: {message}"),
            )?;
            submission.next_at = until;
            Ok(FollowUp::PauseLane(
                format!("insufficient funds: {message}"),
                Some(after_retry(until)),
            ))
        }
        C::GasLimit | C::Size | C::Unsupported | C::Permission | C::FeeCap => {
            let reason = format!(
                "the node refuses these bytes: {message}; cancel the submission to free its \
                 nonce, or raise the limit"
            );
            submission.apply(Event::Paused, now)?;
            submission.postpone(NEVER, reason.clone());
            Ok(FollowUp::PauseLane(reason, None))
        }
        C::WrongChain => {
            retry(
                worker,
                submission,
                format!("the node serves another chain: {message}"),
            )?;
            Ok(FollowUp::PauseLane(format!("wrong chain: {message}"), None))
        }
        C::NonceAhead
        | C::LowerNonceInvalid
        | C::PoolFull
        | C::Reserved
        | C::NotReady
        | C::Throttled
        | C::Unclassified => retry(worker, submission, message.to_owned()),
    }
}

async fn follow_up(worker: &Worker, submission: Submission, action: FollowUp) -> Result<usize> {
    match action {
        FollowUp::None => Ok(0),
        FollowUp::PauseLane(reason, until) => {
            lane::pause(worker, submission.chain, submission.signer, reason, until).await
        }
        FollowUp::Reprice => replacement::reprice(worker, &submission).await,
        FollowUp::RepriceStale => replacement::reprice_stale(worker, &submission).await,
    }
}

/// Sets the permits under which transactions were signed, where they are recorded: one that was
/// signed before its submission was decided again has an earlier permit.
fn correct_permits<'r>(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    requests: impl Iterator<Item = &'r mut BytesRequest>,
) -> Result<()> {
    let mut requests: Vec<&mut BytesRequest> = requests.collect();
    let ids: Vec<&String> = requests.iter().map(|one| &one.transaction).collect();
    let permits = table::transaction::permits(tx, chain, &ids)?;
    let permits: BTreeMap<String, PermitId> = permits.into_iter().collect();
    for request in &mut requests {
        if let Some(permit) = permits.get(&request.transaction) {
            request.permit = *permit;
        }
    }
    Ok(())
}

/// The permit and transaction under which a submission's bytes are stored.
#[derive(Clone)]
struct BytesRequest {
    submission: SubmissionId,
    permit: PermitId,
    transaction: String,
}

impl BytesRequest {
    fn from_submission(submission: &Submission) -> Option<Self> {
        Some(Self {
            submission: submission.id,
            permit: submission.permit.as_ref()?.body.id,
            transaction: submission.transaction.clone()?,
        })
    }

    fn as_key(&self) -> (PermitId, &str) {
        (self.permit, &self.transaction)
    }
}

fn response_text(response: &SubmitOutcome) -> String {
    match response {
        SubmitOutcome::Accepted => "accepted".to_owned(),
        SubmitOutcome::AlreadyKnown => "already known".to_owned(),
        SubmitOutcome::Refused { class, message } => {
            sanitize_message(&format!("{class:?}: {message}"))
        }
        SubmitOutcome::Unknown { message } => sanitize_message(&format!("unknown: {message}")),
    }
}
