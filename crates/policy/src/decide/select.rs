//! Selection of documents: those attached to the request's targets, and those it names.

use super::pending::{PendingDecision, SelectedDocument};
use crate::decision::DocumentSource;
use crate::document::SHIPPED_CANCEL;
use crate::document_cache::Document;
use crate::outcome::{Reason, ReasonCode};
use crate::table::attachment::PolicyRow;
use crate::{Error, Policy, Result, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::Tx;
use types::{Digest, Namespace, VersionId};

/// The active policies of a namespace, for the targets and names of a batch.
#[derive(Default)]
struct ActivePolicies {
    revision: i64,
    attached: HashMap<(String, String), Vec<PolicyRow>>,
    named: HashMap<String, PolicyRow>,
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
                policy.config.limits.policies_per_decision,
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
    let cache = policy.cache.clone();
    let mut documents = policy
        .pool
        .map(vec![SHIPPED_CANCEL], move |text| {
            cache.compile_and_insert(text)
        })
        .await?;
    documents.pop().ok_or_else(|| Error::Internal {
        why: "the shipped document was lost".to_owned(),
    })
}

async fn read(
    policy: &Policy,
    namespace: &Namespace,
    pending: &[PendingDecision],
    indices: &[usize],
) -> Result<ActivePolicies> {
    let targets: HashSet<(&'static str, String)> = indices
        .iter()
        .flat_map(|index| &pending[*index].targets)
        .map(|target| (target.kind(), target.key()))
        .filter(|(_, key)| !key.contains('\0'))
        .collect();
    let names: HashSet<(String,)> = indices
        .iter()
        .flat_map(|index| &pending[*index].request.policies)
        .filter(|name| !name.contains('\0'))
        .map(|name| (name.clone(),))
        .collect();
    let (targets, names): (Vec<_>, Vec<_>) =
        (targets.into_iter().collect(), names.into_iter().collect());
    policy
        .db
        .read(namespace, move |tx| active(tx, &targets, &names))
        .await
}

fn active(
    tx: &mut Tx<'_, '_>,
    targets: &[(&'static str, String)],
    names: &[(String,)],
) -> Result<ActivePolicies> {
    let mut active = ActivePolicies {
        revision: table::revision::get(tx)?,
        ..ActivePolicies::default()
    };
    for (kind, target, policy_row) in table::attachment::attached(tx, targets)? {
        active
            .attached
            .entry((kind, target))
            .or_default()
            .push(policy_row);
    }
    for policy_row in table::attachment::named(tx, names)? {
        active.named.insert(policy_row.1.clone(), policy_row);
    }
    Ok(active)
}

/// The documents of all versions; those not cached are loaded and compiled.
async fn active_documents(
    policy: &Policy,
    namespace: &Namespace,
    active: &ActivePolicies,
) -> Result<HashMap<VersionId, Arc<Document>>> {
    let all = active
        .attached
        .values()
        .flatten()
        .chain(active.named.values());
    let versions: HashMap<VersionId, Digest> = all
        .filter_map(|policy_row| policy_row.2.zip(policy_row.4))
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
            None => missing.push((version,)),
        }
    }
    if !missing.is_empty() {
        let texts = policy
            .db
            .read(namespace, move |tx| table::version::documents(tx, &missing))
            .await?;
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
    let mut selected: BTreeMap<&str, &PolicyRow> = BTreeMap::new(); // ordered by name, so that the log is deterministic
    for target in &decision.targets {
        let policy_row = active
            .attached
            .get(&(target.kind().to_owned(), target.key()));
        selected.extend(
            policy_row
                .into_iter()
                .flatten()
                .map(|policy_row| (policy_row.1.as_str(), policy_row)),
        );
    }
    for name in &decision.request.policies {
        match active.named.get(name) {
            Some(policy_row) => drop(selected.insert(&policy_row.1, policy_row)),
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
    for (id, name, version, label, hash) in selected.into_values() {
        match version
            .and_then(|version| Some((version, documents.get(&version)?, label.clone()?, (*hash)?)))
        {
            Some((version, document, label, hash)) => {
                let source = DocumentSource::Version {
                    policy: *id,
                    name: name.clone(),
                    version,
                    label,
                    hash,
                };
                decision.documents.push(SelectedDocument {
                    source,
                    document: document.clone(),
                    lookups: Ok(Vec::new()),
                });
            }
            None => decision.problems.push(Reason::new(
                ReasonCode::Missing,
                Some(name),
                "it has no version yet",
            )),
        }
    }
}
