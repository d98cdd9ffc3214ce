//! Replacing a transaction that was already signed, on the same replay keys: by a cancel, or by
//! the same intent at a higher price.

use super::commit::{Planned, sign_and_commit};
use super::{WAIT_MS, Worker};
use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::{Submission, SubmissionTransaction};
use crate::{Error, Result, table};
use chain::{Plan, Quote, Reservations};
use intent::FeeTerms;
use std::collections::BTreeSet;
use std::slice;
use types::{PermitId, ReplayKey, SubmissionId};

/// How long a submission whose price exceeds its cap waits before it is quoted again.
const FEE_CAP_RETRY_MS: i64 = 60_000;

/// How long bytes may wait in pools before their price is checked again.
pub(super) const STALE_MS: i64 = 300_000;

/// The submission whose replay keys another transaction is to use.
struct Target {
    submission: Option<Submission>,
    keys: TargetKeys,
    sent: Vec<SubmissionTransaction>,
}

/// The replay keys of a replacement.
struct TargetKeys {
    /// Those of the replaced transaction: it uses all of them.
    required: BTreeSet<ReplayKey>,
    /// Those that other submissions of the lane hold: it uses none of them.
    excluded: BTreeSet<ReplayKey>,
}

impl Target {
    /// The terms of a replacement: higher than all that was sent.
    fn outbid(&self, quoted: FeeTerms) -> FeeTerms {
        let sent = self.sent.iter().map(|sent| &sent.terms);
        sent.fold(quoted, outbid)
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
    let signer = lane_member.signer.clone();
    let read = worker.db().read_unscoped_with(signer, move |tx, signer| {
        let required = table::replay_key::of_submission(tx, &chain, id)?;
        let required: BTreeSet<ReplayKey> = required.into_iter().collect();
        let mut excluded = table::replay_key::open_of_signer(tx, &chain, signer)?;
        excluded.retain(|replay_key| !required.contains(replay_key));
        let mut tx = tx.scoped(&namespace);
        Ok::<_, Error>(Target {
            submission: table::submission::get(&mut tx, id)?,
            sent: table::transaction::of_submission(&mut tx, id)?,
            keys: TargetKeys {
                required,
                excluded: excluded.into_iter().collect(),
            },
        })
    });
    read.await
}

/// Signs a cancel: on the replay keys of the submission it cancels, at a higher price than any of
/// its transactions.
pub(super) async fn sign_cancel(worker: &Worker, cancel: Submission) -> Result<usize> {
    let Some(target_id) = cancel.supersedes else {
        return Ok(0);
    };
    let target = load_target(worker, &cancel, target_id).await?;
    let terms = target.outbid(cancel.quote.unwrap_or_default());
    let Some(cancelled) = target
        .submission
        .filter(|cancelled| cancelled.transaction.is_some() && !cancelled.state.is_terminal())
    else {
        return fail(worker, cancel, "the submission it cancels has ended").await;
    };
    if cancelled.state == State::Mined {
        return postpone(worker, cancel, "the submission it cancels is in a block").await;
    }
    let supersedes = cancelled.permit.as_ref().map(|permit| permit.body.id);
    replace(worker, cancel, terms, target.keys, supersedes).await
}

async fn fail(worker: &Worker, mut submission: Submission, reason: &str) -> Result<usize> {
    submission.apply(Event::Failed, worker.now())?;
    submission.set_reason(reason);
    worker.save(vec![submission]).await
}

async fn postpone(
    worker: &Worker,
    mut submission: Submission,
    reason: impl AsRef<str>,
) -> Result<usize> {
    submission.postpone(worker.now().plus_millis(WAIT_MS), reason);
    worker.save(vec![submission]).await
}

async fn quote(worker: &Worker, submission: &Submission) -> Result<Option<chain::Result<Quote>>> {
    let connector = worker.submit.chain(&submission.chain)?;
    let quotes = connector.quote(slice::from_ref(&submission.intent)).await;
    Ok(quotes.into_iter().next())
}

/// Signs a submission again at a higher price, on the same replay keys, within its permit.
pub(super) async fn reprice(worker: &Worker, submission: &Submission) -> Result<usize> {
    use chain::Error as C;
    let mut target = load_target(worker, submission, submission.id).await?;
    let is_unmined =
        |current: &Submission| current.state.may_be_on_chain() && current.state != State::Mined;
    let Some(current) = target.submission.take().filter(is_unmined) else {
        return Ok(0);
    };
    let quoted = match (quote(worker, submission).await?, target.sent.last()) {
        (Some(Ok(quote)), _) => quote.terms,
        // A quote fails while the submission's own coins are in flight, or once its own transaction
        // has had its effect. The last price is then the base.
        (Some(Err(C::RequestRejected { .. } | C::ExecutionReverted { .. })), Some(last)) => {
            last.terms
        }
        _ => return Ok(0),
    };
    let terms = target.outbid(quoted);
    replace(worker, current, terms, target.keys, None).await
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

/// Plans and signs a submission on these replay keys.
async fn replace(
    worker: &Worker,
    mut submission: Submission,
    terms: FeeTerms,
    keys: TargetKeys,
    supersedes: Option<PermitId>,
) -> Result<usize> {
    let permit = submission.permit.as_ref();
    if let Some(breach) = permit.and_then(|permit| permit.body.envelope.allows(&terms).err()) {
        if submission.state != State::Permitted {
            submission.apply(Event::Paused, worker.now())?;
        }
        let reason = format!(
            "fee cap: {breach}; waiting for the price to fall: cancel the submission, or raise \
             the cap and submit again"
        );
        submission.postpone(worker.now().plus_millis(FEE_CAP_RETRY_MS), reason);
        return worker.save(vec![submission]).await;
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
        authorisations: &[],
    };
    let connector = worker.submit.chain(&submission.chain)?;
    let results = connector.plan(slice::from_ref(&plan)).await;
    match results.into_iter().next() {
        Some(Ok(unsigned)) => {
            let planned = Planned {
                submission,
                unsigned,
                terms,
                supersedes,
            };
            sign_and_commit(worker, None, vec![planned]).await
        }
        Some(Err(error)) => {
            let reason = format!("cannot be planned now: {error}");
            postpone(worker, submission, reason).await
        }
        None => Ok(0),
    }
}
