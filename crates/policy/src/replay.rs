//! Replay: evaluate past decisions again, on the same documents or on another version.

use crate::decide::{Answers, SelectedDocument, judge, select};
use crate::document::SHIPPED_CANCEL;
use crate::document_cache::Document;
use crate::evaluate;
use crate::policies::version_by_id;
use crate::table::decision::{Decision, DecisionFilter, DocumentSource};
use crate::{Limits, Outcome, Policy, Result, decisions};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use types::{DecisionId, Digest, Page, PolicyId, Principal, VersionId};

/// Decisions evaluated together.
const DECISIONS_PER_PAGE: u32 = 200;
/// The largest number of listed differences; beyond it they are only counted.
const MAX_LISTED: usize = 1_000;

/// The documents of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayTarget {
    /// The documents of each decision: the outcome must be the same.
    SameVersion,
    /// The same, but with this version in place of its policy's own, to show what it would have
    /// changed.
    Version(VersionId),
}

/// The progress of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReplayProgress {
    /// Decisions evaluated again.
    pub judged: u64,
    /// Decisions that could not be evaluated: their intent was unreadable, or a document does not
    /// exist any more.
    pub skipped: u64,
    /// Decisions with a different outcome.
    pub different: u64,
}

/// A decision with a different outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub decision: DecisionId,
    /// The logged outcome.
    pub was: Outcome,
    /// The outcome of the replay.
    pub now: Outcome,
}

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Replay {
    #[serde(flatten)]
    pub total: ReplayProgress,
    /// The newest differences.
    pub differences: Vec<Difference>,
}

/// Evaluate past decisions again, newest first; with [`ReplayTarget::Version`], those that
/// evaluated its policy. Lookups are answered from the log; one that was not logged has no answer
/// and denies. Nothing is written. Errors: `policy.unknown_policy`, `policy.unknown_version`.
pub async fn replay(
    policy: &Policy,
    principal: &Principal,
    filter: &DecisionFilter,
    against: ReplayTarget,
    mut progress: impl FnMut(ReplayProgress),
) -> Result<Replay> {
    let mut result = Replay::default();
    let mut page = Page {
        limit: DECISIONS_PER_PAGE,
        skip: 0,
        after: None,
    };
    loop {
        let (page_result, next) = replay_page(policy, principal, filter, against, &page).await?;
        result.add(page_result);
        progress(result.total);
        match next {
            Some(next) => page.after = Some(next),
            None => return Ok(result),
        }
    }
}

/// One page of a replay, and the cursor of the next page, if any: for callers that report progress.
/// Errors: as for [`replay`], and `policy.invalid_cursor`.
pub async fn replay_page(
    policy: &Policy,
    principal: &Principal,
    filter: &DecisionFilter,
    against: ReplayTarget,
    page: &Page,
) -> Result<(Replay, Option<String>)> {
    let replacement = replacement(policy, principal, against).await?;
    let filter = filter_for(filter, replacement.as_ref());
    let stored = decisions(policy, principal, &filter, page).await?;
    let mut replay = Replay::default();
    for judged in evaluate_again(policy, stored.items, replacement).await? {
        replay.count(judged);
    }
    Ok((replay, stored.next))
}

/// The document that replaces a policy's own.
#[derive(Clone)]
struct Replacement {
    policy: PolicyId,
    document: Arc<Document>,
}

async fn replacement(
    policy: &Policy,
    principal: &Principal,
    against: ReplayTarget,
) -> Result<Option<Replacement>> {
    let ReplayTarget::Version(id) = against else {
        return Ok(None);
    };
    let stored = version_by_id(policy, principal, id).await?;
    let document = policy.compile(stored.document).await?;
    Ok(Some(Replacement {
        policy: stored.policy,
        document,
    }))
}

fn filter_for(filter: &DecisionFilter, replacement: Option<&Replacement>) -> DecisionFilter {
    let policy = replacement.map(|replacement| replacement.policy.to_string());
    DecisionFilter {
        policy: policy.or_else(|| filter.policy.clone()),
        ..filter.clone()
    }
}

