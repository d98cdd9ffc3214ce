//! Quotes received submissions, requests their policy decisions, and appends permitted ones to
//! their lanes.

use super::signers::{self, SignerKey};
use super::{WAIT_MS, Worker, open_spans};
use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Result, record, table};
use chain::Quote;
use intent::{Act, FeeLimits, FeeTerms, Interface, Permit};
use policy::{DecisionRequest, Purpose, Verdict};
use std::collections::BTreeMap;
use store::{Tx, UnscopedTx, idempotency};
use types::{ChainId, Digest, Namespace, PermitId, SubmissionId, Time};

/// Submissions of one chain decided per turn.
const PER_TURN: u32 = 200;

/// Decides received submissions of a chain.
pub(super) async fn decide(worker: &Worker, chain: ChainId) -> Result<usize> {
    let states = [State::Received, State::Deciding];
    let due = worker.due(chain, states, PER_TURN).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let started = start(worker, due).await?;
    let _spans = open_spans("decide", &started);
    fail::point("submit.taken").await?;
    let (quoted, unquoted) = quote(worker, &chain, started).await?;
    let unquoted = worker.save(unquoted).await?;
    if quoted.is_empty() {
        return Ok(unquoted);
    }
    let verdicts = request_decisions(worker, &chain, &quoted).await?;
    let quoted = quoted
        .into_iter()
        .map(|(submission, _)| submission)
        .collect();
    fail::point("submit.asked").await?;
    let decided = record_verdicts(worker, quoted, verdicts).await?;
    fail::point("submit.decided").await?;
    Ok(decided + unquoted)
}

/// Commits the state `deciding`. Submissions that were changed concurrently are left out.
async fn start(worker: &Worker, mut due: Vec<Submission>) -> Result<Vec<Submission>> {
    let now = worker.now();
    due.iter_mut()
        .try_for_each(|submission| submission.apply(Event::DecisionStarted, now))?;
    let write = worker.write(due.clone(), |tx, due| {
        Ok(table::submission::update(tx, due)?)
    });
    let written = write.await?;
    due.retain(|submission| written.contains(&submission.id));
    due.iter_mut()
        .for_each(|submission| submission.version += 1);
    Ok(due)
}

/// Quotes gas and fees. Returns the quoted submissions with the purpose of their signatures, and
/// separately those without a quote: they would fail, or the node cannot quote them now.
async fn quote(
    worker: &Worker,
    chain: &ChainId,
    started: Vec<Submission>,
) -> Result<(Vec<(Submission, Purpose)>, Vec<Submission>)> {
    let intents = started.iter().map(|submission| submission.intent.clone());
    let intents: Vec<_> = intents.collect();
    let quotes = worker.submit.chain(chain)?.quote(&intents).await;
    let (mut quoted, mut unquoted) = (Vec::new(), Vec::new());
    for (mut submission, quote) in started.into_iter().zip(quotes) {
        let cancelled = match submission.supersedes {
            Some(target) => match cancelled(worker, &submission, target).await? {
                Some(cancelled) => Some(cancelled),
                None => {
                    submission.apply(Event::Failed, worker.now())?;
                    submission.set_reason("the submission it cancels has ended, or holds no nonce");
                    unquoted.push(submission);
                    continue;
                }
            },
            None => None,
        };
        let to_outbid = cancelled
            .as_ref()
            .map_or(&[][..], |cancelled| &cancelled.terms);
        match outbid_all(quote, to_outbid) {
            Ok(_) if cancelled.as_ref().is_some_and(|one| one.is_arriving) => {
                let reason = "another signature of the submission it cancels has arrived and is \
                              recorded first";
                submission.postpone(worker.now().plus_millis(WAIT_MS), reason);
                unquoted.push(submission);
            }
            Ok(terms) => {
                submission.quote = Some(terms);
                let purpose = cancelled.map_or(Purpose::Act, |one| Purpose::Cancel {
                    supersedes: one.permit,
                });
                quoted.push((submission, purpose));
            }
            Err(error) => {
                let error = explained(worker, &submission, error).await?;
                record_quote_failure(worker, &mut submission, &error)?;
                unquoted.push(submission);
            }
        }
    }
    Ok((quoted, unquoted))
}

/// What a cancel replaces.
struct Cancelled {
    /// The newest permit that used the replay keys.
    permit: PermitId,
    /// The terms of what was sent or may still be signed, oldest first.
    terms: Vec<FeeTerms>,
    /// A signature under another permit is requested.
    is_arriving: bool,
}

/// What a cancel of a submission replaces. None if it holds no replay keys.
async fn cancelled(
    worker: &Worker,
    cancel: &Submission,
    target: SubmissionId,
) -> Result<Option<Cancelled>> {
    let read = move |tx: &mut Tx| {
        let Some(permit) = superseded_permit(tx, target)? else {
            return Ok(None);
        };
        let sent = table::transaction::of_submission(tx, target)?;
        let mut open = table::request::of_submission(tx, target)?;
        open.retain(|one| one.open);
        let terms = sent.iter().map(|sent| sent.terms);
        Ok::<_, store::Error>(Some(Cancelled {
            permit,
            terms: terms.chain(open.iter().map(|one| one.terms)).collect(),
            is_arriving: open.iter().any(|one| one.renewal.is_some()),
        }))
    };
    Ok(worker.db().read(&cancel.namespace, read).await?)
}

