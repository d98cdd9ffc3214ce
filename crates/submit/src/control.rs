//! Operator actions: cancel a submission, resume a lane. Also pausing and resuming by the worker.

use crate::commit::contended;
use crate::enqueue::Outcome;
use crate::state::{Event, State};
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, Worker, table, worker};
use intent::Intent;
use store::{Fact, UnscopedTx};
use types::{ChainId, Principal, SubmissionId, Time};

/// Characters of an operator's reason that are stored.
const MAX_REASON: usize = 500;
/// Attempts of a cancel while the worker keeps changing the submission.
const CANCEL_ATTEMPTS: usize = 5;
/// Submissions resumed per turn or request.
const PER_TURN: u32 = 200;

/// Cancels a submission. Before it is signed it is withdrawn; after that a cancel transaction uses
/// its replay keys, and whichever of the two is mined wins. Returns the submission itself, or the
/// submission that cancels it.
///
/// Retries if the worker changes the submission concurrently. Errors: `submit.unknown_submission`,
/// `submit.wrong_state`.
pub async fn cancel(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Submission> {
    for _ in 0..CANCEL_ATTEMPTS {
        let submission = crate::get(submit, principal, id).await?;
        let outcome = match submission.state {
            State::Received | State::Deciding | State::AwaitingApproval | State::Permitted => {
                withdraw(submit, principal, submission).await
            }
            State::Signed | State::Accepted | State::Reorged | State::Paused => {
                enqueue_cancel(submit, principal, &submission).await
            }
            State::NonceReserved | State::Signing => Err(wrong_state(
                id,
                "waits for a remote signature; cancel it once the signature has arrived",
            )),
            State::Mined => Err(wrong_state(id, "is already in a block")),
            _ => Err(wrong_state(id, "has ended")),
        };
        match outcome {
            Err(Error::Store(store::Error::Contended { .. })) => {}
            outcome => return outcome,
        }
    }
    Err(contended())
}

fn wrong_state(id: SubmissionId, reason: &str) -> Error {
    Error::WrongState {
        id,
        reason: reason.to_owned(),
    }
}

async fn withdraw(
    submit: &Submit,
    principal: &Principal,
    mut submission: Submission,
) -> Result<Submission> {
    submission.apply(Event::Failed, submit.0.db.clock().now())?;
    submission.set_reason(format!(
        "withdrawn by {} before anything was signed",
        principal.id
    ));
    let (id, actor) = (submission.id, principal.clone());
    let written = submit
        .0
        .db
        .on(&submit.0.lease)
        .write_unscoped(move |tx| {
            worker::save_as(tx, std::slice::from_ref(&submission), Some(&actor))
        })
        .await?;
    if written == 0 {
        Err(contended())
    } else {
        crate::get(submit, principal, id).await
    }
}

/// Enqueues a cancel: a submission of its own on the same replay keys, decided by policy like any
/// other.
async fn enqueue_cancel(
    submit: &Submit,
    principal: &Principal,
    target: &Submission,
) -> Result<Submission> {
    let new = Enqueue {
        idempotency_key: None, // a cancel in progress is found by its target
        intent: Intent::cancel(target.chain, target.signer.clone()),
        interface: None,
        policies: Vec::new(),
        context: crate::Context::default(),
    };
    let outcome = crate::enqueue::enqueue_superseding(submit, principal, new, target.id).await?;
    let (Outcome::Created(cancel) | Outcome::Replayed(cancel)) = outcome;
    Ok(cancel)
}

/// Resumes a paused lane and its paused submissions. The reason is recorded. Errors:
/// `submit.unknown_signer`, `submit.lane_not_paused`.
pub async fn resume_lane(
    submit: &Submit,
    principal: &Principal,
    chain: &ChainId,
    signer: &str,
    reason: &str,
) -> Result<()> {
    let (principal, chain, signer) = (principal.clone(), *chain, signer.to_owned());
    let reason: String = types::sanitize_text(reason.as_bytes())
        .chars()
        .take(MAX_REASON)
        .collect();
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write_unscoped(move |tx| {
            let unknown_signer = || Error::UnknownSigner {
                chain: chain,
                signer: signer.clone(),
            };
            keys::find(&mut tx.scoped(&principal.namespace), &chain, &signer)?
                .ok_or_else(unknown_signer)?;
            let not_paused = || Error::LaneNotPaused {
                chain: chain,
                signer: signer.clone(),
            };
            let mut lane = table::lane(tx, &chain, &signer)?.ok_or_else(not_paused)?;
            let paused_reason = lane.paused.take().ok_or_else(not_paused)?;
            lane.paused_until = None;
            if !table::put_lane(tx, &lane)? {
                return Err(contended());
            }
            resume_submissions(tx, &chain, &signer)?;
            tx.append(
                &principal.namespace,
                lane_fact("lane.resumed", &lane, &principal).payload(
                    &serde_json::json!({ "paused_reason": paused_reason, "reason": reason }),
                ),
            );
            Ok(())
        })
        .await
}

/// Resumes the paused submissions of a lane, except those with a signed cancel in progress: sending
/// them again would outbid the cancel.
fn resume_submissions(tx: &mut UnscopedTx<'_, '_>, chain: &ChainId, signer: &str) -> Result<()> {
    let now = tx.now();
    let mut resumed = Vec::new();
    for mut submission in table::paused_in(tx, chain, signer, PER_TURN)? {
        let cancel =
            table::cancel_in_progress(&mut tx.scoped(&submission.namespace), submission.id)?;
        if cancel.is_none_or(|cancel| cancel.transaction.is_none()) {
            submission.apply(Event::Resumed, now)?;
            (submission.next_at, submission.reason) = (now, None);
            resumed.push(submission);
        }
    }
    worker::save(tx, &resumed).map(drop)
}

/// Pauses a lane until a time, or until an operator resumes it. A pause for an operator is never
/// shortened by a timed one.
pub(crate) fn pause(
    tx: &mut UnscopedTx<'_, '_>,
    mut lane: table::Lane,
    reason: String,
    until: Option<Time>,
) -> Result<()> {
    if lane.paused.is_some() && lane.paused_until.is_none() && until.is_some() {
        return Ok(());
    }
    let reason = crate::submission::sanitize_message(&reason);
    (lane.paused, lane.paused_until) = (Some(reason.clone()), until);
    if !table::put_lane(tx, &lane)? {
        return Err(contended());
    }
    let installation = types::Namespace::installation();
    let fact = lane_fact("lane.paused", &lane, &worker::system(&installation));
    tx.append(
        &installation,
        fact.payload(&serde_json::json!({ "reason": reason, "until": until })),
    );
    Ok(())
}

fn lane_fact(kind: &'static str, lane: &table::Lane, actor: &Principal) -> Fact {
    let version = u64::try_from(lane.version + 1).unwrap_or(0);
    Fact::new(kind, 1)
        .subject(&format!("lane:{}/{}", lane.chain, lane.signer), version)
        .actor(actor)
}

impl Worker {
    /// Pauses a lane until a time, or until an operator resumes it.
    pub(crate) async fn pause_lane(
        &self,
        chain: &ChainId,
        signer: &str,
        reason: String,
        until: Option<Time>,
    ) -> Result<()> {
        let (chain, signer) = (*chain, signer.to_owned());
        tracing::warn!(event = "lane.paused", %chain, signer, reason, "the lane is paused");
        self.write(move |tx| match table::lane(tx, &chain, &signer)? {
            Some(lane) => pause(tx, lane, reason.clone(), until),
            None => Ok(()),
        })
        .await
    }

    /// Resumes paused submissions whose pause has expired.
    pub(crate) async fn resume_due(&self) -> Result<usize> {
        let mut changed = 0;
        for chain in self.chains() {
            let (shard, now) = (self.shard, self.now());
            let due = move |tx: &mut UnscopedTx<'_, '_>| {
                table::due(tx, shard, &chain, &[State::Paused], now, PER_TURN)
            };
            let mut due = self.submit.0.db.read_unscoped(due).await?;
            for submission in &mut due {
                submission.apply(Event::Resumed, now)?;
                submission.reason = None;
            }
            changed += self.save(due).await?;
        }
        Ok(changed)
    }
}
