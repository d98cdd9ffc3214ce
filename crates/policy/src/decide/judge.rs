//! What all documents say of a case: the Rego runs here.

use super::answers::{Answers, Told};
use super::case::{Asked, Case, bundle_hash};
use crate::decision::Decision;
use crate::evaluate;
use crate::input::Fee;
use crate::outcome::{Opinion, Reason, Why, combine};
use crate::question::approvals_hash;
use crate::{Error, Limits, Outcome, Policy, Result};
use intent::{Permit, PermitBody};
use std::sync::Arc;
use types::{DecisionId, Json, PermitId};

/// A decision, and the state of the namespace's policies on which it stands.
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    pub(crate) standing: Option<i64>,
}

/// Judge every case, and sign a permit where it may be.
pub(crate) async fn all(
    policy: &Policy,
    cases: Vec<Case>,
    answers: Answers,
    began_ms: u64,
) -> Result<Vec<Judged>> {
    let (engine, answers) = (policy.clone(), Arc::new(answers));
    let judged = policy
        .threads
        .each(cases, move |case| {
            decided(&engine, &case, &answers, began_ms)
        })
        .await?;
    judged.into_iter().collect()
}

fn decided(policy: &Policy, case: &Case, answers: &Answers, began_ms: u64) -> Result<Judged> {
    let question = &case.question;
    let outcome = judge(
        &case.input,
        &case.documents,
        &case.problems,
        answers,
        &policy.config.limits,
    );
    let told = answers
        .told(
            case.documents
                .iter()
                .flat_map(|asked| asked.asks.iter().flatten()),
        )
        .text();
    let mut decision = Decision {
        id: DecisionId::new(case.now, policy.db.entropy().as_ref()),
        namespace: question.initiator.namespace.clone(),
        at: case.now,
        subject: question.subject.clone(),
        initiator: question.initiator.clone(),
        chain: question.intent.chain.clone(),
        signer: question.intent.signer.clone(),
        intent_hash: question.intent.hash(),
        outcome,
        documents: case
            .documents
            .iter()
            .map(|asked| asked.source.clone())
            .collect(),
        bundle_hash: bundle_hash(&case.documents),
        interface_hash: question.interface.as_ref().map(|interface| interface.hash),
        lookups_hash: Told::hash_of(&told),
        approvals_hash: approvals_hash(&question.approvals),
        input: json(&case.input)?,
        lookups: json(&told)?,
        permit: None,
        duration_ms: policy.db.clock().monotonic_ms().saturating_sub(began_ms),
    };
    decision.permit = permit(policy, &decision)?;
    Ok(Judged {
        decision,
        standing: case.standing,
    })
}

/// The permit of a decision that permits.
fn permit(policy: &Policy, decision: &Decision) -> Result<Option<Permit>> {
    let Outcome::Permit {
        envelope,
        validity_ms,
    } = &decision.outcome
    else {
        return Ok(None);
    };
    let body = PermitBody {
        id: PermitId::new(decision.at, policy.db.entropy().as_ref()),
        namespace: decision.namespace.clone(),
        decision: decision.id,
        bundle_hash: decision.bundle_hash,
        intent_hash: decision.intent_hash,
        envelope: *envelope,
        not_after: decision.at.plus_millis(i64::from(*validity_ms)),
        approvals_hash: decision.approvals_hash,
    };
    let signature = policy.signer.sign(&body.canonical_bytes())?.to_vec();
    Ok(Some(Permit { body, signature }))
}

/// What documents say of an input, with answers to what they wanted to know. Pure, but for the time
/// that Rego may take.
pub(crate) fn judge(
    input: &str,
    documents: &[Asked],
    problems: &[Reason],
    answers: &Answers,
    limits: &Limits,
) -> Outcome {
    let mut opinions: Vec<Opinion> = documents
        .iter()
        .map(|asked| opinion(input, asked, answers, limits))
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

/// The fees of an input; what could not be read has none, and has a problem instead.
fn fee(input: &str) -> Option<Fee> {
    #[derive(serde::Deserialize)]
    struct Part {
        fee: Fee,
    }
    serde_json::from_str::<Part>(input)
        .ok()
        .map(|part| part.fee)
}

fn opinion(input: &str, asked: &Asked, answers: &Answers, limits: &Limits) -> Opinion {
    let name = asked.source.name();
    let no = |code, why: String| Opinion {
        reasons: vec![Reason::new(code, Some(name), why)],
        ..Opinion::default()
    };
    let document = match &asked.document.compiled {
        Ok(document) => document,
        Err(refusal) => return no(Why::NotCompiled, refusal.to_string()),
    };
    let asks = match &asked.asks {
        Ok(asks) => asks,
        Err(why) => return no(Why::NoAnswer, why.clone()),
    };
    let told = match answers.of(asks) {
        Ok(told) => told,
        Err(why) => return no(Why::Lookup, why),
    };
    match evaluate::input(input).and_then(|input| evaluate::with_lookups(input, &told)) {
        Ok(input) => evaluate::opinion(document, &input, limits, name),
        Err(why) => no(Why::NoAnswer, why),
    }
}

fn json(text: &str) -> Result<Json> {
    Json::parse(text).ok_or_else(|| Error::Stopped {
        why: "what was written as JSON does not read".to_owned(),
    })
}
