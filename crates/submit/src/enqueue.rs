//! Accepts submissions under idempotency keys.

use crate::state::State;
use crate::submission::{Context, Enqueue, Submission};
use crate::{Error, Result, Submit, table};
use contracts::Interface;
use intent::{Act, Intent};
use store::idempotency::{self, Claim, ClaimOutcome};
use store::{Fact, Tx};
use types::{ChainId, Digest, Json, Principal, SubmissionId};

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

/// Accepts a submission. It is created in state `received`, or replayed: the submission that its
/// idempotency key created earlier is returned, even if its signer or lane would be rejected now.
///
/// Nothing is sent to a chain here; the worker processes `received` submissions. Errors:
/// `submit.unknown_chain`, `submit.unknown_signer`, `submit.lane_full`,
/// `submit.idempotency_key_reused`, `submit.invalid_field`, `contracts.invalid_field` and
/// `contracts.limit_exceeded` of the interface, and those of addresses.
pub async fn enqueue(submit: &Submit, principal: &Principal, new: Enqueue) -> Result<Outcome> {
    let prepared = prepare(submit, principal, new)?;
    let outcome = submit.on().write_as(principal, prepared, accept).await?;
    fail::point("submit.enqueued").await?;
    Ok(outcome)
}

/// Prepares the cancel of a submission: a submission of its own on the same replay keys.
pub(crate) fn prepare_cancel(
    submit: &Submit,
    principal: &Principal,
    target: &Submission,
) -> Result<Prepared> {
    let new = Enqueue {
        idempotency_key: None, // a cancel in progress is found by its target
        intent: Intent::cancel(target.chain, target.signer.clone()),
        interface: None,
        policies: Vec::new(),
        context: Context::default(),
    };
    let mut prepared = prepare(submit, principal, new)?;
    prepared.submission.supersedes = Some(target.id);
    Ok(prepared)
}

/// Accepts a prepared cancel. One that is already in progress is replayed.
pub(crate) fn accept_cancel(
    tx: &mut Tx,
    principal: &Principal,
    prepared: &Prepared,
) -> Result<Outcome> {
    let target = prepared.submission.supersedes;
    let in_progress = match target {
        Some(target) => table::submission::cancel_in_progress(tx, target)?,
        None => None,
    };
    match in_progress {
        Some(existing) => Ok(Outcome::Replayed(existing)),
        None => accept(tx, principal, prepared),
    }
}

/// A submission ready to be stored.
pub(crate) struct Prepared {
    submission: Submission,
    /// The hash of its command.
    hash: Digest,
    /// How many submissions its lane may have waiting.
    waiting_limit: u32,
    /// The interface that the caller gave, and the limits of interfaces.
    interface: Option<Interface>,
    interface_limits: contracts::Settings,
}

