//! Collects the answers of back ends that answer later.

use super::sign::stands;
use crate::statement::{Statement, StatementEvent, StatementState, save_all};
use crate::table::statement::RequestedStatement;
use crate::worker::{Worker, is_halted};
use crate::{Result, Submit, late, table};
use keys::{RequestState, SignatureRequest};
use std::collections::BTreeMap;
use std::slice;
use store::UnscopedTx;
use types::{ChainId, Namespace, SignatureRequestId};

/// Requests read at a time.
const PAGE: u32 = 256;

/// Collects what was answered for the statements of a chain, page by page.
pub(in crate::worker) async fn collect(worker: &Worker, chain: ChainId) -> Result<usize> {
    let (mut changed, mut after) = (0, String::new());
    while worker.may_act() {
        let page = requested(worker, chain, after).await?;
        let Some(last) = page.last().map(|last| last.id.to_string()) else {
            break;
        };
        for (requested, answer) in answered(worker, page).await? {
            let submit = worker.submit.clone();
            let write = worker.write((requested, answer), move |tx, (requested, answer)| {
                record_answer(tx, &submit, &chain, requested, answer)
            });
            changed += write.await?;
        }
        after = last;
    }
    if changed > 0 {
        fail::point("submit.collected").await?;
    }
    Ok(changed)
}

async fn requested(
    worker: &Worker,
    chain: ChainId,
    after: String,
) -> Result<Vec<RequestedStatement>> {
    let shard = worker.shard;
    let read =
        move |tx: &mut UnscopedTx| table::statement::requested(tx, shard, &chain, &after, PAGE);
    Ok(worker.db().read_unscoped(read).await?)
}

/// Those whose requests no longer wait, with the requests.
async fn answered(
    worker: &Worker,
    page: Vec<RequestedStatement>,
) -> Result<Vec<(RequestedStatement, SignatureRequest)>> {
    let read = worker.db().read_unscoped_with(page, |tx, page| {
        let mut ids: BTreeMap<Namespace, Vec<SignatureRequestId>> = BTreeMap::new();
        for one in page {
            ids.entry(one.namespace).or_default().push(one.request);
        }
        let mut closed = BTreeMap::new();
        for (namespace, ids) in ids {
            let requests = late::readable_requests(&mut tx.scoped(&namespace), &ids)?;
            closed.extend(requests.into_iter().map(|request| (request.id, request)));
        }
        closed.retain(|_, request| request.state != RequestState::Waiting);
        let of = |one: &RequestedStatement| Some((one.clone(), closed.remove(&one.request)?));
        Ok(page.iter().filter_map(of).collect())
    });
    read.await
}

/// Records one answer, unless the statement was withdrawn meanwhile. A signature whose permit relies
/// on what has changed since it was requested is not released.
fn record_answer(
    tx: &mut UnscopedTx,
    submit: &Submit,
    chain: &ChainId,
    requested: &RequestedStatement,
    answer: &SignatureRequest,
) -> Result<usize> {
    if is_halted(tx, chain)? {
        return Ok(0);
    }
    let now = tx.now();
    let mut scoped = tx.scoped(&requested.namespace);
    let statement = table::statement::get(&mut scoped, requested.id)?;
    let is_open = |statement: &Statement| statement.state == StatementState::Signing;
    let Some(mut statement) = statement.filter(is_open) else {
        return Ok(0);
    };
    if answer.state == RequestState::Answered && !stands(&mut scoped, submit, &statement)? {
        statement.apply(StatementEvent::Withdrawn, now)?;
        statement.set_reason(
            "what its permit relies on changed while its signature was awaited: the signature is \
             not released; request it again",
        );
    } else if answer.state == RequestState::Answered {
        statement.apply(StatementEvent::Signed, now)?;
        statement.reason = None;
    } else {
        let permit = statement.permit.as_ref();
        let has_expired = permit.is_some_and(|permit| now > permit.body.not_after);
        let (backend, note) = (&answer.backend, answer.note.as_deref());
        let note = note.unwrap_or("without a reason");
        let reason = format!("the back end {backend:?} did not sign it: {note}");
        statement.apply(
            if has_expired {
                StatementEvent::Expired
            } else {
                StatementEvent::Failed
            },
            now,
        )?;
        statement.set_reason(reason);
    }
    save_all(tx, slice::from_ref(&statement))?;
    Ok(1)
}
