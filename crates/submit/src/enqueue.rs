//! Accepting submissions.

use crate::state::State;
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, table};
use intent::{Act, Intent};
use std::collections::BTreeMap;
use store::idempotency::{self, Claim, Claimed};
use store::{Fact, Tx};
use types::{ChainId, Digest, Principal, SubmissionId};

/// The most submissions that are accepted at a time.
pub const MAX_BATCH: usize = 1_000;

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

/// Accept submissions, at most [`MAX_BATCH`]. Each becomes `received`, or is answered by the
/// submission that its idempotency key made before, whatever became of its signer and lane since.
///
/// Nothing is sent to a chain here: the worker moves `received` on. Errors of one:
/// `submit.unknown_chain`, `submit.unknown_signer`, `submit.lane_full`, `submit.key_reused`,
/// `submit.invalid`, those of addresses; of all: `submit.invalid`, the database's.
pub async fn enqueue_all(
    submit: &Submit,
    who: &Principal,
    new: Vec<Enqueue>,
) -> Result<Vec<Result<Outcome>>> {
    if new.len() > MAX_BATCH {
        return Err(Error::Invalid {
            field: "submissions",
            why: format!("come {MAX_BATCH} at a time at most"),
        });
    }
    let prepared: Vec<Result<Prepared>> = new.iter().map(|one| prepare(submit, who, one)).collect();
    let (this, who) = (submit.clone(), who.clone());
    let outcomes = submit
        .0
        .db
        .on(&submit.0.lease)
        .write(&who.namespace.clone(), move |tx| {
            accept(&this, tx, &who, &prepared)
        })
        .await?;
    fail::point("submit.enqueued").await?;
    Ok(outcomes)
}

/// Accept the cancel of a submission: it takes over its witness. One that is under way already is
/// the answer.
pub(crate) async fn enqueue_superseding(
    submit: &Submit,
    who: &Principal,
    new: Enqueue,
    supersedes: SubmissionId,
) -> Result<Outcome> {
    let (mut cancel, hash) = prepare(submit, who, &new)?;
    cancel.supersedes = Some(supersedes);
    let (this, who) = (submit.clone(), who.clone());
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write(
            &who.namespace.clone(),
            move |tx| match table::cancel_under_way(tx, supersedes)? {
                Some(there) => Ok(Ok(Outcome::Replayed(there))),
                None => Ok::<_, Error>(
                    accept(&this, tx, &who, &[Ok((cancel.clone(), hash))])?.remove(0),
                ),
            },
        )
        .await?
}

/// A submission that could be stored, and the hash of its command.
type Prepared = (Submission, Digest);

/// Check what can be checked without the database, and bring addresses into their canonical form.
fn prepare(submit: &Submit, who: &Principal, new: &Enqueue) -> Result<Prepared> {
    submit.chain(&new.intent.chain)?;
    new.check()?;
    let now = submit.0.db.clock().now();
    let new = &Enqueue {
        intent: canonical(&new.intent)?,
        ..new.clone()
    };
    let one = Submission {
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
    };
    Ok((one, new.hash()))
}

/// The intent with its accounts as the chain's own bytes will name them: one signer has one lane,
/// however he is written.
fn canonical(intent: &Intent) -> Result<Intent> {
    let mut intent = intent.clone();
    intent.signer = account(&intent.chain, &intent.signer, "signer")?;
    if let Act::Transaction(transaction) = &mut intent.act {
        for to in transaction
            .outputs
            .iter_mut()
            .filter_map(|output| output.to.as_mut())
        {
            *to = account(&intent.chain, to, "to")?;
        }
    }
    Ok(intent)
}

fn account(chain: &ChainId, text: &str, field: &'static str) -> Result<String> {
    let found = intent::parse_recipient(chain, text)?;
    match found.memo {
        None => Ok(found.account),
        Some(_) => Err(Error::Invalid {
            field,
            why: "carries a memo, which belongs into the data".to_owned(),
        }),
    }
}

/// In the transaction: whose key is free, who is replayed, who may sign; then all that is fresh at
/// once.
fn accept(
    submit: &Submit,
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    prepared: &[Result<Prepared>],
) -> Result<Vec<Result<Outcome>>> {
    let claims = claim_keys(tx, prepared)?;
    let mut desk = Desk {
        submit,
        rooms: BTreeMap::new(),
        fresh: Vec::new(),
        refused: BTreeMap::new(),
    };
    let mut outcomes = Vec::with_capacity(prepared.len());
    for (one, claimed) in prepared.iter().zip(claims) {
        outcomes.push(match (one, claimed) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Some(Claimed::Conflict { resource })) => Err(Error::KeyReused { resource }),
            (Ok(_), Some(Claimed::Replayed { resource })) => desk.replay(tx, &resource)?,
            (Ok((one, _)), Some(Claimed::Fresh) | None) => desk.admit(tx, one)?,
        });
    }
    let fresh = desk.fresh;
    table::insert(tx, &fresh)?;
    watch(tx, &fresh)?;
    for (one, _) in &fresh {
        tx.append(received(who, one));
    }
    Ok(outcomes)
}

