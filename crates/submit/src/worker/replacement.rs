//! Replacing a transaction that was already signed, on the same replay keys: by a cancel, or by
//! the same intent at a higher price.

use super::commit::{Planned, pause_unreplaceable, sign_and_commit};
use super::{PRICE_RETRY_MS, WAIT_MS, Worker, request, standing};
use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::{Renewal, Submission, SubmissionTransaction};
use crate::table::request::RequestedSignature;
use crate::{Error, Result, late, record, table};
use chain::{Plan, Quote, Reservations};
use intent::FeeTerms;
use keys::RequestState;
use std::collections::BTreeSet;
use std::slice;
use store::Tx;
use types::{ReplayKey, SubmissionId};

/// How long bytes may wait in pools before their price is checked again.
pub(super) const STALE_MS: i64 = 300_000;

/// The submission whose replay keys another transaction is to use.
struct Target {
    submission: Option<Submission>,
    keys: TargetKeys,
    sent: Vec<SubmissionTransaction>,
    /// The signatures requested for it that its back end has not refused, oldest first.
    requested: Vec<RequestedSignature>,
    /// A cancel of it that has not ended.
    cancel: Option<SubmissionId>,
    /// It waits for a signature of a back end that answers later.
    is_signing: bool,
    /// The back end that signs for the lane member, if it answers later.
    late_backend: Option<String>,
}

/// The replay keys of a replacement.
struct TargetKeys {
    /// Those of the replaced transaction: it uses all of them.
    required: BTreeSet<ReplayKey>,
    /// Those that other submissions of the lane hold: it uses none of them.
    excluded: BTreeSet<ReplayKey>,
}

impl Target {
    /// The terms of a cancel: higher than all that was sent or may still be signed.
    fn outbid_open(&self, quoted: FeeTerms) -> FeeTerms {
        let open = self.requested.iter().filter(|requested| requested.open);
        let sent = self.sent.iter().map(|sent| &sent.terms);
        sent.chain(open.map(|requested| &requested.terms))
            .fold(quoted, outbid)
    }

    /// The terms of the same intent at a higher price. Withdrawn requests count: the same bytes are
    /// never requested again.
    fn outbid_all(&self, quoted: FeeTerms) -> FeeTerms {
        let requested = self.requested.iter().map(|requested| &requested.terms);
        let sent = self.sent.iter().map(|sent| &sent.terms);
        sent.chain(requested).fold(quoted, outbid)
    }
}

impl TargetKeys {
    fn nonce(&self) -> Option<u64> {
        self.required.iter().find_map(ReplayKey::as_nonce)
    }
}

/// Loads a submission `id` in the lane of `lane_member`.
async fn load_target(
    worker: &Worker,
    lane_member: &Submission,
    id: SubmissionId,
) -> Result<Target> {
    let (namespace, chain) = (lane_member.namespace, lane_member.chain);
    let args = (worker.submit.clone(), lane_member.clone());
    let read = worker
        .db()
        .read_unscoped_with(args, move |tx, (submit, lane_member)| {
            let signer = &lane_member.signer;
            let late_backend = late::late_backend(submit, tx, lane_member)?;
            let required = table::replay_key::of_submission(tx, &chain, id)?;
            let required: BTreeSet<ReplayKey> = required.into_iter().collect();
            let mut excluded = table::replay_key::open_of_signer(tx, &chain, signer)?;
            excluded.retain(|replay_key| !required.contains(replay_key));
            let mut tx = tx.scoped(&namespace);
            let submission = table::submission::get(&mut tx, id)?;
            let requested = table::request::of_submission(&mut tx, id)?;
            let open = requested.iter().filter(|one| one.open);
            let open: Vec<_> = open.map(|one| one.request).collect();
            Ok::<_, Error>(Target {
                submission,
                sent: table::transaction::of_submission(&mut tx, id)?,
                is_signing: !late::readable_requests(&mut tx, &open)?.is_empty(),
                requested: not_refused(&mut tx, requested)?,
                cancel: table::submission::cancel_in_progress(&mut tx, id)?.map(|one| one.id),
                late_backend,
                keys: TargetKeys {
                    required,
                    excluded: excluded.into_iter().collect(),
                },
            })
        });
    read.await
}