/// The permit that a cancel of a submission supersedes: the submission's own, or that of a cancel
/// whose requested signature was refused; the newest that used its replay keys. None if nothing was
/// signed or requested for it, or it has ended.
fn superseded_permit(tx: &mut Tx, target: SubmissionId) -> store::Result<Option<PermitId>> {
    let holds_replay_keys =
        |one: &Submission| one.transaction.is_some() || one.state == State::Signing;
    let target = table::submission::get(tx, target)?;
    let Some(target) = target.filter(|one| holds_replay_keys(one) && !one.state.is_terminal())
    else {
        return Ok(None);
    };
    let refused = table::request::requested_cancel(tx, target.id)?;
    let newest = refused.as_ref().unwrap_or(&target);
    Ok(newest.permit.as_ref().map(|permit| permit.body.id))
}

/// Raises a cancel's quote above all terms of its target, so that policy decides on the price
/// actually offered. A UTXO chain cannot quote a cancel while all its coins are in flight; then the
/// price sent last is the base.
fn outbid_all(quote: chain::Result<Quote>, sent: &[FeeTerms]) -> chain::Result<FeeTerms> {
    let base = match (quote, sent.last()) {
        (Err(chain::Error::RequestRejected { .. }), Some(last)) => *last,
        (quote, _) => quote?.terms,
    };
    Ok(sent.iter().fold(base, outbid))
}

/// A revert with its reason decoded by the interface that the caller gave, or else by the one that
/// is registered for the target.
async fn explained(
    worker: &Worker,
    submission: &Submission,
    error: chain::Error,
) -> Result<chain::Error> {
    let chain::Error::ExecutionReverted { data, reason } = error else {
        return Ok(error);
    };
    let bytes = hex::decode(data.trim_start_matches("0x")).unwrap_or_default();
    let interface = match given_interfaces(worker, std::iter::once(submission))
        .await?
        .pop()
    {
        Some(Some(given)) => Some(given),
        _ => registered_interface(worker, submission).await?,
    };
    let reason = match interface {
        Some(interface) if !bytes.is_empty() => {
            intent::revert_reason(&submission.chain, &interface, &bytes)?
        }
        _ => reason,
    };
    Ok(chain::Error::ExecutionReverted { reason, data })
}

async fn registered_interface(
    worker: &Worker,
    submission: &Submission,
) -> Result<Option<Interface>> {
    let Act::Transaction(transaction) = &submission.intent.act else {
        return Ok(None);
    };
    let Some(to) = transaction
        .outputs
        .first()
        .and_then(|output| output.to.as_ref())
    else {
        return Ok(None);
    };
    let Submission {
        namespace, chain, ..
    } = submission;
    let contracts = worker.submit.contracts();
    let registered = contracts::registered_interface(contracts, namespace, chain, to).await?;
    Ok(registered.as_ref().map(contracts::decode_interface))
}

/// The interface that the caller of each submission gave.
async fn given_interfaces(
    worker: &Worker,
    submissions: impl Iterator<Item = &Submission>,
) -> Result<Vec<Option<Interface>>> {
    let hashes = submissions.map(|one| (one.namespace, one.interface));
    let hashes: Vec<(Namespace, Option<Digest>)> = hashes.collect();
    if hashes.iter().all(|(_, hash)| hash.is_none()) {
        return Ok(vec![None; hashes.len()]);
    }
    let read = worker.db().read_unscoped_with(hashes, |tx, hashes| {
        let read = |(namespace, hash): &(Namespace, Option<Digest>)| {
            let Some(hash) = hash else { return Ok(None) };
            let texts = contracts::interfaces(&mut tx.scoped(namespace), &[*hash])?;
            Ok(texts.get(hash).map(contracts::decode_interface))
        };
        hashes.iter().map(read).collect::<store::Result<Vec<_>>>()
    });
    Ok(read.await?)
}

fn record_quote_failure(
    worker: &Worker,
    submission: &mut Submission,
    error: &chain::Error,
) -> Result<()> {
    if matches!(
        error,
        chain::Error::ExecutionReverted { .. } | chain::Error::Intent(_)
    ) {
        submission.apply(Event::Failed, worker.now())?;
        submission.set_reason(format!("the transaction would fail: {error}"));
    } else {
        submission.attempts = submission.attempts.saturating_add(1);
        submission.postpone(
            worker.retry_at(submission.attempts),
            format!("no quote: {error}"),
        );
    }
    Ok(())
}