/// What one transaction accepts and refuses.
struct Desk<'s> {
    submit: &'s Submit,
    rooms: BTreeMap<(ChainId, String), Result<u32>>,
    fresh: Vec<(Submission, i64)>,
    refused: BTreeMap<String, Error>,
}

impl Desk<'_> {
    /// The signer must be a key of the namespace, and its lane must have room. A refusal burns no
    /// key.
    fn admit(&mut self, tx: &mut Tx<'_, '_>, one: &Submission) -> Result<Result<Outcome>> {
        match self.take_room(tx, one)? {
            Ok(()) => {
                self.fresh
                    .push((one.clone(), self.submit.shard_of(&one.chain, &one.signer)));
                Ok(Ok(Outcome::Created(one.clone())))
            }
            Err(error) => {
                if let Some(key) = &one.idempotency_key {
                    idempotency::free(tx, Submission::VERB, key)?;
                }
                self.refused.insert(one.id.to_string(), error.clone());
                Ok(Err(error))
            }
        }
    }

    fn take_room(&mut self, tx: &mut Tx<'_, '_>, one: &Submission) -> Result<Result<()>> {
        let lane = (one.chain.clone(), one.signer.clone());
        if !self.rooms.contains_key(&lane) {
            let room = room(self.submit, tx, one)?;
            self.rooms.insert(lane.clone(), room);
        }
        Ok(match self.rooms.get_mut(&lane) {
            // A cancel empties a lane: it needs no room in it.
            Some(Ok(_)) if one.supersedes.is_some() => Ok(()),
            Some(Ok(0)) | None => Err(lane_full(self.submit, one)),
            Some(Ok(room)) => {
                *room -= 1;
                Ok(())
            }
            Some(Err(error)) => Err(error.clone()),
        })
    }

    /// What a key made before: perhaps for an earlier command of this very slice.
    fn replay(&self, tx: &mut Tx<'_, '_>, resource: &str) -> Result<Result<Outcome>> {
        if let Some((one, _)) = self
            .fresh
            .iter()
            .find(|(one, _)| one.id.to_string() == resource)
        {
            return Ok(Ok(Outcome::Replayed(one.clone())));
        }
        if let Some(error) = self.refused.get(resource) {
            return Ok(Err(error.clone()));
        }
        let id: SubmissionId = resource.parse().map_err(|_| corrupt())?;
        Ok(table::get(tx, id)?
            .map(Outcome::Replayed)
            .ok_or_else(|| corrupt().into()))
    }
}

fn lane_full(submit: &Submit, one: &Submission) -> Error {
    let (chain, signer) = (one.chain.clone(), one.signer.clone());
    Error::LaneFull {
        chain,
        signer,
        limit: submit.0.settings.lane_limit,
    }
}

fn room(submit: &Submit, tx: &mut Tx<'_, '_>, one: &Submission) -> Result<Result<u32>> {
    if keys::find(tx, &one.chain, &one.signer)?.is_none() {
        return Ok(Err(Error::UnknownSigner {
            chain: one.chain.clone(),
            signer: one.signer.clone(),
        }));
    }
    let waiting = table::count_own_waiting(tx, &one.chain, &one.signer)?;
    Ok(Ok(submit.0.settings.lane_limit.saturating_sub(
        u32::try_from(waiting).unwrap_or(u32::MAX),
    )))
}

/// What each key says; none for commands without a key, or that are refused already.
fn claim_keys(tx: &mut Tx<'_, '_>, prepared: &[Result<Prepared>]) -> Result<Vec<Option<Claimed>>> {
    let keyed: Vec<(usize, Claim<'_>)> = prepared
        .iter()
        .enumerate()
        .filter_map(|(place, one)| {
            let (one, hash) = one.as_ref().ok()?;
            let key = one.idempotency_key.as_deref()?;
            Some((
                place,
                Claim {
                    key,
                    command: Some(*hash),
                    resource: one.id.to_string(),
                },
            ))
        })
        .collect();
    let claims: Vec<Claim<'_>> = keyed.iter().map(|(_, claim)| claim.clone()).collect();
    let answers = idempotency::claim(tx, Submission::VERB, &claims)?;
    let mut all = vec![None; prepared.len()];
    for ((place, _), answer) in keyed.into_iter().zip(answers) {
        all[place] = Some(answer);
    }
    Ok(all)
}

fn corrupt() -> store::Error {
    store::Error::Column {
        column: 0,
        found: "another resource",
        expected: "a submission",
    }
}

/// The signers are watched before anything of theirs can be sent.
fn watch(tx: &mut Tx<'_, '_>, fresh: &[(Submission, i64)]) -> Result<()> {
    let mut signers: BTreeMap<&ChainId, std::collections::BTreeSet<String>> = BTreeMap::new();
    for (one, _) in fresh {
        signers
            .entry(&one.chain)
            .or_default()
            .insert(one.signer.clone());
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