/// Those of these requests that their back end has not refused.
fn not_refused(
    tx: &mut Tx,
    mut requested: Vec<RequestedSignature>,
) -> Result<Vec<RequestedSignature>> {
    let ids: Vec<_> = requested.iter().map(|one| one.request).collect();
    let mut requests = late::readable_requests(tx, &ids)?;
    requests.retain(|request| request.state == RequestState::Refused);
    requested.retain(|one| requests.iter().all(|refused| refused.id != one.request));
    Ok(requested)
}

/// Signs a cancel: on the replay keys of the submission it cancels, at a higher price than any of
/// its transactions.
pub(super) async fn sign_cancel(worker: &Worker, cancel: Submission) -> Result<usize> {
    let Some(target_id) = cancel.supersedes else {
        return Ok(0);
    };
    let target = load_target(worker, &cancel, target_id).await?;
    let terms = target.outbid_open(cancel.quote.unwrap_or_default());
    let holds_replay_keys = |cancelled: &Submission| {
        cancelled.transaction.is_some() || cancelled.state == State::Signing
    };
    let Some(cancelled) = target
        .submission
        .filter(|cancelled| holds_replay_keys(cancelled) && !cancelled.state.is_terminal())
    else {
        return fail(worker, cancel, "the submission it cancels has ended").await;
    };
    if cancelled.state == State::Mined {
        let reason = "the submission it cancels is in a block";
        return postpone(worker, cancel, WAIT_MS, reason).await;
    }
    if cancelled.state == State::Signing && target.is_signing {
        let reason = "the signature of the submission it cancels has arrived and is recorded first";
        return postpone(worker, cancel, WAIT_MS, reason).await;
    }
    let replacement = Replacement {
        submission: cancel,
        terms,
        renewal: None,
        keys: target.keys,
        late_backend: target.late_backend,
    };
    replace(worker, replacement).await
}

async fn fail(worker: &Worker, mut submission: Submission, reason: &str) -> Result<usize> {
    submission.apply(Event::Failed, worker.now())?;
    submission.set_reason(reason);
    worker.save(vec![submission]).await
}

/// Tries again later. A cancel ends with its permit: it delays what it cancels.
async fn postpone(
    worker: &Worker,
    mut submission: Submission,
    millis: i64,
    reason: impl AsRef<str>,
) -> Result<usize> {
    let now = worker.now();
    submission.postpone(now.plus_millis(millis), &reason);
    let permit = submission.permit.as_ref();
    let has_expired = permit.is_some_and(|permit| now > permit.body.not_after);
    if has_expired && submission.state == State::Permitted {
        submission.apply(Event::Expired, now)?;
        submission.set_reason(format!("its permit has expired; {}", reason.as_ref()));
    }
    worker.save(vec![submission]).await
}

async fn quote(worker: &Worker, submission: &Submission) -> Result<Option<chain::Result<Quote>>> {
    let connector = worker.submit.chain(&submission.chain)?;
    let quotes = connector.quote(slice::from_ref(&submission.intent)).await;
    Ok(quotes.into_iter().next())
}

/// Signs a submission again at a higher price, on the same replay keys, within its permit. Not
/// while a cancel of it is in progress: the two would outbid each other.
pub(super) async fn reprice(worker: &Worker, submission: &Submission) -> Result<usize> {
    use chain::Error as C;
    let mut target = load_target(worker, submission, submission.id).await?;
    let is_unmined =
        |current: &Submission| current.state.may_be_on_chain() && current.state != State::Mined;
    let Some(mut current) = target.submission.take().filter(is_unmined) else {
        return Ok(0);
    };
    if target.is_signing {
        return Ok(0); // its replacement waits for its signature
    }
    if let Some(cancel) = target.cancel {
        let reason = format!("its price is not raised while its cancel {cancel} is in progress");
        current.set_reason(reason);
        return worker.save(vec![current]).await;
    }
    let quoted = match (quote(worker, submission).await?, target.sent.last()) {
        (Some(Ok(quote)), _) => quote.terms,
        // A quote fails while the submission's own coins are in flight, or once its own transaction
        // has had its effect. The last price is then the base.
        (Some(Err(C::RequestRejected { .. } | C::ExecutionReverted { .. })), Some(last)) => {
            last.terms
        }
        _ => return Ok(0),
    };
    let terms = target.outbid_all(quoted);
    let renewal = match renewal(worker, &current, terms).await? {
        Ok(renewal) => renewal,
        Err(why) => return pause_denied(worker, current, why).await,
    };
    let replacement = Replacement {
        submission: current,
        terms,
        renewal,
        keys: target.keys,
        late_backend: target.late_backend,
    };
    replace(worker, replacement).await
}

