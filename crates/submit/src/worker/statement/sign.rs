//! Signs permitted statements outside any transaction, then commits the use of each permit with the
//! signature. If the back end answers later, it commits the use with the request for it.

use super::{due, open_spans};
use crate::statement::{Statement, StatementEvent, StatementState, save_all};
use crate::worker::standing::OUTDATED;
use crate::worker::{WAIT_MS, Worker, is_halted};
use crate::{Error, Result, Submit, late, record, table};
use keys::{Signed, SigningJob, VerifiedJob};
use policy::Lock;
use std::collections::{BTreeMap, BTreeSet};
use store::{Tx, UnscopedTx};
use types::{ChainId, Namespace, PermitId, Time};

/// A permitted statement, and what decides how it is signed.
struct Ready {
    statement: Statement,
    /// The last permit that was used for the same bytes.
    supersedes: Option<PermitId>,
    /// Whether a back end signs it that answers later.
    is_late: bool,
}

/// How the permit of a statement is used, or why it cannot be.
enum Attempt {
    Signature(Box<Signed>),
    Request(Box<VerifiedJob>),
    Refused(keys::Error),
}

/// What became of an attempt.
enum PermitUse {
    Recorded,
    /// The standing set changed after the decision.
    Outdated,
    Refused(keys::Error),
}

/// Signs permitted statements of a chain.
pub(in crate::worker) async fn sign(worker: &Worker, chain: ChainId) -> Result<usize> {
    let permitted = due(worker, chain, [StatementState::Permitted]).await?;
    if permitted.is_empty() || worker.is_halted(chain).await? || !worker.may_act() {
        return Ok(0);
    }
    let _spans = open_spans("sign", &permitted);
    let (ready, waiting) = load(worker, permitted).await?;
    let waiting = worker.write(waiting, |tx, waiting| postpone(tx, waiting));
    let mut changed = waiting.await?;
    let attempts = attempt_each(worker, &ready).await;
    fail::point("submit.signed").await?;
    let statements = ready.into_iter().map(|ready| ready.statement);
    changed += commit(worker, chain, statements.zip(attempts).collect()).await?;
    fail::point("submit.committed").await?;
    Ok(changed)
}

/// Separates statements that can be signed now from those that wait for the signature of the same
/// bytes. Of several with the same bytes, the first is taken: the next one supersedes its permit.
async fn load(worker: &Worker, permitted: Vec<Statement>) -> Result<(Vec<Ready>, Vec<Statement>)> {
    let args = (worker.submit.clone(), permitted);
    let read = worker
        .db()
        .read_unscoped_with(args, |tx, (submit, permitted)| {
            let retry = tx.now().plus_millis(WAIT_MS);
            let (mut ready, mut waiting) = (Vec::new(), Vec::new());
            let mut taken = BTreeSet::new();
            for statement in permitted {
                let mut statement = statement.clone();
                let Statement { signer, chain, .. } = &statement;
                if !taken.insert((statement.namespace, signer.clone(), statement.intent_hash)) {
                    continue;
                }
                let mut tx = tx.scoped(&statement.namespace);
                let is_late = late::late_backend_of(submit, &mut tx, chain, signer)?.is_some();
                match table::statement::latest(&mut tx, &statement)? {
                    Some(other) if other.state == StatementState::Signing => {
                        let reason = format!(
                            "waits for the signature of {} over the same bytes",
                            other.id
                        );
                        statement.postpone(retry, reason);
                        waiting.push(statement);
                    }
                    other => ready.push(Ready {
                        supersedes: other
                            .and_then(|other| other.permit)
                            .map(|permit| permit.body.id),
                        statement,
                        is_late,
                    }),
                }
            }
            Ok::<_, Error>((ready, waiting))
        });
    read.await
}

/// One attempt for each statement, in their order. Signs namespace by namespace, since a permit is
/// valid in one namespace only.
async fn attempt_each(worker: &Worker, ready: &[Ready]) -> Vec<Attempt> {
    let mut attempts: BTreeMap<usize, Attempt> = BTreeMap::new();
    let mut jobs: BTreeMap<Namespace, (Vec<usize>, Vec<SigningJob>)> = BTreeMap::new();
    for (index, one) in ready.iter().enumerate() {
        let namespace = one.statement.namespace;
        match signing_job(one) {
            Err(error) => {
                attempts.insert(index, Attempt::Refused(error));
            }
            Ok(job) if one.is_late => {
                let system = record::system(&namespace);
                let verified = keys::verify_job(worker.submit.keys(), &system, job);
                let request = verified.map(|job| Attempt::Request(Box::new(job)));
                attempts.insert(index, request.unwrap_or_else(Attempt::Refused));
            }
            Ok(job) => {
                let (indexes, of_namespace) = jobs.entry(namespace).or_default();
                indexes.push(index);
                of_namespace.push(job);
            }
        }
    }
    for (namespace, (indexes, jobs)) in jobs {
        let system = record::system(&namespace);
        let signed = keys::sign(worker.submit.keys(), &system, jobs).await;
        let signed = signed.into_iter();
        let results = signed
            .map(|one| one.map_or_else(Attempt::Refused, |one| Attempt::Signature(Box::new(one))));
        attempts.extend(indexes.into_iter().zip(results));
    }
    attempts.into_values().collect()
}

