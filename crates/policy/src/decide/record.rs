//! The decision log: decisions and their facts, one transaction per namespace.

use super::Verdict;
use super::judge::Judged;
use crate::table::decision::{Decision, DocumentSource};
use crate::{Error, Outcome, Policy, Result, table};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fact, Tx};
use types::Namespace;

/// Log decisions and return their verdicts. `None` where the namespace's policies changed
/// meanwhile: those requests must be decided again.
pub(crate) async fn all(policy: &Policy, judged: Vec<Judged>) -> Result<Vec<Option<Verdict>>> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; judged.len()];
    let mut groups: BTreeMap<(Namespace, Option<u64>), Group> = BTreeMap::new();
    for (index, Judged { decision, revision }) in judged.into_iter().enumerate() {
        let group = groups.entry((decision.namespace, revision)).or_default();
        group.indices.push(index);
        group.decisions.push(decision);
    }
    for ((namespace, revision), Group { indices, decisions }) in groups {
        let decisions: Arc<[Decision]> = decisions.into();
        let leased = policy.on();
        let logged = leased.write_with(&namespace, decisions.clone(), move |tx, decisions| {
            write(tx, revision, decisions)
        });
        if logged.await? {
            for (index, decision) in indices.into_iter().zip(&*decisions) {
                verdicts[index] = Some(verdict(decision)?);
            }
        }
    }
    Ok(verdicts)
}

/// Decisions of one namespace on one revision, and the indices of their requests.
#[derive(Default)]
struct Group {
    indices: Vec<usize>,
    decisions: Vec<Decision>,
}

/// Log decisions, unless the policies changed since the selection. Returns whether they were
/// logged.
fn write(tx: &mut Tx, revision: Option<u64>, decisions: &[Decision]) -> Result<bool> {
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

fn verdict(decision: &Decision) -> Result<Verdict> {
    let id = decision.id;
    match (&decision.outcome, &decision.permit) {
        (Outcome::Permit { .. }, Some(permit)) => Ok(Verdict::Permit {
            permit: Box::new(permit.clone()),
            decision: id,
        }),
        (Outcome::Denied { reasons }, _) => Ok(Verdict::Denied {
            decision: id,
            reasons: reasons.clone(),
        }),
        (Outcome::Needs { obligations }, _) => Ok(Verdict::Needs {
            decision: id,
            obligations: obligations.clone(),
        }),
        (Outcome::Permit { .. }, None) => Err(Error::Internal {
            why: "the permit was not signed".to_owned(),
        }),
    }
}