/// What a submission is signed under at a higher price: its permit while the standing set is that
/// of its decision, otherwise what another decision permits at this price. An error is the reason
/// of a denial. A cancel needs no other decision.
async fn renewal(
    worker: &Worker,
    submission: &Submission,
    terms: FeeTerms,
) -> Result<std::result::Result<Option<Renewal>, String>> {
    if standing::stands(worker, submission).await? {
        return Ok(Ok(None));
    }
    let renewed = standing::renew(worker, submission, terms).await?;
    Ok(renewed.map(Some))
}

/// What is signed stays as it is; only a cancel may still replace it.
async fn pause_denied(worker: &Worker, submission: Submission, why: String) -> Result<usize> {
    let why = format!("it was decided again, because what its permit relies on changed: {why}");
    let write = worker.write((submission, why), |tx, (submission, why)| {
        let (now, mut submission) = (tx.now(), submission.clone());
        pause_unreplaceable(tx, &mut submission, why, now)?;
        record::save(tx, slice::from_ref(&submission))
    });
    write.await
}

/// Reprices a transaction that has waited in pools for long, if the chain's price has risen. With
/// nonces, only the lowest unmined one of a lane: no other can be mined yet.
pub(super) async fn reprice_stale(worker: &Worker, submission: &Submission) -> Result<usize> {
    let target = load_target(worker, submission, submission.id).await?;
    let is_stale = |last: &&SubmissionTransaction| last.signed.plus_millis(STALE_MS) < worker.now();
    let Some(last) = target.sent.last().filter(is_stale) else {
        return Ok(0);
    };
    if let Some(nonce) = target.keys.nonce() {
        let connector = worker.submit.chain(&submission.chain)?;
        if connector.sequence(&submission.signer).await?.mined != nonce {
            return Ok(0);
        }
    }
    match quote(worker, submission).await? {
        Some(Ok(quote)) if quote.terms.fee_per_gas > last.terms.fee_per_gas => {
            reprice(worker, submission).await
        }
        _ => Ok(0),
    }
}

/// A submission to sign on replay keys that are already held.
struct Replacement {
    submission: Submission,
    terms: FeeTerms,
    /// What it is signed under, if it was decided again.
    renewal: Option<Renewal>,
    keys: TargetKeys,
    late_backend: Option<String>,
}

/// Plans and signs a replacement, or requests its signature.
async fn replace(worker: &Worker, replacement: Replacement) -> Result<usize> {
    if worker.is_halted(replacement.submission.chain).await? {
        return Ok(0);
    }
    let Replacement {
        mut submission,
        terms,
        renewal,
        keys,
        late_backend,
    } = replacement;
    let connector = worker.submit.chain(&submission.chain)?;
    let renewed = renewal.as_ref().map(|renewal| &renewal.permit);
    let permit = renewed.or(submission.permit.as_ref());
    let beyond_permit = permit.and_then(|permit| permit.body.envelope.allows(&terms).err());
    let beyond_limits = connector.fee_limits().allow(&terms).err();
    if let Some(breach) = beyond_limits.or(beyond_permit) {
        if submission.state != State::Permitted {
            submission.apply(Event::Paused, worker.now())?;
        }
        let reason = format!(
            "fee cap: {breach}; waiting for the price to fall: cancel the submission, or raise \
             the cap and submit again"
        );
        return postpone(worker, submission, PRICE_RETRY_MS, reason).await;
    }
    let reservations = Reservations {
        nonce: keys.nonce(),
        excluded: keys.excluded,
        required: keys.required,
    };
    let plan = Plan {
        intent: &submission.intent,
        terms,
        reservations: &reservations,
        authorizations: &[],
    };
    let results = connector.plan(slice::from_ref(&plan)).await;
    match results.into_iter().next() {
        Some(Ok(unsigned)) => {
            let planned = Planned {
                submission,
                unsigned,
                terms,
                renewal,
            };
            match late_backend {
                Some(backend) => request::request(worker, None, vec![planned], &backend).await,
                None => sign_and_commit(worker, None, vec![planned]).await,
            }
        }
        Some(Err(error)) => {
            let reason = format!("cannot be planned now: {error}");
            postpone(worker, submission, WAIT_MS, reason).await
        }
        None => Ok(0),
    }
}
