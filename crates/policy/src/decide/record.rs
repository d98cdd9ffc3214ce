//! The log: decisions and their facts, one transaction for each namespace.

use super::Verdict;
use crate::decision::{Decision, Source};
use crate::{Error, Outcome, Policy, Result, table};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fact, Tx};
use types::Namespace;

/// Write all decisions; then their verdicts count.
pub(crate) async fn all(policy: &Policy, decisions: Vec<Decision>) -> Result<Vec<Verdict>> {
    let mut of_namespaces: BTreeMap<Namespace, Vec<Decision>> = BTreeMap::new();
    for decision in &decisions {
        of_namespaces.entry(decision.namespace.clone()).or_default().push(decision.clone());
    }
    for (namespace, decisions) in of_namespaces {
        let decisions = Arc::new(decisions);
        policy.db.on(&policy.lease).write(&namespace, move |tx| write(tx, &decisions)).await?;
    }
    decisions.into_iter().map(verdict).collect()
}

fn write(tx: &mut Tx<'_, '_>, decisions: &[Decision]) -> Result<()> {
    table::decision::insert(tx, decisions)?;
    decisions.iter().for_each(|decision| tx.append(fact(decision)));
    Ok(())
}

fn fact(decision: &Decision) -> Fact {
    let names: Vec<&str> = decision.documents.iter().map(Source::name).collect();
    Fact::new("policy.decided", 1).about(&decision.id, 1).by(&decision.initiator).because_of(&decision.subject).says(
        &json!({
            "outcome": decision.outcome,
            "chain": decision.chain,
            "signer": decision.signer,
            "intent_hash": decision.intent_hash,
            "policies": names,
            "bundle_hash": decision.bundle_hash,
            "permit": decision.permit.as_ref().map(|permit| permit.body.id),
        }),
    )
}

fn verdict(decision: Decision) -> Result<Verdict> {
    let id = decision.id;
    match (decision.outcome, decision.permit) {
        (Outcome::Permit { .. }, Some(permit)) => Ok(Verdict::Permit { permit: Box::new(permit), decision: id }),
        (Outcome::Denied { reasons }, _) => Ok(Verdict::Denied { decision: id, reasons }),
        (Outcome::Needs { obligations }, _) => Ok(Verdict::Needs { decision: id, obligations }),
        (Outcome::Permit { .. }, None) => Err(Error::Stopped { why: "a permit was not signed".to_owned() }),
    }
}
