//! The decision log: decisions and their facts, one transaction per namespace.

use super::Verdict;
use super::judge::Judged;
use crate::decision::{Decision, DocumentSource};
use crate::{Error, Outcome, Policy, Result, table};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fact, Tx};
use types::Namespace;

/// Log decisions and return their verdicts. `None` where the namespace's policies changed
/// meanwhile: those requests must be decided again.
pub(crate) async fn all(policy: &Policy, judged: Vec<Judged>) -> Result<Vec<Option<Verdict>>> {
    let mut groups: BTreeMap<(Namespace, Option<i64>), Vec<usize>> = BTreeMap::new();
    for (index, evaluated) in judged.iter().enumerate() {
        groups
            .entry((evaluated.decision.namespace, evaluated.revision))
            .or_default()
            .push(index);
    }
    let mut verdicts = vec![None; judged.len()];
    for ((namespace, revision), indices) in groups {
        let decisions: Arc<[Decision]> = indices
            .iter()
            .map(|index| judged[*index].decision.clone())
            .collect();
        let to_write = decisions.clone();
        let logged = policy
            .db
            .on(&policy.lease)
            .write(&namespace, move |tx| write(tx, revision, &to_write))
            .await?;
        if logged {
            for (index, decision) in indices.into_iter().zip(decisions.iter()) {
                verdicts[index] = Some(verdict(decision.clone())?);
            }
        }
    }
    Ok(verdicts)
}

/// Log decisions, unless the policies changed since the selection. Returns whether they were
/// logged.
fn write(tx: &mut Tx<'_, '_>, revision: Option<i64>, decisions: &[Decision]) -> Result<bool> {
    if let Some(revision) = revision
        && table::revision::share(tx)? != revision
    {
        return Ok(false);
    }
    table::decision::insert(tx, decisions)?;
    decisions
        .iter()
        .for_each(|decision| tx.append(fact(decision)));
    Ok(true)
}

fn fact(decision: &Decision) -> Fact {
    let names: Vec<&str> = decision
        .documents
        .iter()
        .map(DocumentSource::name)
        .collect();
    Fact::new("policy.decided", 1)
        .subject(&decision.id, 1)
        .actor(&decision.initiator)
        .causation(&decision.subject)
        .payload(&json!({
            "outcome": decision.outcome,
            "chain": decision.chain,
            "signer": decision.signer,
            "intent_hash": decision.intent_hash,
            "policies": names,
            "bundle_hash": decision.bundle_hash,
            "permit": decision.permit.as_ref().map(|permit| permit.body.id),
        }))
}

fn verdict(decision: Decision) -> Result<Verdict> {
    let id = decision.id;
    match (decision.outcome, decision.permit) {
        (Outcome::Permit { .. }, Some(permit)) => Ok(Verdict::Permit {
            permit: Box::new(permit),
            decision: id,
        }),
        (Outcome::Denied { reasons }, _) => Ok(Verdict::Denied {
            decision: id,
            reasons,
        }),
        (Outcome::Needs { obligations }, _) => Ok(Verdict::Needs {
            decision: id,
            obligations,
        }),
        (Outcome::Permit { .. }, None) => Err(Error::Internal {
            why: "the permit was not signed".to_owned(),
        }),
    }
}
