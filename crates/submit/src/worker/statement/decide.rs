//! Requests the policy decisions of received statements.

use super::{due, open_spans};
use crate::statement::{Statement, StatementEvent, StatementState, release_idempotency_keys, save};
use crate::worker::Worker;
use crate::worker::signers::{self, SignerKey};
use crate::{Result, table};
use intent::{FeeLimits, FeeTerms, Permit};
use policy::{DecisionRequest, Purpose, Verdict};
use types::{ChainId, Time};

/// Decides received statements of a chain.
pub(in crate::worker) async fn decide(worker: &Worker, chain: ChainId) -> Result<usize> {
    let states = [StatementState::Received, StatementState::Deciding];
    let due = due(worker, chain, states).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let started = start(worker, due).await?;
    let _spans = open_spans("decide", &started);
    fail::point("submit.taken").await?;
    let verdicts = request_decisions(worker, &chain, &started).await?;
    fail::point("submit.asked").await?;
    let decided = record_verdicts(worker, started, verdicts).await?;
    fail::point("submit.decided").await?;
    Ok(decided)
}

/// Commits the state `deciding`. Statements that were changed concurrently are left out.
async fn start(worker: &Worker, mut due: Vec<Statement>) -> Result<Vec<Statement>> {
    let now = worker.now();
    due.iter_mut()
        .try_for_each(|statement| statement.apply(StatementEvent::DecisionStarted, now))?;
    let write = worker.write(due.clone(), |tx, due| {
        Ok(table::statement::update(tx, due)?)
    });
    let written = write.await?;
    due.retain(|statement| written.contains(&statement.id));
    due.iter_mut().for_each(|statement| statement.version += 1);
    Ok(due)
}

async fn request_decisions(
    worker: &Worker,
    chain: &ChainId,
    started: &[Statement],
) -> Result<Vec<Verdict>> {
    let limits = worker.submit.chain(chain)?.fee_limits();
    let account = |one: &Statement| (one.namespace, one.chain, one.signer.clone());
    let keys = signers::find_keys(worker, started.iter().map(account).collect()).await?;
    let requests = started
        .iter()
        .zip(keys)
        .map(|(statement, key)| decision_request(statement, limits, key));
    let requests: Vec<DecisionRequest> = requests.collect();
    Ok(policy::decide(worker.submit.policy(), &requests).await?)
}

fn decision_request(
    statement: &Statement,
    limits: FeeLimits,
    key: Option<SignerKey>,
) -> DecisionRequest {
    DecisionRequest {
        initiator: statement.initiator.clone(),
        subject: statement.id.to_string(),
        purpose: Purpose::Act,
        intent: statement.intent.clone(),
        interface: None,
        quote: FeeTerms::default(),
        limits,
        key: key.as_ref().and_then(|key| key.location.key),
        wallet: key.map(|key| key.wallet),
        task: None,
        assets: Vec::new(),
        policies: statement.policies.clone(),
        labels: statement.labels.clone(),
        approvals: Vec::new(),
    }
}

/// Records the verdicts. A statement that was changed concurrently, for example withdrawn, is left
/// as it is: its decision stays in the log and its permit is never used.
async fn record_verdicts(
    worker: &Worker,
    started: Vec<Statement>,
    verdicts: Vec<Verdict>,
) -> Result<usize> {
    let write = worker.write((started, verdicts), |tx, (started, verdicts)| {
        let (now, mut decided) = (tx.now(), started.clone());
        for (statement, verdict) in decided.iter_mut().zip(verdicts) {
            apply_verdict(statement, verdict, now)?;
        }
        let unchanged = table::statement::unchanged(tx, started)?;
        decided.retain(|statement| unchanged.contains(&statement.id));
        release_idempotency_keys(tx, &decided)?;
        save(tx, &decided)
    });
    write.await
}

fn apply_verdict(statement: &mut Statement, verdict: &Verdict, now: Time) -> Result<()> {
    statement.decision = Some(verdict.decision());
    match verdict {
        Verdict::Permit {
            permit, standing, ..
        } => {
            statement.apply(StatementEvent::Permitted, now)?;
            (statement.permit, statement.reason) = (Some(Permit::clone(permit)), None);
            statement.standing = Some(*standing);
        }
        Verdict::Denied { reasons, .. } => {
            statement.apply(StatementEvent::Denied, now)?;
            let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
            statement.set_reason(format!("policy: {}", texts.join("; ")));
        }
        Verdict::Needs { obligations, .. } => {
            statement.apply(StatementEvent::Denied, now)?;
            let obligations = serde_json::to_string(obligations).unwrap_or_default();
            let reason = "policy requires what cannot be given to a signature yet";
            statement.set_reason(format!("{reason}: {obligations}"));
        }
    }
    Ok(())
}
