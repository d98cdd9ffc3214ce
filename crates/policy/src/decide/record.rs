//! The log: decisions and their facts, one transaction for each namespace.

use super::Verdict;
use super::judge::Judged;
use crate::decision::{Decision, Source};
use crate::{Error, Outcome, Policy, Result, table};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fact, Tx};
use types::Namespace;

/// Write decisions; then their verdicts count. No verdict where the namespace's policies were
/// changed while it was judged: those have to be judged again.
pub(crate) async fn all(policy: &Policy, judged: Vec<Judged>) -> Result<Vec<Option<Verdict>>> {
    let mut groups: BTreeMap<(Namespace, Option<i64>), Vec<usize>> = BTreeMap::new();
    for (place, one) in judged.iter().enumerate() {
        groups
            .entry((one.decision.namespace.clone(), one.standing))
            .or_default()
            .push(place);
    }
    let mut verdicts = vec![None; judged.len()];
    for ((namespace, standing), places) in groups {
        let decisions: Arc<[Decision]> = places
            .iter()
            .map(|place| judged[*place].decision.clone())
            .collect();
        let written = decisions.clone();
        let kept = policy
            .db
            .on(&policy.lease)
            .write(&namespace, move |tx| write(tx, standing, &written))
            .await?;
        if kept {
            for (place, decision) in places.into_iter().zip(decisions.iter()) {
                verdicts[place] = Some(verdict(decision.clone())?);
            }
        }
    }
    Ok(verdicts)
}

/// Write, unless policies were changed since. Says whether it was written.
fn write(tx: &mut Tx<'_, '_>, standing: Option<i64>, decisions: &[Decision]) -> Result<bool> {
    if let Some(version) = standing
        && table::standing::share(tx)? != version
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
    let names: Vec<&str> = decision.documents.iter().map(Source::name).collect();
    Fact::new("policy.decided", 1)
        .about(&decision.id, 1)
        .by(&decision.initiator)
        .because_of(&decision.subject)
        .says(&json!({
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
        (Outcome::Permit { .. }, None) => Err(Error::Stopped {
            why: "a permit was not signed".to_owned(),
        }),
    }
}
