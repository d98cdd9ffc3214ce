//! Lanes: the queue of a signer's submissions on a chain.

use crate::late::held_lane;
use crate::state::Event;
use crate::submission::sanitize_message;
use crate::table::lane::Lane;
use crate::{Error, Result, Submit, record, table};
use serde::Serialize;
use store::{Fact, UnscopedTx};
use types::{ChainId, Namespace, Principal, Time, clip, sanitize_text};
use utoipa::ToSchema;

/// Characters of an operator's reason that are stored.
const MAX_REASON: usize = 500;
/// Paused submissions read at a time.
const PER_READ: u32 = 200;

/// The ordered queue of one signer's submissions on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Lane)]
pub struct LaneStatus {
    pub chain: ChainId,
    pub signer: String,
    /// The next nonce to use, on chains with nonces.
    pub next_nonce: u64,
    /// Why the lane is paused; `null` if it is not.
    pub paused: Option<String>,
    /// When the lane resumes without intervention.
    pub paused_until: Option<Time>,
    /// Why nothing is signed in the lane now although it is not paused; `null` if nothing is held.
    pub held: Option<String>,
}

/// A signer's lane, which is empty if the signer never had a permitted submission. Error:
/// `submit.unknown_signer` if the signer is not a key of the namespace.
pub async fn lane_status(
    submit: &Submit,
    principal: &Principal,
    chain: &ChainId,
    signer: &str,
) -> Result<LaneStatus> {
    let (engine, namespace, chain) = (submit.clone(), principal.namespace, *chain);
    let read = submit
        .db()
        .read_unscoped_with(signer.to_owned(), move |tx, signer| {
            check_signer(tx, &namespace, &chain, signer)?;
            let mut lane = table::lane::get(tx, &chain, signer)?
                .unwrap_or_else(|| Lane::new(chain, signer.clone(), 0, 0));
            if !lane.is_paused(tx.now()) {
                (lane.paused, lane.paused_until) = (None, None);
            }
            Ok(LaneStatus {
                held: held_lane(&engine, tx, &chain, signer)?,
                chain: lane.chain,
                signer: lane.signer,
                next_nonce: lane.next_nonce,
                paused: lane.paused,
                paused_until: lane.paused_until,
            })
        });
    read.await
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
    let reason = clip(&sanitize_text(reason.as_bytes()), MAX_REASON);
    let (chain, args) = (*chain, (principal.clone(), signer.to_owned(), reason));
    let write = submit
        .on()
        .write_unscoped_with(args, move |tx, (principal, signer, reason)| {
            check_signer(tx, &principal.namespace, &chain, signer)?;
            let mut lane = paused_lane(tx, &chain, signer)?;
            let paused_reason = lane.paused.take();
            lane.paused_until = None;
            update(tx, &lane)?;
            resume_submissions(tx, &chain, signer)?;
            let payload = serde_json::json!({ "paused_reason": paused_reason, "reason": reason });
            let fact = lane_fact("lane.resumed", &lane, principal).payload(&payload);
            tx.append(&principal.namespace, fact);
            Ok(())
        });
    write.await
}

fn check_signer(
    tx: &mut UnscopedTx,
    namespace: &Namespace,
    chain: &ChainId,
    signer: &str,
) -> Result<()> {
    match keys::find(&mut tx.scoped(namespace), chain, signer)? {
        Some(_) => Ok(()),
        None => Err(Error::UnknownSigner {
            chain: *chain,
            signer: signer.to_owned(),
        }),
    }
}

fn paused_lane(tx: &mut UnscopedTx, chain: &ChainId, signer: &str) -> Result<Lane> {
    let lane = table::lane::get(tx, chain, signer)?;
    lane.filter(|lane| lane.paused.is_some())
        .ok_or_else(|| Error::LaneNotPaused {
            chain: *chain,
            signer: signer.to_owned(),
        })
}

/// Resumes all paused submissions of a lane, except those with a signed cancel in progress: sending
/// them again would outbid the cancel.
fn resume_submissions(tx: &mut UnscopedTx, chain: &ChainId, signer: &str) -> Result<()> {
    let (now, mut last_index) = (tx.now(), None);
    loop {
        let paused = table::submission::paused(tx, chain, signer, last_index, PER_READ)?;
        let Some(last) = paused.last() else {
            return Ok(());
        };
        last_index = last.lane_index;
        let cancelled = table::submission::with_signed_cancel(tx, &paused)?;
        let mut resumed = paused;
        resumed.retain(|submission| !cancelled.contains(&submission.id));
        for submission in &mut resumed {
            submission.apply(Event::Resumed, now)?;
            (submission.next_at, submission.reason) = (now, None);
        }
        record::save(tx, &resumed)?;
    }
}

/// Pauses a lane until a time, or until an operator resumes it. A pause is never shortened. A timed
/// pause that is prolonged is not reported again: one still in force, or one for the reason of the
/// last with nothing new signed in the lane in between.
pub(crate) fn pause(
    tx: &mut UnscopedTx,
    mut lane: Lane,
    reason: &str,
    until: Option<Time>,
) -> Result<()> {
    if lane.paused.is_some() && lane.paused_until.is_none() && until.is_some() {
        return Ok(());
    }
    let reason = sanitize_message(reason);
    let payload = serde_json::json!({ "reason": reason, "until": until });
    let (last, last_until) = (lane.paused.replace(reason), lane.paused_until);
    lane.paused_until = until.map(|until| last_until.map_or(until, |last| last.max(until)));
    update(tx, &lane)?;
    let is_in_force = last_until.is_some_and(|last| last > tx.now());
    let is_same = last == lane.paused && last_until.is_some() == until.is_some();
    if is_same || is_in_force && until.is_some() {
        return Ok(());
    }
    let Lane { chain, signer, .. } = &lane;
    let reason = lane.paused.as_deref();
    tracing::warn!(event = "lane.paused", %chain, signer, reason, "the lane is paused");
    let installation = Namespace::installation();
    let fact = lane_fact("lane.paused", &lane, &record::system(&installation));
    tx.append(&installation, fact.payload(&payload));
    Ok(())
}

/// Writes a lane, or fails the transaction if it was changed since it was read.
pub(crate) fn update(tx: &mut UnscopedTx, lane: &Lane) -> Result<()> {
    match table::lane::update(tx, lane)? {
        true => Ok(()),
        false => Err(Error::contended()),
    }
}

fn lane_fact(kind: &'static str, lane: &Lane, actor: &Principal) -> Fact {
    let subject = format!("lane:{}/{}", lane.chain, lane.signer);
    Fact::new(kind, 1)
        .subject(&subject, lane.version + 1)
        .actor(actor)
}
