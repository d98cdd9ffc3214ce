//! Accepts submissions under idempotency keys.

use crate::state::State;
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, table};
use intent::{Act, Intent};
use std::collections::BTreeMap;
use store::idempotency::{self, Claim, ClaimOutcome};
use store::{Fact, Tx};
use types::{ChainId, Digest, Principal, SubmissionId};

/// The largest number of submissions accepted in one call.
pub const MAX_BATCH: usize = 1_000;

/// The result of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Created(Submission),
    /// The idempotency key had already created this submission; in its current state.
    Replayed(Submission),
}

impl Outcome {
    /// The created or replayed submission.
    pub fn submission(&self) -> &Submission {
        match self {
            Outcome::Created(submission) | Outcome::Replayed(submission) => submission,
        }
    }
}

/// Accepts one submission. See [`enqueue_all`].
pub async fn enqueue(submit: &Submit, principal: &Principal, new: Enqueue) -> Result<Outcome> {
    enqueue_all(submit, principal, vec![new]).await?.remove(0)
}

/// Accepts up to [`MAX_BATCH`] submissions. Each is created in state `received`, or replayed: the
/// submission that its idempotency key created earlier is returned, even if its signer or lane
/// would be rejected now.
///
/// Nothing is sent to a chain here; the worker processes `received` submissions. Errors per
/// submission: `submit.unknown_chain`, `submit.unknown_signer`, `submit.lane_full`,
/// `submit.idempotency_key_reused`, `submit.invalid_field`, and those of addresses. Errors of the
/// whole call: `submit.invalid_field` for too many submissions, and those of the database.
pub async fn enqueue_all(
    submit: &Submit,
    principal: &Principal,
    new: Vec<Enqueue>,
) -> Result<Vec<Result<Outcome>>> {
    if new.len() > MAX_BATCH {
        return Err(Error::InvalidField {
            field: "submissions",
            reason: format!("has more than {MAX_BATCH} entries"),
        });
    }
    let prepared: Vec<Result<Prepared>> = new
        .iter()
        .map(|command| prepare(submit, principal, command))
        .collect();
    let (this, principal) = (submit.clone(), principal.clone());
    let outcomes = submit
        .0
        .db
        .on(&submit.0.lease)
        .write(&principal.namespace.clone(), move |tx| {
            accept(&this, tx, &principal, &prepared)
        })
        .await?;
    fail::point("submit.enqueued").await?;
    Ok(outcomes)
}

/// Accepts the cancel of a submission, which uses the same replay keys. If a cancel is already in
/// progress, it is replayed.
pub(crate) async fn enqueue_superseding(
    submit: &Submit,
    principal: &Principal,
    new: Enqueue,
    supersedes: SubmissionId,
) -> Result<Outcome> {
    let (mut cancel, hash) = prepare(submit, principal, &new)?;
    cancel.supersedes = Some(supersedes);
    let (this, principal) = (submit.clone(), principal.clone());
    submit
        .0
        .db
        .on(&submit.0.lease)
        .write(
            &principal.namespace.clone(),
            move |tx| match table::cancel_in_progress(tx, supersedes)? {
                Some(existing) => Ok(Ok(Outcome::Replayed(existing))),
                None => Ok::<_, Error>(
                    accept(&this, tx, &principal, &[Ok((cancel.clone(), hash))])?.remove(0),
                ),
            },
        )
        .await?
}

/// A submission ready to be stored, and the hash of its command.
type Prepared = (Submission, Digest);

/// Does the checks that need no database, and brings addresses into canonical form.
fn prepare(submit: &Submit, principal: &Principal, new: &Enqueue) -> Result<Prepared> {
    submit.chain(&new.intent.chain)?;
    new.check()?;
    let now = submit.0.db.clock().now();
    let new = &Enqueue {
        intent: canonical(&new.intent)?,
        ..new.clone()
    };
    let submission = Submission {
        id: SubmissionId::new(now, submit.0.db.entropy()),
        namespace: principal.namespace,
        chain: new.intent.chain,
        signer: new.intent.signer.clone(),
        idempotency_key: new.idempotency_key.clone(),
        initiator: principal.clone(),
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
        lane_index: None,
        supersedes: None,
        transaction: None,
        block_hash: None,
        block_height: None,
        outcome: None,
        fee: None,
        created_contract: None,
        attempts: 0,
        next_at: now,
        received_seq: submit.next_received_seq(now),
        created: now,
        updated: now,
        version: 1,
    };
    Ok((submission, new.hash()))
}

