//! Separation of duties: whoever has something signed does not also decide that it may be.

use super::pending::PendingDecision;
use crate::outcome::{Reason, ReasonCode};
use crate::table::attachment::{self as table, AttachedBy};
use crate::table::decision::DocumentSource;
use crate::{Policy, Result, Target};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use store::Tx;
use types::{Namespace, PolicyId, Principal};

/// If the settings ask for it, deny where the initiator, or one in whose name it acts, has written
/// the version or made the attachment of every policy that applies. API keys that share a name
/// count as one person.
pub(crate) async fn require(
    policy: &Policy,
    mut pending: Vec<PendingDecision>,
) -> Result<Vec<PendingDecision>> {
    if !policy.settings.separation_of_duties {
        return Ok(pending);
    }
    let mut targets: BTreeMap<Namespace, HashSet<Target>> = BTreeMap::new();
    for decision in pending.iter().filter(|decision| is_judged(decision)) {
        let namespace = decision.request.initiator.namespace;
        let known = targets.entry(namespace).or_default();
        known.extend(decision.targets.iter().cloned());
    }
    let mut attached: BTreeMap<Namespace, Vec<AttachedBy>> = BTreeMap::new();
    for (namespace, targets) in targets {
        let readable = targets
            .into_iter()
            .filter(|target| !target.key().contains('\0'));
        let targets: Vec<Target> = readable.collect();
        let read = |tx: &mut Tx, targets: &Vec<Target>| table::attached_by(tx, targets);
        let read = policy.db().read_with(&namespace, targets, read);
        attached.insert(namespace, read.await?);
    }
    for decision in pending.iter_mut().filter(|decision| is_judged(decision)) {
        let known = attached.get(&decision.request.initiator.namespace);
        if !has_another_author(decision, known.into_iter().flatten()) {
            let text = "every policy that applies was written or attached by the initiator, or \
                        by one in whose name it acts: another person must do that";
            let reason = Reason::new(ReasonCode::SamePerson, None, text);
            decision.problems.push(reason);
        }
    }
    Ok(pending)
}

/// Whether policies of the namespace decide it.
fn is_judged(decision: &PendingDecision) -> bool {
    decision.revision.is_some()
}

/// Whether one of the policies that apply was written and attached by others.
fn has_another_author<'a>(
    decision: &PendingDecision,
    attached: impl Iterator<Item = &'a AttachedBy>,
) -> bool {
    let policies: BTreeSet<PolicyId> = decision
        .documents
        .iter()
        .filter_map(|selected| match &selected.source {
            DocumentSource::Version { policy, .. } => Some(*policy),
            DocumentSource::Shipped { .. } => None,
        })
        .collect();
    let people = people(&decision.request.initiator);
    let is_other = |name: &String| !people.contains(name.as_str());
    let applies = |one: &&AttachedBy| {
        policies.contains(&one.policy) && decision.targets.contains(&one.target)
    };
    let mut attached = attached.filter(applies);
    attached.any(|one| is_other(&one.attached_by) && one.written_by.as_ref().is_some_and(is_other))
}

fn people(initiator: &Principal) -> BTreeSet<&str> {
    let chain = initiator
        .chain_of
        .iter()
        .map(|cause| cause.author.id.as_str());
    chain.chain([initiator.id.as_str()]).collect()
}