/// Requests the decisions of quoted submissions of a chain.
pub(super) async fn request_decisions(
    worker: &Worker,
    chain: &ChainId,
    quoted: &[(Submission, Purpose)],
) -> Result<Vec<Verdict>> {
    let limits = worker.submit.chain(chain)?.fee_limits();
    let account = |(one, _): &(Submission, Purpose)| (one.namespace, one.chain, one.signer.clone());
    let keys = signers::find_keys(worker, quoted.iter().map(account).collect()).await?;
    let interfaces = given_interfaces(worker, quoted.iter().map(|(one, _)| one)).await?;
    let requests =
        (quoted.iter().zip(keys).zip(interfaces)).map(|(((submission, purpose), key), given)| {
            DecisionRequest {
                interface: given,
                ..decision_request(submission, *purpose, limits, key)
            }
        });
    let requests: Vec<DecisionRequest> = requests.collect();
    Ok(policy::decide(worker.submit.policy(), &requests).await?)
}

/// Records the verdicts, and the lane indexes of permitted submissions. A submission that was
/// changed concurrently, for example withdrawn, is left as it is: its decision stays in the log
/// and its permit is never used.
async fn record_verdicts(
    worker: &Worker,
    quoted: Vec<Submission>,
    verdicts: Vec<Verdict>,
) -> Result<usize> {
    let args = (worker.shard, quoted, verdicts);
    let write = worker.write(args, |tx, (shard, quoted, verdicts)| {
        let now = tx.now();
        let unchanged = table::submission::unchanged(tx, quoted)?;
        let mut changed = Vec::with_capacity(quoted.len());
        for (submission, verdict) in quoted.iter().zip(verdicts) {
            if unchanged.contains(&submission.id) {
                let mut submission = submission.clone();
                apply_verdict(&mut submission, verdict, now)?;
                changed.push(submission);
            }
        }
        assign_lane_indexes(tx, *shard, &mut changed)?;
        release_idempotency_keys(tx, &changed)?;
        record::save_all(tx, &changed)?;
        Ok(changed.len())
    });
    write.await
}

fn decision_request(
    submission: &Submission,
    purpose: Purpose,
    limits: FeeLimits,
    key: Option<SignerKey>,
) -> DecisionRequest {
    DecisionRequest {
        initiator: submission.initiator.clone(),
        subject: submission.id.to_string(),
        purpose,
        intent: submission.intent.clone(),
        interface: None,
        quote: submission.quote.unwrap_or_default(),
        limits,
        key: key.as_ref().and_then(|key| key.location.key),
        wallet: key.map(|key| key.wallet),
        task: submission.context.task.clone(),
        assets: submission.context.assets.clone(),
        policies: submission.policies.clone(),
        labels: submission.context.labels.clone(),
        approvals: Vec::new(),
    }
}

fn apply_verdict(submission: &mut Submission, verdict: &Verdict, now: Time) -> Result<()> {
    submission.decision = Some(verdict.decision());
    submission.next_at = now;
    submission.attempts = 0;
    match verdict {
        Verdict::Permit {
            permit, standing, ..
        } => {
            submission.apply(Event::Permitted, now)?;
            (submission.permit, submission.reason) = (Some(Permit::clone(permit)), None);
            submission.standing = Some(*standing);
        }
        Verdict::Denied { reasons, .. } => {
            submission.apply(Event::Denied, now)?;
            submission.set_reason(denial(reasons));
        }
        Verdict::Needs { obligations, .. } => {
            submission.apply(Event::NeedsApproval, now)?;
            let obligations = serde_json::to_string(obligations).unwrap_or_default();
            submission.set_reason(format!("policy requires: {obligations}"));
        }
    }
    Ok(())
}

/// The reasons of a denial as the reason of its submission.
pub(super) fn denial(reasons: &[policy::Reason]) -> String {
    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    format!("policy: {}", texts.join("; "))
}

/// Appends permitted submissions to their lanes, in the order in which they were received.
fn assign_lane_indexes(tx: &mut UnscopedTx, shard: i64, changed: &mut [Submission]) -> Result<()> {
    let mut lanes: BTreeMap<(ChainId, String), Vec<&mut Submission>> = BTreeMap::new();
    for submission in changed
        .iter_mut()
        .filter(|submission| submission.state == State::Permitted)
    {
        lanes
            .entry((submission.chain, submission.signer.clone()))
            .or_default()
            .push(submission);
    }
    for ((chain, signer), submissions) in lanes {
        let count = i64::try_from(submissions.len()).unwrap_or(i64::MAX);
        let first = table::lane::take_indexes(tx, &chain, &signer, shard, count)?;
        for (lane_index, submission) in (first..).zip(submissions) {
            submission.lane_index = Some(lane_index);
        }
    }
    Ok(())
}

/// Releases the idempotency keys of denied submissions: the key may be used with a corrected
/// command.
pub(crate) fn release_idempotency_keys(tx: &mut UnscopedTx, changed: &[Submission]) -> Result<()> {
    for submission in changed
        .iter()
        .filter(|submission| submission.state == State::Denied)
    {
        if let Some(key) = &submission.idempotency_key {
            idempotency::release(
                &mut tx.scoped(&submission.namespace),
                Submission::IDEMPOTENCY_SCOPE,
                key,
            )?;
        }
    }
    Ok(())
}
