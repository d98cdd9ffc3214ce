//! Selection of documents: those attached to the request's targets, and those it names.

use super::pending::{PendingDecision, SelectedDocument};
use crate::document::SHIPPED_CANCEL;
use crate::document_cache::Document;
use crate::outcome::{Reason, ReasonCode};
use crate::table::attachment::ActivePolicy;
use crate::table::decision::DocumentSource;
use crate::{Error, Policy, Result, Target, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::Tx;
use types::{ChainId, Digest, Namespace, VersionId};

/// The active policies of a namespace, for the targets and names of a batch.
#[derive(Default)]
struct ActivePolicies {
    revision: u64,
    attached: HashMap<Target, Vec<ActivePolicy>>,
    named: HashMap<String, ActivePolicy>,
    /// Those attached to any asset or any contract of a chain.
    on_chain: HashMap<ChainId, Vec<ActivePolicy>>,
}

/// What a batch selects by.
struct Selectors {
    targets: Vec<Target>,
    names: Vec<String>,
    /// The chains on which some effects are not completely known.
    chains: Vec<ChainId>,
}

pub(crate) async fn documents(
    policy: &Policy,
    mut pending: Vec<PendingDecision>,
) -> Result<Vec<PendingDecision>> {
    let cancel = shipped_cancel(policy).await?;
    for (namespace, indices) in indices_by_namespace(&pending) {
        let active = read(policy, &namespace, &pending, &indices).await?;
        let documents = active_documents(policy, &namespace, &active).await?;
        for index in indices {
            pending[index].revision = Some(active.revision);
            select(
                &mut pending[index],
                &active,
                &documents,
                policy.settings.limits.policies_per_decision,
            );
        }
    }
    for decision in pending
        .iter_mut()
        .filter(|decision| decision.request.is_cancel() && decision.is_readable())
    {
        let source = DocumentSource::Shipped {
            name: "cancel".to_owned(),
            hash: cancel.hash,
        };
        decision.documents = vec![SelectedDocument {
            source,
            document: cancel.clone(),
            lookups: Ok(Vec::new()),
        }];
    }
    Ok(pending)
}

/// The indices of the requests by namespace, without cancels. Cancels are not subject to attached
/// policies: no policy may prevent a nonce from being freed.
fn indices_by_namespace(pending: &[PendingDecision]) -> BTreeMap<Namespace, Vec<usize>> {
    let mut indices: BTreeMap<Namespace, Vec<usize>> = BTreeMap::new();
    for (index, decision) in pending
        .iter()
        .enumerate()
        .filter(|(_, decision)| !decision.request.is_cancel() && decision.is_readable())
    {
        indices
            .entry(decision.request.initiator.namespace)
            .or_default()
            .push(index);
    }
    indices
}

async fn shipped_cancel(policy: &Policy) -> Result<Arc<Document>> {
    if let Some(document) = policy.cache.get(&Digest::of(SHIPPED_CANCEL.as_bytes())) {
        return Ok(document);
    }
    policy.compile(SHIPPED_CANCEL.to_owned()).await
}

async fn read(
    policy: &Policy,
    namespace: &Namespace,
    pending: &[PendingDecision],
    indices: &[usize],
) -> Result<ActivePolicies> {
    let targets: HashSet<&Target> = indices
        .iter()
        .flat_map(|index| {
            let decision = &pending[*index];
            decision.targets.iter().chain(&decision.named_targets)
        })
        .filter(|target| !target.key().contains('\0'))
        .collect();
    let names: HashSet<&String> = indices
        .iter()
        .flat_map(|index| &pending[*index].request.policies)
        .filter(|name| !name.contains('\0'))
        .collect();
    let chains: HashSet<ChainId> = indices
        .iter()
        .map(|index| &pending[*index])
        .filter(|decision| !decision.is_complete)
        .map(|decision| decision.request.intent.chain)
        .collect();
    let selectors = Selectors {
        targets: targets.into_iter().cloned().collect(),
        names: names.into_iter().cloned().collect(),
        chains: chains.into_iter().collect(),
    };
    policy.db().read_with(namespace, selectors, active).await
}

fn active(tx: &mut Tx, selectors: &Selectors) -> Result<ActivePolicies> {
    let mut active = ActivePolicies {
        revision: table::revision::get(tx)?,
        ..ActivePolicies::default()
    };
    for attached in table::attachment::attached(tx, &selectors.targets)? {
        let policies = active.attached.entry(attached.target).or_default();
        policies.push(attached.policy);
    }
    for policy in table::attachment::named(tx, &selectors.names)? {
        active.named.insert(policy.name.clone(), policy);
    }
    for chain in &selectors.chains {
        let policies = table::attachment::attached_on(tx, chain)?;
        active.on_chain.insert(*chain, policies);
    }
    Ok(active)
}

/// The documents of all versions; those not cached are loaded and compiled.
async fn active_documents(
    policy: &Policy,
    namespace: &Namespace,
    active: &ActivePolicies,
) -> Result<HashMap<VersionId, Arc<Document>>> {
    let attached = active.attached.values().flatten();
    let versions = attached
        .chain(active.named.values())
        .chain(active.on_chain.values().flatten())
        .filter_map(|policy| policy.active.as_ref())
        .map(|version| (version.name.id, version.hash))
        .collect();
    load(policy, namespace, versions).await
}

/// The documents of versions, from the cache or the database.
pub(crate) async fn load(
    policy: &Policy,
    namespace: &Namespace,
    versions: HashMap<VersionId, Digest>,
) -> Result<HashMap<VersionId, Arc<Document>>> {
    let mut documents = HashMap::new();
    let mut missing = Vec::new();
    for (version, hash) in versions {
        match policy.cache.get(&hash) {
            Some(document) => drop(documents.insert(version, document)),
            None => missing.push(version),
        }
    }
    if !missing.is_empty() {
        let texts = policy
            .db()
            .read_with(namespace, missing, |tx, missing| {
                table::version::documents(tx, missing)
            })
            .await
            .map_err(Error::Store)?;
        let cache = policy.cache.clone();
        documents.extend(
            policy
                .pool
                .map(texts, move |(version, text)| {
                    (version, cache.compile_and_insert(&text))
                })
                .await?,
        );
    }
    Ok(documents)
}

/// Select the policies of the targets and names of a pending decision, each once.
fn select(
    decision: &mut PendingDecision,
    active: &ActivePolicies,
    documents: &HashMap<VersionId, Arc<Document>>,
    limit: usize,
) {
    // Ordered by name, so that the log is deterministic.
    let mut selected: BTreeMap<&str, &ActivePolicy> = BTreeMap::new();
    let attached = |targets: &[Target]| -> Vec<(&str, &ActivePolicy)> {
        let attached = targets
            .iter()
            .filter_map(|target| active.attached.get(target));
        let policies = attached.flatten();
        policies
            .map(|policy| (policy.name.as_str(), policy))
            .collect()
    };
    selected.extend(attached(&decision.targets));
    if selected.is_empty() {
        decision.problems.push(Reason::no_policy());
    }
    selected.extend(attached(&decision.named_targets));
    if !decision.is_complete {
        let chain = &decision.request.intent.chain;
        let any = active.on_chain.get(chain).into_iter().flatten();
        selected.extend(any.map(|policy| (policy.name.as_str(), policy)));
    }
    for name in &decision.request.policies {
        match active.named.get(name) {
            Some(policy) => drop(selected.insert(&policy.name, policy)),
            None => decision.problems.push(Reason::new(
                ReasonCode::Missing,
                Some(name),
                "there is no policy with this name",
            )),
        }
    }
    if selected.len() > limit {
        decision.problems.push(Reason::new(
            ReasonCode::NoAnswer,
            None,
            format!("more than {limit} policies apply"),
        ));
        return;
    }
    for policy in selected.into_values() {
        match selected_document(policy, documents) {
            Some(selected) => decision.documents.push(selected),
            None => decision.problems.push(Reason::new(
                ReasonCode::Missing,
                Some(&policy.name),
                "it has no version yet",
            )),
        }
    }
}

/// The document of a policy's active version; none if it has no version.
fn selected_document(
    policy: &ActivePolicy,
    documents: &HashMap<VersionId, Arc<Document>>,
) -> Option<SelectedDocument> {
    let active = policy.active.as_ref()?;
    let source = DocumentSource::Version {
        policy: policy.id,
        name: policy.name.clone(),
        version: active.name.id,
        label: active.name.label.clone(),
        hash: active.hash,
    };
    Some(SelectedDocument {
        source,
        document: documents.get(&active.name.id)?.clone(),
        lookups: Ok(Vec::new()),
    })
}