/// The intent with its addresses in canonical form. Without this, two spellings of one signer would
/// have two lanes and compete for the same nonces.
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
    let recipient = intent::parse_recipient(chain, text)?;
    match recipient.memo {
        None => Ok(recipient.account),
        Some(_) => Err(Error::InvalidField {
            field,
            reason: "carries a memo; put the memo into the data".to_owned(),
        }),
    }
}

/// Claims the idempotency keys, replays or admits each command, and stores all admitted submissions
/// at once.
fn accept(
    submit: &Submit,
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    prepared: &[Result<Prepared>],
) -> Result<Vec<Result<Outcome>>> {
    let claims = claim_keys(tx, prepared)?;
    let mut admission = Admission {
        submit,
        capacities: BTreeMap::new(),
        admitted: Vec::new(),
        rejected: BTreeMap::new(),
    };
    let mut outcomes = Vec::with_capacity(prepared.len());
    for (command, claimed) in prepared.iter().zip(claims) {
        outcomes.push(match (command, claimed) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Some(ClaimOutcome::Conflict { resource })) => {
                Err(Error::IdempotencyKeyReused { resource })
            }
            (Ok(_), Some(ClaimOutcome::Replayed { resource })) => {
                admission.replay(tx, &resource)?
            }
            (Ok((submission, _)), Some(ClaimOutcome::Fresh) | None) => {
                admission.admit(tx, submission)?
            }
        });
    }
    let admitted = admission.admitted;
    table::insert(tx, &admitted)?;
    watch(tx, &admitted)?;
    for (submission, _) in &admitted {
        tx.append(received_fact(principal, submission));
    }
    Ok(outcomes)
}

/// The admitted and rejected submissions of one transaction.
struct Admission<'s> {
    submit: &'s Submit,
    /// Remaining capacity by lane, or why its signer is rejected.
    capacities: BTreeMap<(ChainId, String), Result<u32>>,
    /// With their shards.
    admitted: Vec<(Submission, i64)>,
    /// By submission id.
    rejected: BTreeMap<String, Error>,
}

impl Admission<'_> {
    /// Admits a submission if its signer is a key of the namespace and its lane has capacity. A
    /// rejection releases the idempotency key.
    fn admit(&mut self, tx: &mut Tx<'_, '_>, submission: &Submission) -> Result<Result<Outcome>> {
        match self.reserve_capacity(tx, submission)? {
            Ok(()) => {
                let shard = self.submit.shard_of(&submission.chain, &submission.signer);
                self.admitted.push((submission.clone(), shard));
                Ok(Ok(Outcome::Created(submission.clone())))
            }
            Err(error) => {
                if let Some(key) = &submission.idempotency_key {
                    idempotency::release(tx, Submission::VERB, key)?;
                }
                self.rejected
                    .insert(submission.id.to_string(), error.clone());
                Ok(Err(error))
            }
        }
    }

    fn reserve_capacity(
        &mut self,
        tx: &mut Tx<'_, '_>,
        submission: &Submission,
    ) -> Result<Result<()>> {
        let lane = (submission.chain, submission.signer.clone());
        if !self.capacities.contains_key(&lane) {
            let capacity = lane_capacity(self.submit, tx, submission)?;
            self.capacities.insert(lane.clone(), capacity);
        }
        Ok(match self.capacities.get_mut(&lane) {
            // A cancel uses replay keys that are already held: a full lane must accept it.
            Some(Ok(_)) if submission.supersedes.is_some() => Ok(()),
            Some(Ok(0)) | None => Err(lane_full(self.submit, submission)),
            Some(Ok(capacity)) => {
                *capacity -= 1;
                Ok(())
            }
            Some(Err(error)) => Err(error.clone()),
        })
    }

    /// The result of the command that used the idempotency key first, which may be an earlier one
    /// of this batch.
    fn replay(&self, tx: &mut Tx<'_, '_>, resource: &str) -> Result<Result<Outcome>> {
        if let Some((submission, _)) = self
            .admitted
            .iter()
            .find(|(submission, _)| submission.id.to_string() == resource)
        {
            return Ok(Ok(Outcome::Replayed(submission.clone())));
        }
        if let Some(error) = self.rejected.get(resource) {
            return Ok(Err(error.clone()));
        }
        let id: SubmissionId = resource.parse().map_err(|_| corrupt())?;
        Ok(table::get(tx, id)?
            .map(Outcome::Replayed)
            .ok_or_else(|| corrupt().into()))
    }
}

