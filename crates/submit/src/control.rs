//! What people do about a submission: cancel it, and let a lane go on.

use crate::commit::contended;
use crate::enqueue::Outcome;
use crate::state::{Event, State};
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, Worker, table, worker};
use intent::Intent;
use store::{Fact, Unbound};
use types::{ChainId, Principal, SubmissionId, Time};

/// The longest reason.
const MAX_REASON: usize = 500;
/// How often a cancel looks at a submission that changes under its eyes.
const LOOKS: usize = 5;
/// Submissions resumed in a turn.
const PER_TURN: u32 = 200;

/// Cancel a submission. Before it is signed it simply ends; after that a cancel takes its witness
/// on the chain, and whichever of the two is mined wins. Gives the submission itself, or the one
/// that cancels it.
///
/// The worker may change the submission while this looks at it; then it looks again. Errors:
/// `submit.not_found`, `submit.wrong_state`.
pub async fn cancel(submit: &Submit, who: &Principal, id: SubmissionId) -> Result<Submission> {
    for _ in 0..LOOKS {
        let one = crate::get(submit, who, id).await?;
        let outcome = match one.state {
            State::Received | State::Deciding | State::AwaitingApproval | State::Permitted => {
                withdraw(submit, who, one).await
            }
            State::Signed | State::Accepted | State::Reorged | State::Paused => {
                counter(submit, who, &one).await
            }
            State::NonceReserved | State::Signing => Err(wrong(
                id,
                "waits for a remote signature; cancel it once that is there",
            )),
            State::Mined => Err(wrong(id, "is in a block already")),
            _ => Err(wrong(id, "has ended")),
        };
        match outcome {
            Err(Error::Store(store::Error::Contended { .. })) => {}
            outcome => return outcome,
        }
    }
    Err(contended())
}

fn wrong(id: SubmissionId, why: &str) -> Error {
    Error::WrongState {
        id,
        why: why.to_owned(),
    }
}

async fn withdraw(submit: &Submit, who: &Principal, mut one: Submission) -> Result<Submission> {
    one.happen(Event::Impossible, submit.0.db.clock().now())?;
    one.explain(format!(
        "withdrawn by {} before anything was signed",
        who.id
    ));
    let (id, by) = (one.id, who.clone());
    let written = submit
        .0
        .db
        .on(&submit.0.lease)
        .write_unbound(move |tx| worker::save_by(tx, std::slice::from_ref(&one), Some(&by)))
        .await?;
    if written == 0 {
        Err(contended())
    } else {
        crate::get(submit, who, id).await
    }
}

/// A submission of its own, decided by policy like any other, on the same witness.
async fn counter(submit: &Submit, who: &Principal, one: &Submission) -> Result<Submission> {
    let new = Enqueue {
        key: None, // one that is under way is found by what it cancels
        intent: Intent::cancel(one.chain.clone(), one.signer.clone()),
        interface: None,
        policies: Vec::new(),
        context: crate::Context::default(),
    };
    let outcome = crate::enqueue::enqueue_superseding(submit, who, new, one.id).await?;
    let (Outcome::Created(cancel) | Outcome::Replayed(cancel)) = outcome;
    Ok(cancel)
}

/// Let a paused lane go on, with what is paused in it, and say why: the reason is recorded.
pub async fn resume_lane(
    submit: &Submit,
    who: &Principal,
    chain: &ChainId,
    signer: &str,
    reason: &str,
) -> Result<()> {
    let (who, chain, signer) = (who.clone(), chain.clone(), signer.to_owned());
    let reason: String = types::hostile_text(reason.as_bytes())
        .chars()
        .take(MAX_REASON)
        .collect();
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write_unbound(move |tx| {
            let missing = || Error::UnknownSigner {
                chain: chain.clone(),
                signer: signer.clone(),
            };
            keys::find(&mut tx.bound(&who.namespace), &chain, &signer)?.ok_or_else(missing)?;
            let not_paused = || Error::LaneNotPaused {
                chain: chain.clone(),
                signer: signer.clone(),
            };
            let mut lane = table::lane(tx, &chain, &signer)?.ok_or_else(not_paused)?;
            let was = lane.paused.take().ok_or_else(not_paused)?;
            lane.paused_until = None;
            if !table::put_lane(tx, &lane)? {
                return Err(contended());
            }
            resume_in(tx, &chain, &signer)?;
            tx.append(
                &who.namespace,
                lane_fact("lane.resumed", &lane, &who)
                    .says(&serde_json::json!({ "was": was, "reason": reason })),
            );
            Ok(())
        })
        .await
}

/// What is paused in a lane goes on, but for what is being cancelled.
fn resume_in(tx: &mut Unbound<'_, '_>, chain: &ChainId, signer: &str) -> Result<()> {
    let now = tx.now();
    let mut resumed = Vec::new();
    for mut one in table::paused_in(tx, chain, signer, PER_TURN)? {
        let cancel = table::cancel_under_way(&mut tx.bound(&one.namespace), one.id)?;
        if cancel.is_none_or(|cancel| cancel.transaction.is_none()) {
            one.happen(Event::Resumed, now)?;
            (one.next_at, one.reason) = (now, None);
            resumed.push(one);
        }
    }
    worker::save(tx, &resumed).map(drop)
}

/// Hold a lane, until then or until an operator resumes it. Who waits for a person waits for a
/// person, whatever else comes in between.
pub(crate) fn hold(
    tx: &mut Unbound<'_, '_>,
    mut lane: table::Lane,
    reason: String,
    until: Option<Time>,
) -> Result<()> {
    if lane.paused.is_some() && lane.paused_until.is_none() && until.is_some() {
        return Ok(());
    }
    let reason = crate::submission::words(&reason);
    (lane.paused, lane.paused_until) = (Some(reason.clone()), until);
    if !table::put_lane(tx, &lane)? {
        return Err(contended());
    }
    let installation = types::Namespace::installation();
    let fact = lane_fact("lane.paused", &lane, &worker::system(&installation));
    tx.append(
        &installation,
        fact.says(&serde_json::json!({ "reason": reason, "until": until })),
    );
    Ok(())
}

fn lane_fact(kind: &'static str, lane: &table::Lane, who: &Principal) -> Fact {
    let version = u64::try_from(lane.version + 1).unwrap_or(0);
    Fact::new(kind, 1)
        .about(&format!("lane:{}/{}", lane.chain, lane.signer), version)
        .by(who)
}

impl Worker {
    /// Hold a lane, until then or until an operator resumes it.
    pub(crate) async fn pause_lane(
        &self,
        chain: &ChainId,
        signer: &str,
        reason: String,
        until: Option<Time>,
    ) -> Result<()> {
        let (chain, signer) = (chain.clone(), signer.to_owned());
        tracing::warn!(%chain, signer, reason, "lane paused");
        self.write(move |tx| match table::lane(tx, &chain, &signer)? {
            Some(lane) => hold(tx, lane, reason.clone(), until),
            None => Ok(()),
        })
        .await
    }

    /// Paused submissions whose time has come go on where they were.
    pub(crate) async fn resume_due(&self) -> Result<usize> {
        let mut changed = 0;
        for chain in self.chains() {
            let (shard, now) = (self.shard, self.now());
            let due = move |tx: &mut Unbound<'_, '_>| {
                table::due(tx, shard, &chain, &[State::Paused], now, PER_TURN)
            };
            let mut due = self.submit.0.db.read_unbound(due).await?;
            for one in &mut due {
                one.happen(Event::Resumed, now)?;
                one.reason = None;
            }
            changed += self.save(due).await?;
        }
        Ok(changed)
    }
}
