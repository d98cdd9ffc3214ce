//! Accepts submissions under idempotency keys.

use crate::state::State;
use crate::submission::{Enqueue, Submission};
use crate::{Error, Result, Submit, table};
use intent::{Act, Intent};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
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
    let mut results = enqueue_all(submit, principal, vec![new]).await?;
    results.remove(0)
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
    let prepared = new
        .into_iter()
        .map(|command| prepare(submit, principal, command))
        .collect();
    let args: (Submit, Vec<Result<Prepared>>) = (submit.clone(), prepared);
    let accepted = submit
        .write(principal, args, |tx, principal, (submit, prepared)| {
            accept(submit, tx, principal, prepared)
        })
        .await?;
    fail::point("submit.enqueued").await?;
    Ok(accepted.into_iter().map(Answer::into_result).collect())
}

/// Accepts the cancel of a submission, which uses the same replay keys. If a cancel is already in
/// progress, it is replayed.
pub(crate) async fn enqueue_superseding(
    submit: &Submit,
    principal: &Principal,
    new: Enqueue,
    supersedes: SubmissionId,
) -> Result<Outcome> {
    let mut prepared = prepare(submit, principal, new)?;
    prepared.submission.supersedes = Some(supersedes);
    let args = (submit.clone(), [Ok(prepared)]);
    let answer = submit.write(principal, args, move |tx, principal, (submit, prepared)| {
        match table::submission::cancel_in_progress(tx, supersedes)? {
            Some(existing) => Ok(Answer::Accepted(Outcome::Replayed(existing))),
            None => Ok(accept(submit, tx, principal, prepared)?.remove(0)),
        }
    });
    answer.await?.into_result()
}

/// The answer to one command of a batch.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack"
)]
enum Answer {
    Accepted(Outcome),
    Rejected(Error),
}

impl Answer {
    fn into_result(self) -> Result<Outcome> {
        match self {
            Self::Accepted(outcome) => Ok(outcome),
            Self::Rejected(error) => Err(error),
        }
    }
}

/// A submission ready to be stored, and the hash of its command.
struct Prepared {
    submission: Submission,
    hash: Digest,
}

/// Does the checks that need no database, and brings addresses into canonical form.
fn prepare(submit: &Submit, principal: &Principal, mut new: Enqueue) -> Result<Prepared> {
    submit.chain(&new.intent.chain)?;
    new.check()?;
    make_canonical(&mut new.intent)?;
    let (now, hash) = (submit.now(), new.hash());
    let (chain, signer) = (new.intent.chain, new.intent.signer.clone());
    let submission = Submission {
        id: SubmissionId::new(now, submit.db().entropy()),
        namespace: principal.namespace,
        shard: submit.shard_of(&chain, &signer),
        chain,
        signer,
        idempotency_key: new.idempotency_key,
        initiator: principal.clone(),
        intent: new.intent,
        interface: new.interface,
        policies: new.policies,
        context: new.context,
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
    Ok(Prepared { submission, hash })
}

/// Brings the addresses of an intent into canonical form. Without this, two spellings of one signer
/// would have two lanes and compete for the same nonces.
fn make_canonical(intent: &mut Intent) -> Result<()> {
    intent.signer = account(&intent.chain, &intent.signer, "signer")?;
    if let Act::Transaction(transaction) = &mut intent.act {
        let outputs = transaction.outputs.iter_mut();
        for to in outputs.filter_map(|output| output.to.as_mut()) {
            *to = account(&intent.chain, to, "to")?;
        }
    }
    Ok(())
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
) -> Result<Vec<Answer>> {
    let claims = claim_keys(tx, prepared)?;
    let mut admission = Admission {
        submit,
        rooms: BTreeMap::new(),
        admitted: Vec::new(),
        rejected: BTreeMap::new(),
    };
    let mut answers = Vec::with_capacity(prepared.len());
    for (command, claimed) in prepared.iter().zip(claims) {
        answers.push(match (command, claimed) {
            (Err(error), _) => Answer::Rejected(error.clone()),
            (Ok(_), Some(ClaimOutcome::Conflict { resource })) => {
                Answer::Rejected(Error::IdempotencyKeyReused { resource })
            }
            (Ok(_), Some(ClaimOutcome::Replayed { resource })) => {
                admission.replay(tx, &resource)?
            }
            (Ok(new), Some(ClaimOutcome::Fresh) | None) => admission.admit(tx, &new.submission)?,
        });
    }
    let admitted = admission.admitted;
    table::submission::insert(tx, &admitted)?;
    watch(tx, &admitted)?;
    for submission in &admitted {
        tx.append(received_fact(principal, submission));
    }
    Ok(answers)
}

/// The admitted and rejected submissions of one transaction.
struct Admission<'s> {
    submit: &'s Submit,
    /// By lane.
    rooms: BTreeMap<(ChainId, String), Room>,
    admitted: Vec<Submission>,
    /// By submission id.
    rejected: BTreeMap<String, Error>,
}

