//! Accepts statements under idempotency keys.

use super::command::NewStatement;
use super::record::{Statement, StatementKind};
use super::save::received_fact;
use super::state::StatementState;
use crate::enqueue::account;
use crate::{Error, Result, Submit, table};
use intent::{Act, Intent};
use store::Tx;
use store::idempotency::{self, Claim, ClaimOutcome};
use types::{Digest, Principal, StatementId};

/// The result of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementOutcome {
    Created(Statement),
    /// The idempotency key had already created this statement; in its current state.
    Replayed(Statement),
}

impl StatementOutcome {
    /// The created or replayed statement.
    pub fn statement(&self) -> &Statement {
        match self {
            Self::Created(statement) | Self::Replayed(statement) => statement,
        }
    }
}

/// A statement ready to be stored.
struct Prepared {
    submit: Submit,
    statement: Statement,
    /// The hash of its command.
    hash: Digest,
}

/// Accepts a statement for a decision and its signature. It is created in state `received`, or
/// replayed: the one that its idempotency key created earlier is returned.
///
/// Errors: `submit.unknown_chain`, `submit.unknown_signer`, `submit.limit_exceeded`,
/// `submit.idempotency_key_reused`, `submit.invalid_field`, `intent.invalid_intent` if it is not
/// valid on the chain, and those of addresses.
pub async fn request_statement(
    submit: &Submit,
    principal: &Principal,
    new: NewStatement,
) -> Result<StatementOutcome> {
    let prepared = prepare(submit, principal, new)?;
    let outcome = submit.on().write_as(principal, prepared, accept).await?;
    fail::point("submit.enqueued").await?;
    Ok(outcome)
}

/// Does the checks that need no database, and computes what is signed from the intent alone.
fn prepare(submit: &Submit, principal: &Principal, mut new: NewStatement) -> Result<Prepared> {
    submit.chain(&new.intent.chain)?;
    new.check()?;
    make_canonical(&mut new.intent)?;
    let kind = StatementKind::of(&new.intent.act).ok_or_else(|| Error::InvalidField {
        field: "intent",
        reason: "is a transaction, which is submitted".to_owned(),
    })?;
    new.check_act()?;
    let digest = intent::statement_digest(&new.intent)?;
    let (now, hash) = (submit.now(), new.hash());
    let (chain, signer) = (new.intent.chain, new.intent.signer.clone());
    let statement = Statement {
        id: StatementId::new(now, submit.db().entropy()),
        namespace: principal.namespace,
        shard: submit.shard_of(&chain, &signer),
        chain,
        signer,
        kind,
        state: StatementState::Received,
        reason: None,
        idempotency_key: new.idempotency_key,
        initiator: principal.clone(),
        initiator_key: principal.key,
        intent_hash: new.intent.hash(),
        intent: new.intent,
        digest,
        labels: new.labels,
        policies: new.policies,
        decision: None,
        permit: None,
        standing: None,
        request: None,
        next_at: now,
        received_seq: submit.next_received_seq(now),
        created: now,
        updated: now,
        version: 1,
    };
    Ok(Prepared {
        submit: submit.clone(),
        statement,
        hash,
    })
}

/// Brings the addresses of an intent into canonical form.
fn make_canonical(intent: &mut Intent) -> Result<()> {
    intent.signer = account(&intent.chain, &intent.signer, "signer")?;
    if let Act::Authorization(authorization) = &mut intent.act {
        let (chain, delegate) = (&intent.chain, &authorization.delegate);
        authorization.delegate = account(chain, delegate, "authorization.delegate")?;
        authorization.authority = account(chain, &authorization.authority, "signer")?;
    }
    Ok(())
}

/// Claims the idempotency key, and replays or admits the command. A rejection undoes the claim.
fn accept(tx: &mut Tx, principal: &Principal, prepared: &Prepared) -> Result<StatementOutcome> {
    match claim_key(tx, prepared)? {
        Some(ClaimOutcome::Conflict { resource }) => Err(Error::IdempotencyKeyReused { resource }),
        Some(ClaimOutcome::Replayed { resource }) => {
            let id = resource.parse().map_err(|_| corrupt())?;
            let existing = table::statement::get(tx, id)?.ok_or_else(corrupt)?;
            Ok(StatementOutcome::Replayed(existing))
        }
        Some(ClaimOutcome::Fresh) | None => {
            let statement = &prepared.statement;
            check_signer(tx, &prepared.submit, statement)?;
            table::statement::insert(tx, std::slice::from_ref(statement))?;
            tx.append(received_fact(principal, statement));
            Ok(StatementOutcome::Created(statement.clone()))
        }
    }
}

/// Claims the idempotency key of a command. None for a command without one.
fn claim_key(tx: &mut Tx, prepared: &Prepared) -> Result<Option<ClaimOutcome>> {
    let statement = &prepared.statement;
    let Some(key) = statement.idempotency_key.as_deref() else {
        return Ok(None);
    };
    let claim = Claim {
        key,
        command_hash: Some(prepared.hash),
        resource: statement.id.to_string(),
    };
    Ok(idempotency::claim(tx, Statement::IDEMPOTENCY_SCOPE, &[claim])?.pop())
}

/// Whether the signer is a key of the namespace that can sign this, and has few enough open
/// statements.
fn check_signer(tx: &mut Tx, submit: &Submit, statement: &Statement) -> Result<()> {
    let Statement { chain, signer, .. } = statement;
    let Some(key) = keys::find(tx, chain, signer)? else {
        return Err(Error::UnknownSigner {
            chain: *chain,
            signer: signer.clone(),
        });
    };
    let is_authorization = statement.kind == StatementKind::Authorization;
    if is_authorization && submit.keys().answers_later(&key.backend) {
        // Its nonce stays reserved even if no signature arrives, and nothing could fill it.
        return Err(Error::InvalidField {
            field: "signer",
            reason: "has a back end that answers later, which does not sign authorizations".into(),
        });
    }
    let limit = submit.settings().waiting_per_lane;
    if table::statement::count_open(tx, chain, signer)? < u64::from(limit) {
        return Ok(());
    }
    Err(Error::LimitExceeded {
        what: "open statements of one signer",
        limit,
    })
}

fn corrupt() -> store::Error {
    store::Error::UnexpectedValue {
        column: "resource",
        found: "another resource",
        expected: "a statement",
    }
}
