//! Writes changed statements, each with a fact of its state. No fact contains a signature.

use super::record::Statement;
use super::state::StatementState;
use crate::record::system;
use crate::{Error, Result, table};
use store::{Fact, UnscopedTx, idempotency};
use types::Principal;

/// Writes changed statements and their facts. Those that were changed concurrently are skipped.
/// Returns the number written.
pub(crate) fn save(tx: &mut UnscopedTx, changed: &[Statement]) -> Result<usize> {
    save_by(tx, changed, None)
}

/// Writes all changed statements, or fails the transaction if one was changed concurrently.
pub(crate) fn save_all(tx: &mut UnscopedTx, changed: &[Statement]) -> Result<()> {
    if save(tx, changed)? == changed.len() {
        Ok(())
    } else {
        Err(Error::contended())
    }
}

/// Like [`save`], with `actor` as the actor of the facts, or the worker itself.
pub(super) fn save_by(
    tx: &mut UnscopedTx,
    changed: &[Statement],
    actor: Option<&Principal>,
) -> Result<usize> {
    if changed.is_empty() {
        return Ok(0);
    }
    let written = table::statement::update(tx, changed)?;
    for statement in changed.iter().filter(|one| written.contains(&one.id)) {
        let system = system(&statement.namespace);
        let fact = fact(statement, actor.unwrap_or(&system));
        tx.append(&statement.namespace, fact);
    }
    Ok(written.len())
}

/// Releases the idempotency keys of denied statements: the key may be used with a corrected
/// command.
pub(crate) fn release_idempotency_keys(tx: &mut UnscopedTx, decided: &[Statement]) -> Result<()> {
    let denied = |one: &&Statement| one.state == StatementState::Denied;
    for statement in decided.iter().filter(denied) {
        if let Some(key) = &statement.idempotency_key {
            let mut tx = tx.scoped(&statement.namespace);
            idempotency::release(&mut tx, Statement::IDEMPOTENCY_SCOPE, key)?;
        }
    }
    Ok(())
}

fn fact(statement: &Statement, actor: &Principal) -> Fact {
    let payload = serde_json::json!({
        "chain": statement.chain,
        "signer": statement.signer,
        "kind": statement.kind,
        "digest": statement.digest,
        "state": statement.state,
        "decision": statement.decision,
        "reason": statement.reason,
    });
    Fact::new(statement.state.fact_type(), 1)
        .subject(&statement.id, statement.version + 1)
        .actor(actor)
        .correlation(&statement.id)
        .trace(statement.initiator.trace)
        .payload(&payload)
}

/// The fact of a new statement, with what is to be signed.
pub(super) fn received_fact(actor: &Principal, statement: &Statement) -> Fact {
    let payload = serde_json::json!({
        "chain": statement.chain,
        "signer": statement.signer,
        "kind": statement.kind,
        "digest": statement.digest,
        "intent": statement.intent,
        "labels": statement.labels,
    });
    Fact::new(statement.state.fact_type(), 1)
        .subject(&statement.id, statement.version)
        .actor(actor)
        .correlation(&statement.id)
        .payload(&payload)
}