fn lane_full(submit: &Submit, submission: &Submission) -> Error {
    let (chain, signer) = (submission.chain, submission.signer.clone());
    Error::LaneFull {
        chain,
        signer,
        limit: submit.0.settings.waiting_per_lane,
    }
}

fn lane_capacity(
    submit: &Submit,
    tx: &mut Tx<'_, '_>,
    submission: &Submission,
) -> Result<Result<u32>> {
    if keys::find(tx, &submission.chain, &submission.signer)?.is_none() {
        return Ok(Err(Error::UnknownSigner {
            chain: submission.chain,
            signer: submission.signer.clone(),
        }));
    }
    let waiting = table::count_waiting(tx, &submission.chain, &submission.signer)?;
    Ok(Ok(submit.0.settings.waiting_per_lane.saturating_sub(
        u32::try_from(waiting).unwrap_or(u32::MAX),
    )))
}

/// Claims the idempotency keys. One entry per command; none for commands without a key or with an
/// error.
fn claim_keys(
    tx: &mut Tx<'_, '_>,
    prepared: &[Result<Prepared>],
) -> Result<Vec<Option<ClaimOutcome>>> {
    let keyed: Vec<(usize, Claim<'_>)> = prepared
        .iter()
        .enumerate()
        .filter_map(|(index, command)| {
            let (submission, hash) = command.as_ref().ok()?;
            let key = submission.idempotency_key.as_deref()?;
            Some((
                index,
                Claim {
                    key,
                    command_hash: Some(*hash),
                    resource: submission.id.to_string(),
                },
            ))
        })
        .collect();
    let claims: Vec<Claim<'_>> = keyed.iter().map(|(_, claim)| claim.clone()).collect();
    let results = idempotency::claim(tx, Submission::VERB, &claims)?;
    let mut claimed = vec![None; prepared.len()];
    for ((index, _), result) in keyed.into_iter().zip(results) {
        claimed[index] = Some(result);
    }
    Ok(claimed)
}

fn corrupt() -> store::Error {
    store::Error::UnexpectedValue {
        column: "resource",
        found: "another resource",
        expected: "a submission",
    }
}

/// Watches the signers. In this transaction, because a transaction sent before its signer is
/// watched could be mined unseen.
fn watch(tx: &mut Tx<'_, '_>, admitted: &[(Submission, i64)]) -> Result<()> {
    let mut signers: BTreeMap<&ChainId, std::collections::BTreeSet<String>> = BTreeMap::new();
    for (submission, _) in admitted {
        signers
            .entry(&submission.chain)
            .or_default()
            .insert(submission.signer.clone());
    }
    for (chain, signers) in signers {
        index::watch_signers(tx, chain, &signers.into_iter().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn received_fact(actor: &Principal, submission: &Submission) -> Fact {
    let payload = serde_json::json!({
        "chain": submission.chain,
        "signer": submission.signer,
        "intent": submission.intent,
        "context": submission.context,
    });
    Fact::new("submission.received", 1)
        .subject(&submission.id, submission.version)
        .actor(actor)
        .correlation(&submission.id)
        .payload(&payload)
}
