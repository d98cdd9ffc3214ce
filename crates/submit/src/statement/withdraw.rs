//! Withdraws statements.

use super::record::Statement;
use super::save::save_by;
use super::state::StatementEvent;
use crate::{Error, Result, Submit, table};
use std::slice;
use store::UnscopedTx;
use types::{Principal, StatementId};

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