fn signing_job(ready: &Ready) -> keys::Result<SigningJob> {
    let statement = &ready.statement;
    let permit = statement.permit.clone();
    Ok(SigningJob {
        permit: permit.expect("every permitted statement holds a permit"),
        unsigned: intent::statement(&statement.intent)?,
        supersedes: ready.supersedes,
    })
}

async fn commit(
    worker: &Worker,
    chain: ChainId,
    attempts: Vec<(Statement, Attempt)>,
) -> Result<usize> {
    if attempts.is_empty() {
        return Ok(0);
    }
    let args = (worker.submit.clone(), attempts);
    let write = worker.write(args, move |tx, (submit, attempts)| {
        // Unrecorded signatures never leave memory.
        if is_halted(tx, &chain)? {
            return Ok(0);
        }
        let (mut changed, mut postponed) = (Vec::new(), Vec::new());
        for (statement, attempt) in attempts {
            let mut statement = statement.clone();
            match use_permit(tx, submit, &mut statement, attempt)? {
                PermitUse::Recorded => {}
                PermitUse::Outdated => decide_again(tx, &mut statement)?,
                PermitUse::Refused(error) => apply_refusal(&mut statement, &error, tx.now())?,
            }
            if statement.state == StatementState::Permitted {
                postponed.push(statement);
            } else {
                changed.push(statement);
            }
        }
        save_all(tx, &changed)?;
        Ok(changed.len() + postpone(tx, &postponed)?)
    });
    write.await
}

/// Writes statements that are tried again later. Their state is the same, so that there is no fact.
fn postpone(tx: &mut UnscopedTx, postponed: &[Statement]) -> Result<usize> {
    if postponed.is_empty() {
        return Ok(0);
    }
    Ok(table::statement::update(tx, postponed)?.len())
}

/// Uses the permit of a statement: with its signature, or with the request for it. The only place
/// where one is used. If the standing set is another than that of its decision, or `keys` refuses,
/// nothing is written.
fn use_permit(
    tx: &mut UnscopedTx,
    submit: &Submit,
    statement: &mut Statement,
    attempt: &Attempt,
) -> Result<PermitUse> {
    let (now, system) = (tx.now(), record::system(&statement.namespace));
    let mut tx = tx.scoped(&statement.namespace);
    match attempt {
        Attempt::Refused(error) => return Ok(PermitUse::Refused(error.clone())),
        _ if !stands(&mut tx, submit, statement)? => return Ok(PermitUse::Outdated),
        Attempt::Signature(signed) => {
            let recorded = keys::record(&mut tx, &system, &[signed])?;
            if let Some(error) = recorded.into_iter().find_map(keys::Result::err) {
                return Ok(PermitUse::Refused(error));
            }
            statement.apply(StatementEvent::Signed, now)?;
            statement.reason = None;
        }
        Attempt::Request(job) => {
            let jobs = std::slice::from_ref(&**job);
            let checked = keys::check_requests(&mut tx, jobs)?;
            if let Some(error) = checked.into_iter().find_map(keys::Result::err) {
                return Ok(PermitUse::Refused(error));
            }
            let ids = keys::request_signatures(&mut tx, &system, jobs)?;
            statement.apply(StatementEvent::SignatureRequested, now)?;
            statement.request = ids.first().copied();
            statement.set_reason("waits for the signature of a back end that answers later");
        }
    }
    table::statement::make_latest(&mut tx, statement)?;
    Ok(PermitUse::Recorded)
}

/// Whether the standing set is that of the decision. It stays so until the transaction ends.
pub(super) fn stands(tx: &mut Tx, submit: &Submit, statement: &Statement) -> Result<bool> {
    let initiators = [&statement.initiator];
    let now = policy::standing(submit.policy(), tx, &initiators, Lock::Shared)?;
    Ok(statement.standing.as_ref() == now.first())
}

/// Sends a statement back to be decided again, and revokes its permit.
fn decide_again(tx: &mut UnscopedTx, statement: &mut Statement) -> Result<()> {
    let now = tx.now();
    let mut tx = tx.scoped(&statement.namespace);
    if let Some(permit) = statement.permit.take() {
        let system = record::system(&statement.namespace);
        keys::revoke_in(
            &mut tx,
            &system,
            &permit.body.id,
            "its statement is decided again",
        )?;
    }
    statement.standing = None;
    statement.apply(StatementEvent::Outdated, now)?;
    statement.set_reason(OUTDATED);
    Ok(())
}

/// Ends or postpones a statement whose signature `keys` refused, depending on the error.
fn apply_refusal(statement: &mut Statement, error: &keys::Error, now: Time) -> Result<()> {
    use keys::Error as K;
    let event = match error {
        K::PermitExpired { .. } => StatementEvent::Expired,
        // Temporary: the cause may be lifted before the permit expires.
        K::Frozen { .. }
        | K::UnknownSigner { .. }
        | K::BackendUnavailable { .. }
        | K::KeyringLocked
        | K::Secrets(_)
        | K::Store(_) => {
            statement.postpone(now.plus_millis(WAIT_MS), error.to_string());
            return Ok(());
        }
        _ => StatementEvent::Failed,
    };
    statement.apply(event, now)?;
    statement.set_reason(error.to_string());
    Ok(())
}
