//! Withdraws statements, and stops those of a revoked API key.

use super::record::Statement;
use super::save::{release_idempotency_keys, save_by};
use super::state::StatementEvent;
use crate::{Error, Result, Submit, table};
use std::slice;
use store::UnscopedTx;
use types::{ApiKeyId, Principal, StatementId};

/// Withdraws a statement that is not signed. If its signature was requested of a back end that
/// answers later, the request is withdrawn: a signature that still arrives is dropped, but its
/// permit stays used.
///
/// Errors: `submit.unknown_statement`, `submit.statement_ended`.
pub async fn withdraw_statement(
    submit: &Submit,
    principal: &Principal,
    id: StatementId,
) -> Result<Statement> {
    let args = principal.clone();
    let write = submit
        .on()
        .write_unscoped_with(args, move |tx, principal| withdraw(tx, principal, id));
    write.await
}

fn withdraw(tx: &mut UnscopedTx, principal: &Principal, id: StatementId) -> Result<Statement> {
    let now = tx.now();
    let mut scoped = tx.scoped(&principal.namespace);
    let statement = table::statement::get(&mut scoped, id)?;
    let mut statement = statement.ok_or(Error::UnknownStatement { id })?;
    let ended = |reason: String| Error::StatementEnded { id, reason };
    if statement.state.is_terminal() {
        return Err(ended(format!("is {}", statement.state.as_str())));
    }
    let note = format!("withdrawn by {}", principal.id);
    if let Some(request) = &statement.request
        && !keys::withdraw_request(&mut scoped, principal, request, &note)?
    {
        return Err(ended("has the answer of its back end already".to_owned()));
    }
    statement.apply(StatementEvent::Withdrawn, now)?;
    statement.set_reason(note);
    match save_by(tx, slice::from_ref(&statement), Some(principal))? {
        0 => Err(Error::contended()),
        _ => {
            statement.version += 1;
            Ok(statement)
        }
    }
}

/// Statements stopped in the transaction of a revocation. The others are denied when their turn
/// comes.
const MAX_STOPPED: u32 = 1_000;

/// Stops what was requested with an API key of the actor's namespace and is not signed. A permit
/// that was not used is revoked, and a signature request that still waits is withdrawn. Call it in
/// the transaction that revokes the key. Returns how many statements were stopped.
pub(crate) fn stop_statements_of(
    tx: &mut UnscopedTx,
    actor: &Principal,
    key: ApiKeyId,
    reason: &str,
) -> Result<usize> {
    let now = tx.now();
    let mut scoped = tx.scoped(&actor.namespace);
    let mut stopped = table::statement::open_of(&mut scoped, key, MAX_STOPPED)?;
    for statement in &mut stopped {
        if let Some(permit) = &statement.permit {
            keys::revoke_in(&mut scoped, actor, &permit.body.id, reason)?;
        }
        let event = match &statement.request {
            None => StatementEvent::Denied,
            Some(request) => {
                // An answer that has arrived is not collected any more.
                keys::withdraw_request(&mut scoped, actor, request, reason)?;
                StatementEvent::Withdrawn
            }
        };
        statement.apply(event, now)?;
        statement.set_reason(reason);
    }
    release_idempotency_keys(tx, &stopped)?;
    if save_by(tx, &stopped, Some(actor))? < stopped.len() {
        return Err(Error::contended());
    }
    Ok(stopped.len())
}
