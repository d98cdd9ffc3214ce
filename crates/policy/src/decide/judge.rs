//! Evaluation of all documents of a pending decision: the Rego runs here.

use super::answers::{Answers, LookupLog};
use super::pending::{PendingDecision, SelectedDocument, bundle_hash};
use crate::evaluate;
use crate::input::Fee;
use crate::outcome::{Opinion, Reason, ReasonCode, combine};
use crate::request::approvals_hash;
use crate::table::decision::Decision;
use crate::{Error, Limits, Outcome, Policy, Result};
use intent::{Permit, PermitBody};
use std::sync::Arc;
use types::{DecisionId, Json, PermitId};

/// A decision, and whether it relies on its standing set.
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    /// False if no policy of the namespace was evaluated: the decision holds whatever changes.
    pub(crate) relies_on_standing: bool,
}

/// Evaluate every pending decision, and sign permits.
pub(crate) async fn all(
    policy: &Policy,
    pending_decisions: Vec<PendingDecision>,
    answers: Answers,
    started_ms: u64,
) -> Result<Vec<Judged>> {
    let (engine, answers) = (policy.clone(), Arc::new(answers));
    let judged = policy
        .pool
        .map(pending_decisions, move |pending| {
            decided(&engine, pending, &answers, started_ms)
        })
        .await?;
    judged.into_iter().collect()
}

fn decided(
    policy: &Policy,
    pending: PendingDecision,
    answers: &Answers,
    started_ms: u64,
) -> Result<Judged> {
    let outcome = judge(
        &pending.input,
        &pending.documents,
        &pending.problems,
        answers,
        &policy.settings.limits,
    );
    let selected = pending.documents.iter();
    let requests = selected.flat_map(|selected| selected.lookups.iter().flatten());
    let lookups = answers.log(requests).text();
    let (request, documents) = (pending.request, pending.documents);
    let (clock, supersedes) = (policy.db().clock(), request.purpose.supersedes());
    let mut decision = Decision {
        id: DecisionId::new(pending.now, policy.db().entropy().as_ref()),
        namespace: request.initiator.namespace,
        at: pending.now,
        subject: request.subject,
        initiator: request.initiator,
        chain: request.intent.chain,
        intent_hash: request.intent.hash(),
        signer: request.intent.signer,
        result: (&outcome).into(),
        outcome,
        bundle_hash: bundle_hash(&documents),
        documents: documents
            .into_iter()
            .map(|selected| selected.source)
            .collect(),
        interface_hash: request.interface.as_ref().map(|interface| interface.hash),
        lookups_hash: LookupLog::hash_of(&lookups),
        approvals_hash: approvals_hash(&request.approvals),
        input: json(&pending.input)?,
        lookups: json(&lookups)?,
        permit: None,
        permit_id: None,
        permit_until: None,
        standing: Some(pending.standing),
        duration_ms: clock.monotonic_ms().saturating_sub(started_ms),
    };
    decision.permit = permit(policy, &decision, supersedes)?;
    let body = decision.permit.as_ref().map(|permit| &permit.body);
    decision.permit_id = body.map(|body| body.id);
    decision.permit_until = body.map(|body| body.not_after);
    Ok(Judged {
        decision,
        relies_on_standing: pending.revision.is_some(),
    })
}

/// The permit of a decision, if its outcome is one.
fn permit(
    policy: &Policy,
    decision: &Decision,
    supersedes: Option<PermitId>,
) -> Result<Option<Permit>> {
    let Outcome::Permit {
        envelope,
        validity_ms,
    } = &decision.outcome
    else {
        return Ok(None);
    };
    let body = PermitBody {
        id: PermitId::new(decision.at, policy.db().entropy().as_ref()),
        namespace: decision.namespace,
        decision: decision.id,
        bundle_hash: decision.bundle_hash,
        intent_hash: decision.intent_hash,
        envelope: *envelope,
        not_after: decision.at.plus_millis(i64::from(*validity_ms)),
        approvals_hash: decision.approvals_hash,
        supersedes,
    };
    let signature = policy.signer().sign(&body.canonical_bytes())?.to_vec();
    Ok(Some(Permit { body, signature }))
}

/// The outcome of documents on an input, given the answers of their lookups. Deterministic, except
/// for the time limit on Rego.
pub(crate) fn judge(
    input: &str,
    documents: &[SelectedDocument],
    problems: &[Reason],
    answers: &Answers,
    limits: &Limits,
) -> Outcome {
    let mut opinions: Vec<Opinion> = documents
        .iter()
        .map(|selected| opinion(input, selected, answers, limits))
        .collect();
    if !problems.is_empty() {
        opinions.push(Opinion {
            reasons: problems.to_vec(),
            ..Opinion::default()
        });
    }
    match fee(input) {
        Some(fee) => combine(opinions, &fee),
        None => Outcome::Denied {
            reasons: opinions
                .into_iter()
                .flat_map(|opinion| opinion.reasons)
                .collect(),
        },
    }
}

/// The fees of an input. An unreadable intent has none, and a problem instead.
fn fee(input: &str) -> Option<Fee> {
    #[derive(serde::Deserialize)]
    struct Part {
        fee: Fee,
    }
    serde_json::from_str::<Part>(input)
        .ok()
        .map(|part| part.fee)
}

fn opinion(
    input: &str,
    selected: &SelectedDocument,
    answers: &Answers,
    limits: &Limits,
) -> Opinion {
    let name = selected.source.name();
    let denied = |code, why: String| Opinion {
        reasons: vec![Reason::new(code, Some(name), why)],
        ..Opinion::default()
    };
    let document = match &selected.document.compiled {
        Ok(document) => document,
        Err(error) => return denied(ReasonCode::NotCompiled, error.to_string()),
    };
    let lookups = match &selected.lookups {
        Ok(lookups) => lookups,
        Err(why) => return denied(ReasonCode::NoAnswer, why.clone()),
    };
    let lookups = match answers.of(lookups) {
        Ok(lookups) => lookups,
        Err(why) => return denied(ReasonCode::Lookup, why),
    };
    match evaluate::input(input).and_then(|input| evaluate::with_lookups(input, &lookups)) {
        Ok(input) => evaluate::opinion(document, &input, limits, name),
        Err(why) => denied(ReasonCode::NoAnswer, why),
    }
}

fn json(text: &str) -> Result<Json> {
    Json::parse(text).ok_or_else(|| Error::Internal {
        why: "the written JSON cannot be parsed".to_owned(),
    })
}
