//! The standing of what policy permitted. A permit is good for the standing set of its decision:
//! where that has changed, a submission is decided again before its first signature, and before its
//! price is raised. A cancel stands whatever changes, because it only uses up a nonce.

use super::{Worker, decide};
use crate::state::{Event, State};
use crate::submission::{Renewal, Submission};
use crate::{Result, record};
use intent::FeeTerms;
use policy::{Lock, Policy, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use store::UnscopedTx;
use types::{Namespace, SubmissionId};

/// Why what was permitted is decided again.
pub(super) const OUTDATED: &str = "what its permit relies on has changed since: policies, lists, \
                                   contracts or API keys; it is decided again";

/// The ids of those submissions that were not decided under the standing set as this transaction
/// sees it.
pub(super) fn outdated<'s>(
    tx: &mut UnscopedTx,
    policy: &Policy,
    submissions: impl IntoIterator<Item = &'s Submission>,
    lock: Lock,
) -> Result<BTreeSet<SubmissionId>> {
    let mut acts: BTreeMap<Namespace, Vec<&Submission>> = BTreeMap::new();
    let submissions = submissions.into_iter();
    for act in submissions.filter(|one| one.supersedes.is_none()) {
        acts.entry(act.namespace).or_default().push(act);
    }
    let mut outdated = BTreeSet::new();
    for (namespace, acts) in acts {
        let initiators: Vec<_> = acts.iter().map(|act| &act.initiator).collect();
        let now = policy::standing(policy, &mut tx.scoped(&namespace), &initiators, lock)?;
        let changed = acts.iter().zip(now);
        let changed = changed.filter(|(act, now)| act.standing != Some(*now));
        outdated.extend(changed.map(|(act, _)| act.id));
    }
    Ok(outdated)
}

/// Sends outdated submissions back to be decided again, and ends their permits. Those that hold
/// replay keys already keep their state. Returns how many were sent back.
pub(super) fn send_back<'s>(
    tx: &mut UnscopedTx,
    submissions: impl IntoIterator<Item = &'s Submission>,
    outdated: &BTreeSet<SubmissionId>,
) -> Result<usize> {
    let (now, mut sent_back) = (tx.now(), Vec::new());
    let is_outdated =
        |one: &&Submission| one.state == State::Permitted && outdated.contains(&one.id);
    for submission in submissions.into_iter().filter(is_outdated) {
        let mut submission = submission.clone();
        end_permit(tx, &mut submission, "its submission is decided again")?;
        submission.apply(Event::Outdated, now)?;
        submission.postpone(now, OUTDATED);
        sent_back.push(submission);
    }
    record::save(tx, &sent_back)
}

/// Revokes the permit of a submission for which nothing was signed, and takes it out of its lane.
pub(crate) fn end_permit(
    tx: &mut UnscopedTx,
    submission: &mut Submission,
    reason: &str,
) -> Result<()> {
    if let Some(permit) = submission.permit.take() {
        let system = record::system(&submission.namespace);
        let mut tx = tx.scoped(&submission.namespace);
        keys::revoke_in(&mut tx, &system, &permit.body.id, reason)?;
    }
    (submission.lane_index, submission.standing) = (None, None);
    Ok(())
}

/// Whether a submission was decided under the current standing set.
pub(super) async fn stands(worker: &Worker, submission: &Submission) -> Result<bool> {
    let args = (worker.submit.clone(), submission.clone());
    let read = worker
        .db()
        .read_unscoped_with(args, |tx, (submit, submission)| {
            let submissions = slice::from_ref(submission);
            outdated(tx, submit.policy(), submissions, Lock::None)
        });
    Ok(read.await?.is_empty())
}

/// Decides a submission that holds replay keys again, at a price. Without a new permit, the reason.
pub(super) async fn renew(
    worker: &Worker,
    submission: &Submission,
    terms: FeeTerms,
) -> Result<std::result::Result<Renewal, String>> {
    let mut asked = submission.clone();
    asked.quote = Some(terms);
    let supersedes = submission.permit.as_ref().map(|permit| permit.body.id);
    let purpose = supersedes.map_or(policy::Purpose::Act, |supersedes| {
        policy::Purpose::Reprice { supersedes }
    });
    let verdicts =
        decide::request_decisions(worker, &submission.chain, &[(asked, purpose)]).await?;
    Ok(match verdicts.into_iter().next() {
        Some(Verdict::Permit {
            permit,
            decision,
            standing,
        }) => Ok(Renewal {
            permit: *permit,
            decision,
            standing,
        }),
        Some(Verdict::Denied { decision, reasons }) => {
            Err(format!("{} ({decision})", decide::denial(&reasons)))
        }
        Some(Verdict::Needs { decision, .. }) => {
            Err(format!("policy: it requires approvals ({decision})"))
        }
        None => Err("policy: no verdict".to_owned()),
    })
}
