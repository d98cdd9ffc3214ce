//! The decision log: decisions and their facts, one transaction per namespace.

use super::Verdict;
use super::judge::Judged;
use crate::table::decision::{Decision, DocumentSource};
use crate::{Error, Lock, Outcome, Policy, Result, table};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fact, Tx};
use types::Namespace;

/// Log decisions and return their verdicts. `None` where the standing set changed meanwhile: those
/// requests must be decided again.
pub(crate) async fn all(policy: &Policy, judged: Vec<Judged>) -> Result<Vec<Option<Verdict>>> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; judged.len()];
    let mut groups: BTreeMap<(Namespace, bool), Group> = BTreeMap::new();
    for (index, judged) in judged.into_iter().enumerate() {
        let key = (judged.decision.namespace, judged.relies_on_standing);
        let group = groups.entry(key).or_default();
        group.indices.push(index);
        group.decisions.push(judged.decision);
    }
    for ((namespace, relies_on_standing), Group { indices, decisions }) in groups {
        let decisions: Arc<[Decision]> = decisions.into();
        let (leased, engine) = (policy.on(), policy.clone());
        let logged = leased.write_with(&namespace, decisions.clone(), move |tx, decisions| {
            let current = match relies_on_standing {
                true => current(tx, &engine, decisions)?,
                false => vec![true; decisions.len()],
            };
            write(tx, decisions, &current)?;
            Ok::<_, Error>(current)
        });
        let logged = logged.await?;
        for ((index, decision), is_logged) in indices.into_iter().zip(&*decisions).zip(logged) {
            if is_logged {
                verdicts[index] = Some(verdict(decision)?);
            }
        }
    }
    Ok(verdicts)
}

/// Decisions of one namespace that rely on their standing set, or those that do not, and the
/// indices of their requests.
#[derive(Default)]
struct Group {
    indices: Vec<usize>,
    decisions: Vec<Decision>,
}

/// For each decision, whether its standing set is unchanged since it was read.
fn current(tx: &mut Tx, policy: &Policy, decisions: &[Decision]) -> Result<Vec<bool>> {
    let initiators: Vec<_> = decisions.iter().map(|one| &one.initiator).collect();
    let standing = crate::standing(policy, tx, &initiators, Lock::Shared)?;
    let pairs = decisions.iter().zip(standing);
    Ok(pairs
        .map(|(decision, standing)| decision.standing == Some(standing))
        .collect())
}

/// Log those decisions that are current.
fn write(tx: &mut Tx, decisions: &[Decision], current: &[bool]) -> Result<()> {
    let decisions: Cow<'_, [Decision]> = match current.iter().all(|is_current| *is_current) {
        true => decisions.into(),
        false => {
            let pairs = decisions.iter().zip(current);
            let current = pairs.filter(|(_, is_current)| **is_current);
            current.map(|(decision, _)| decision.clone()).collect()
        }
    };
    table::decision::insert(tx, &decisions)?;
    decisions
        .iter()
        .for_each(|decision| tx.append(fact(decision)));
    Ok(())
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
            standing: decision.standing.ok_or_else(|| Error::Internal {
                why: "the decision has no standing set".to_owned(),
            })?,
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