type Judged = (Decision, Option<Outcome>);

async fn evaluate_again(
    policy: &Policy,
    decisions: Vec<Decision>,
    replacement: Option<Replacement>,
) -> Result<Vec<Judged>> {
    let versions: HashMap<VersionId, Digest> = decisions
        .iter()
        .flat_map(|decision| &decision.documents)
        .filter_map(version_of)
        .collect();
    let documents = match decisions.first() {
        Some(first) => Arc::new(select::load(policy, &first.namespace, versions).await?),
        None => return Ok(Vec::new()),
    };
    let (limits, cache) = (policy.settings.limits.clone(), policy.cache.clone());
    let cancel = move || {
        cache
            .get(&Digest::of(SHIPPED_CANCEL.as_bytes()))
            .unwrap_or_else(|| cache.compile_and_insert(SHIPPED_CANCEL))
    };
    policy
        .pool
        .map(decisions, move |decision| {
            let selected_documents =
                selected_documents(&decision, &documents, &cancel, replacement.as_ref());
            let outcome = selected_documents.map(|selected_documents| {
                evaluate_decision(&decision, selected_documents, &limits)
            });
            (decision, outcome)
        })
        .await
}

fn version_of(source: &DocumentSource) -> Option<(VersionId, Digest)> {
    match source {
        DocumentSource::Version { version, hash, .. } => Some((*version, *hash)),
        DocumentSource::Shipped { .. } => None,
    }
}

/// The documents of a decision, with the replacement if any; `None` if one does not exist any more.
fn selected_documents(
    decision: &Decision,
    documents: &HashMap<VersionId, Arc<Document>>,
    cancel: &impl Fn() -> Arc<Document>,
    replacement: Option<&Replacement>,
) -> Option<Vec<SelectedDocument>> {
    if decision.input.to_value().get("unreadable").is_some() {
        return None;
    }
    let document = |source: &DocumentSource| match source {
        DocumentSource::Version {
            policy, version, ..
        } => match replacement {
            Some(replacement) if replacement.policy == *policy => {
                Some(replacement.document.clone())
            }
            _ => documents.get(version).cloned(),
        },
        DocumentSource::Shipped { hash, .. } => {
            Some(cancel()).filter(|document| document.hash == *hash)
        }
    };
    let selected = |source: &DocumentSource| {
        Some(SelectedDocument {
            source: source.clone(),
            document: document(source)?,
            lookups: Ok(Vec::new()),
        })
    };
    decision.documents.iter().map(selected).collect()
}

fn evaluate_decision(
    decision: &Decision,
    mut selected_documents: Vec<SelectedDocument>,
    limits: &Limits,
) -> Outcome {
    let answers = Answers::from_log(&decision.namespace, &decision.lookups.to_value());
    let input = evaluate::input(decision.input.as_str());
    for selected in &mut selected_documents {
        if let (Ok(document), Ok(input)) = (&selected.document.compiled, &input) {
            selected.lookups =
                evaluate::lookup_requests(document, input, limits, &decision.namespace);
        }
    }
    judge(
        decision.input.as_str(),
        &selected_documents,
        &decision.selection_problems(),
        &answers,
        limits,
    )
}

impl Replay {
    fn add(&mut self, page_result: Replay) {
        self.total.judged += page_result.total.judged;
        self.total.skipped += page_result.total.skipped;
        self.total.different += page_result.total.different;
        let room = MAX_LISTED.saturating_sub(self.differences.len());
        self.differences
            .extend(page_result.differences.into_iter().take(room));
    }

    fn count(&mut self, (decision, outcome): Judged) {
        let Some(now) = outcome else {
            self.total.skipped += 1;
            return;
        };
        self.total.judged += 1;
        if now != decision.outcome {
            self.total.different += 1;
            if self.differences.len() < MAX_LISTED {
                self.differences.push(Difference {
                    decision: decision.id,
                    was: decision.outcome,
                    now,
                });
            }
        }
    }
}