/// How many more submissions a lane may have.
enum Room {
    UnknownSigner,
    Free(u64),
}

impl Admission<'_> {
    /// Admits a submission if its signer is a key of the namespace and its lane has capacity. A
    /// rejection releases the idempotency key.
    fn admit(&mut self, tx: &mut Tx<'_, '_>, submission: &Submission) -> Result<Answer> {
        let Some(error) = self.take_room(tx, submission)? else {
            self.admitted.push(submission.clone());
            return Ok(Answer::Accepted(Outcome::Created(submission.clone())));
        };
        if let Some(key) = &submission.idempotency_key {
            idempotency::release(tx, Submission::VERB, key)?;
        }
        let id = submission.id.to_string();
        self.rejected.insert(id, error.clone());
        Ok(Answer::Rejected(error))
    }

    /// Takes a place in the lane of a submission. Returns the reason if there is none.
    fn take_room(&mut self, tx: &mut Tx<'_, '_>, submission: &Submission) -> Result<Option<Error>> {
        let limit = self.submit.settings().waiting_per_lane;
        let (chain, signer) = (submission.chain, &submission.signer);
        let room = match self.rooms.entry((chain, signer.clone())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(room(tx, &chain, signer, limit)?),
        };
        let signer = || signer.clone();
        Ok(match room {
            Room::UnknownSigner => Some(Error::UnknownSigner {
                chain,
                signer: signer(),
            }),
            // A cancel uses replay keys that are already held: a full lane must accept it.
            Room::Free(_) if submission.supersedes.is_some() => None,
            Room::Free(0) => Some(Error::LaneFull {
                chain,
                signer: signer(),
                limit,
            }),
            Room::Free(count) => {
                *count -= 1;
                None
            }
        })
    }

    /// The answer to the command that used the idempotency key first, which may be an earlier one
    /// of this batch.
    fn replay(&self, tx: &mut Tx<'_, '_>, resource: &str) -> Result<Answer> {
        if let Some(error) = self.rejected.get(resource) {
            return Ok(Answer::Rejected(error.clone()));
        }
        let id: SubmissionId = resource.parse().map_err(|_| corrupt())?;
        let existing = match self.admitted.iter().find(|admitted| admitted.id == id) {
            Some(admitted) => Some(admitted.clone()),
            None => table::submission::get(tx, id)?,
        };
        let existing = existing.ok_or_else(corrupt)?;
        Ok(Answer::Accepted(Outcome::Replayed(existing)))
    }
}

fn room(tx: &mut Tx<'_, '_>, chain: &ChainId, signer: &str, limit: u32) -> Result<Room> {
    if keys::find(tx, chain, signer)?.is_none() {
        return Ok(Room::UnknownSigner);
    }
    let waiting = table::submission::count_waiting(tx, chain, signer)?;
    Ok(Room::Free(u64::from(limit).saturating_sub(waiting)))
}

/// Claims the idempotency keys. One entry per command; none for commands without a key or with an
/// error.
fn claim_keys(
    tx: &mut Tx<'_, '_>,
    prepared: &[Result<Prepared>],
) -> Result<Vec<Option<ClaimOutcome>>> {
    let (mut indexes, mut claims) = (Vec::new(), Vec::new());
    for (index, command) in prepared.iter().enumerate() {
        let Ok(Prepared { submission, hash }) = command else {
            continue;
        };
        if let Some(key) = submission.idempotency_key.as_deref() {
            indexes.push(index);
            claims.push(Claim {
                key,
                command_hash: Some(*hash),
                resource: submission.id.to_string(),
            });
        }
    }
    let results = idempotency::claim(tx, Submission::VERB, &claims)?;
    let mut claimed = vec![None; prepared.len()];
    for (index, result) in indexes.into_iter().zip(results) {
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
fn watch(tx: &mut Tx<'_, '_>, admitted: &[Submission]) -> Result<()> {
    let mut signers: BTreeMap<ChainId, BTreeSet<&String>> = BTreeMap::new();
    for submission in admitted {
        let of_chain = signers.entry(submission.chain).or_default();
        of_chain.insert(&submission.signer);
    }
    for (chain, signers) in signers {
        let signers: Vec<String> = signers.into_iter().cloned().collect();
        index::watch_signers(tx, &chain, &signers)?;
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
