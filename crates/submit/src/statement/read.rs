//! Queries of statements.

use super::record::{Statement, StatementFilter};
use super::state::StatementState;
use crate::{Error, Result, Submit, table};
use intent::Signature;
use store::Tx;
use types::{Page, Principal, StatementId};

/// A statement with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    pub statement: Statement,
    /// Once the statement is `signed`.
    pub signature: Option<Signature>,
}

/// The current state of one statement, with its signature. Error: `submit.unknown_statement`.
pub async fn statement(
    submit: &Submit,
    principal: &Principal,
    id: StatementId,
) -> Result<SignedStatement> {
    let read = move |tx: &mut Tx| {
        let statement = table::statement::get(tx, id)?;
        let statement = statement.ok_or(Error::UnknownStatement { id })?;
        let signature = signature(tx, &statement)?;
        Ok(SignedStatement {
            statement,
            signature,
        })
    };
    submit.db().read(&principal.namespace, read).await
}

/// Lists statements, newest first, without signatures.
pub async fn statements(
    submit: &Submit,
    principal: &Principal,
    filter: StatementFilter,
    page: Page,
) -> Result<Vec<Statement>> {
    let read = move |tx: &mut Tx| table::statement::list(tx, &filter, &page);
    Ok(submit.db().read(&principal.namespace, read).await?)
}

/// The signature that `keys` recorded for a statement.
fn signature(tx: &mut Tx, statement: &Statement) -> Result<Option<Signature>> {
    let permit = statement.permit.as_ref();
    let permit = permit.filter(|_| statement.state == StatementState::Signed);
    let Some(permit) = permit else {
        return Ok(None);
    };
    let recorded = keys::bytes(tx, &[(permit.body.id, &statement.digest)])?;
    let raw = recorded.into_iter().next().flatten();
    let parse = |raw: Vec<u8>| intent::statement_signature(&statement.intent, &raw);
    Ok(raw.map(parse).transpose()?)
}