/// Does the checks that need no database, and brings addresses into canonical form.
fn prepare(submit: &Submit, principal: &Principal, mut new: Enqueue) -> Result<Prepared> {
    submit.chain(&new.intent.chain)?;
    new.check()?;
    make_canonical(&mut new.intent)?;
    let (now, hash) = (submit.now(), new.hash());
    let (chain, signer) = (new.intent.chain, new.intent.signer.clone());
    let interface_limits = *submit.contracts().settings();
    let parse = |text: &String| parse_interface(&interface_limits, &chain, text);
    let interface = new.interface.as_ref().map(parse).transpose()?;
    let submission = Submission {
        id: SubmissionId::new(now, submit.db().entropy()),
        namespace: principal.namespace,
        shard: submit.shard_of(&chain, &signer),
        chain,
        signer,
        idempotency_key: new.idempotency_key,
        initiator: principal.clone(),
        initiator_key: principal.key,
        intent: new.intent,
        interface: interface.as_ref().map(Interface::hash),
        policies: new.policies,
        context: new.context,
        state: State::Received,
        paused_from: None,
        reason: None,
        quote: None,
        decision: None,
        permit: None,
        standing: None,
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
    Ok(Prepared {
        submission,
        hash,
        waiting_limit: submit.settings().waiting_per_lane,
        interface,
        interface_limits,
    })
}

fn parse_interface(limits: &contracts::Settings, chain: &ChainId, text: &str) -> Result<Interface> {
    let json = Json::parse(text).ok_or_else(|| Error::InvalidField {
        field: "abi",
        reason: "is no JSON".to_owned(),
    })?;
    Ok(Interface::parse(limits, chain, json)?)
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

/// The canonical form of an account, which must have no memo.
pub(crate) fn account(chain: &ChainId, text: &str, field: &'static str) -> Result<String> {
    let recipient = intent::parse_recipient(chain, text)?;
    match recipient.memo {
        None => Ok(recipient.account),
        Some(_) => Err(Error::InvalidField {
            field,
            reason: "carries a memo; put the memo into the data".to_owned(),
        }),
    }
}

/// Claims the idempotency key, and replays or admits the command. A rejection undoes the claim.
fn accept(tx: &mut Tx, principal: &Principal, prepared: &Prepared) -> Result<Outcome> {
    match claim_key(tx, prepared)? {
        Some(ClaimOutcome::Conflict { resource }) => Err(Error::IdempotencyKeyReused { resource }),
        Some(ClaimOutcome::Replayed { resource }) => {
            let id = resource.parse().map_err(|_| corrupt())?;
            let existing = table::submission::get(tx, id)?.ok_or_else(corrupt)?;
            Ok(Outcome::Replayed(existing))
        }
        Some(ClaimOutcome::Fresh) | None => {
            let submission = &prepared.submission;
            check_room(tx, submission, prepared.waiting_limit)?;
            if let Some(interface) = &prepared.interface {
                contracts::add_interface(&prepared.interface_limits, tx, principal, interface)?;
            }
            create(tx, principal, submission)
        }
    }
}

/// Claims the idempotency key of a command. None for a command without one.
fn claim_key(tx: &mut Tx, prepared: &Prepared) -> Result<Option<ClaimOutcome>> {
    let submission = &prepared.submission;
    let Some(key) = submission.idempotency_key.as_deref() else {
        return Ok(None);
    };
    let claim = Claim {
        key,
        command_hash: Some(prepared.hash),
        resource: submission.id.to_string(),
    };
    Ok(idempotency::claim(tx, Submission::IDEMPOTENCY_SCOPE, &[claim])?.pop())
}

/// Whether the signer is a key of the namespace and its lane has room.
fn check_room(tx: &mut Tx, submission: &Submission, limit: u32) -> Result<()> {
    let Submission { chain, signer, .. } = submission;
    if keys::find(tx, chain, signer)?.is_none() {
        return Err(Error::UnknownSigner {
            chain: *chain,
            signer: signer.clone(),
        });
    }
    // A cancel uses replay keys that are already held: a full lane must accept it.
    if submission.supersedes.is_some() {
        return Ok(());
    }
    let waiting = table::submission::count_waiting(tx, chain, signer)?;
    if waiting < u64::from(limit) {
        return Ok(());
    }
    Err(Error::LaneFull {
        chain: *chain,
        signer: signer.clone(),
        limit,
    })
}

/// Stores a submission. Its signer is watched from the same transaction on: one that is sent before
/// could be mined unseen.
fn create(tx: &mut Tx, principal: &Principal, submission: &Submission) -> Result<Outcome> {
    table::submission::insert(tx, std::slice::from_ref(submission))?;
    index::watch_signers(
        tx,
        &submission.chain,
        std::slice::from_ref(&submission.signer),
    )?;
    tx.append(received_fact(principal, submission));
    Ok(Outcome::Created(submission.clone()))
}

fn corrupt() -> store::Error {
    store::Error::UnexpectedValue {
        column: "resource",
        found: "another resource",
        expected: "a submission",
    }
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
