//! Accepting submissions.

use crate::state::State;
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, table};
use std::collections::BTreeMap;
use store::idempotency::{self, Claim, Claimed};
use store::{Fact, Tx};
use types::{ChainId, Principal, SubmissionId};

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It made this submission.
    Created(Submission),
    /// Its key had made this one before: as it stands now.
    Replayed(Submission),
}

impl Outcome {
    /// The submission.
    pub fn submission(&self) -> &Submission {
        match self {
            Outcome::Created(submission) | Outcome::Replayed(submission) => submission,
        }
    }
}

/// Accept one submission. See [`enqueue_all`].
pub async fn enqueue(submit: &Submit, who: &Principal, new: Enqueue) -> Result<Outcome> {
    enqueue_all(submit, who, vec![new]).await?.remove(0)
}

/// Accept submissions. Each becomes `received`, or is answered by the submission that its idempotency key made before.
///
/// Nothing is sent to a chain here: the worker moves `received` on. Errors of one: `submit.unknown_chain`, `submit.unknown_signer`,
/// `submit.lane_full`, `submit.key_reused`; of all: the database's.
pub async fn enqueue_all(submit: &Submit, who: &Principal, new: Vec<Enqueue>) -> Result<Vec<Result<Outcome>>> {
    let prepared: Vec<Result<Submission>> = new.iter().map(|one| prepare(submit, who, one)).collect();
    let hashes: Vec<_> = new.iter().map(Enqueue::hash).collect();
    let (this, who) = (submit.clone(), who.clone());
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write(&who.namespace.clone(), move |tx| accept(&this, tx, &who, &prepared, &hashes))
        .await
}

/// Accept the cancel of a submission: it takes over its witness.
pub(crate) async fn enqueue_superseding(
    submit: &Submit,
    who: &Principal,
    new: Enqueue,
    supersedes: SubmissionId,
) -> Result<Outcome> {
    let hash = new.hash();
    let prepared = vec![prepare(submit, who, &new).map(|one| Submission { supersedes: Some(supersedes), ..one })];
    let (this, who) = (submit.clone(), who.clone());
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write(&who.namespace.clone(), move |tx| accept(&this, tx, &who, &prepared, &[hash]))
        .await?
        .remove(0)
}

/// Check what can be checked without the database, and bring addresses into their canonical form.
fn prepare(submit: &Submit, who: &Principal, new: &Enqueue) -> Result<Submission> {
    submit.chain(&new.intent.chain)?;
    let now = submit.0.db.clock().now();
    Ok(Submission {
        id: SubmissionId::new(now, submit.0.db.entropy()),
        namespace: who.namespace.clone(),
        chain: new.intent.chain.clone(),
        signer: new.intent.signer.clone(),
        idempotency_key: new.key.clone(),
        initiator: who.clone(),
        intent: new.intent.clone(),
        interface: new.interface.clone(),
        policies: new.policies.clone(),
        context: new.context.clone(),
        state: State::Received,
        paused_from: None,
        reason: None,
        quote: None,
        decision: None,
        permit: None,
        place: None,
        supersedes: None,
        transaction: None,
        block_hash: None,
        block_height: None,
        outcome: None,
        fee: None,
        created_contract: None,
        attempts: 0,
        next_at: now,
        arrival: submit.arrival(now),
        created: now,
        updated: now,
        version: 1,
    })
}

/// In the transaction: who may sign, whose key is free, who is replayed; then all that is fresh at once.
fn accept(
    submit: &Submit,
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    prepared: &[Result<Submission>],
    hashes: &[types::Digest],
) -> Result<Vec<Result<Outcome>>> {
    let checked = check_lanes(submit, tx, prepared)?;
    let claims = claim_keys(tx, &checked, hashes)?;
    let mut outcomes = Vec::with_capacity(checked.len());
    let mut fresh = Vec::new();
    for (one, claimed) in checked.into_iter().zip(claims) {
        outcomes.push(match (one, claimed) {
            (Err(error), _) => Err(error),
            (Ok(_), Some(Claimed::Conflict { resource })) => Err(Error::KeyReused { resource }),
            (Ok(_), Some(Claimed::Replayed { resource })) => replayed(tx, &fresh, &resource),
            (Ok(one), Some(Claimed::Fresh) | None) => {
                fresh.push((one.clone(), submit.shard_of(&one.chain, &one.signer)));
                Ok(Outcome::Created(one))
            }
        });
    }
    table::insert(tx, &fresh)?;
    watch(tx, &fresh)?;
    for (one, _) in &fresh {
        tx.append(received(who, one));
    }
    Ok(outcomes)
}

type Checked = Vec<Result<Submission>>;

/// Each signer must be a key of the namespace, and its lane must have room.
fn check_lanes(submit: &Submit, tx: &mut Tx<'_, '_>, prepared: &[Result<Submission>]) -> Result<Checked> {
    let mut lanes: BTreeMap<(ChainId, String), Result<u32>> = BTreeMap::new();
    let mut checked = Vec::with_capacity(prepared.len());
    for one in prepared {
        let one = match one {
            Ok(one) => one,
            Err(error) => {
                checked.push(Err(error.clone()));
                continue;
            }
        };
        let lane = (one.chain.clone(), one.signer.clone());
        if !lanes.contains_key(&lane) {
            let room = room(submit, tx, one)?;
            lanes.insert(lane.clone(), room);
        }
        checked.push(match lanes.get_mut(&lane) {
            Some(Ok(0)) | None => Err(lane_full(submit, one)),
            Some(Ok(room)) => {
                *room -= 1;
                Ok(one.clone())
            }
            Some(Err(error)) => Err(error.clone()),
        });
    }
    Ok(checked)
}

fn lane_full(submit: &Submit, one: &Submission) -> Error {
    let (chain, signer) = (one.chain.clone(), one.signer.clone());
    Error::LaneFull { chain, signer, limit: submit.0.settings.lane_limit }
}

fn room(submit: &Submit, tx: &mut Tx<'_, '_>, one: &Submission) -> Result<Result<u32>> {
    if keys::find(tx, &one.chain, &one.signer)?.is_none() {
        return Ok(Err(Error::UnknownSigner { chain: one.chain.clone(), signer: one.signer.clone() }));
    }
    let waiting = table::count_own_waiting(tx, &one.chain, &one.signer)?;
    Ok(Ok(submit.0.settings.lane_limit.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX))))
}

/// What each key says; none for commands without a key, or that are refused already.
fn claim_keys(tx: &mut Tx<'_, '_>, checked: &Checked, hashes: &[types::Digest]) -> Result<Vec<Option<Claimed>>> {
    let keyed: Vec<(usize, Claim<'_>)> = checked
        .iter()
        .enumerate()
        .filter_map(|(place, one)| {
            let one = one.as_ref().ok()?;
            let key = one.idempotency_key.as_deref()?;
            Some((place, Claim { key, command: Some(hashes[place]), resource: one.id.to_string() }))
        })
        .collect();
    let claims: Vec<Claim<'_>> = keyed.iter().map(|(_, claim)| claim.clone()).collect();
    let answers = idempotency::claim(tx, Submission::VERB, &claims)?;
    let mut all = vec![None; checked.len()];
    for ((place, _), answer) in keyed.into_iter().zip(answers) {
        all[place] = Some(answer);
    }
    Ok(all)
}

fn replayed(tx: &mut Tx<'_, '_>, fresh: &[(Submission, i64)], resource: &str) -> Result<Outcome> {
    let made_now = fresh.iter().find(|(one, _)| one.id.to_string() == resource);
    if let Some((one, _)) = made_now {
        return Ok(Outcome::Replayed(one.clone()));
    }
    let id: SubmissionId = resource.parse().map_err(|_| corrupt())?;
    table::get(tx, id)?.map(Outcome::Replayed).ok_or_else(|| corrupt().into())
}

fn corrupt() -> store::Error {
    store::Error::Column { column: 0, found: "another resource", expected: "a submission" }
}

/// The signers are watched before anything of theirs can be sent.
fn watch(tx: &mut Tx<'_, '_>, fresh: &[(Submission, i64)]) -> Result<()> {
    let mut signers: BTreeMap<&ChainId, std::collections::BTreeSet<String>> = BTreeMap::new();
    for (one, _) in fresh {
        signers.entry(&one.chain).or_default().insert(one.signer.clone());
    }
    for (chain, signers) in signers {
        index::watch_signers(tx, chain, &signers.into_iter().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn received(who: &Principal, one: &Submission) -> Fact {
    Fact::new("submission.received", 1).about(&one.id, one.version).by(who).part_of(&one.id).says(
        &serde_json::json!({ "chain": one.chain, "signer": one.signer, "intent": one.intent, "context": one.context }),
    )
}
