//! Replay: past decisions again, on the documents they had or on another version.

use crate::decide::{Answers, Asked, find, judge};
use crate::decision::{Decision, Filter, Source};
use crate::document::SHIPPED_CANCEL;
use crate::evaluate;
use crate::shelf::Document;
use crate::{Error, Limits, Outcome, Policy, Result, decisions, table};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use types::{DecisionId, Digest, Page, Principal, VersionId};

/// Decisions that are judged together.
const SLICE: u32 = 200;
/// Differences that are listed; beyond, they are counted.
const MOST_LISTED: usize = 1_000;

/// On which documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Those that each decision had: nothing may differ.
    SameVersion,
    /// The same, but for one policy this version of it: what would it have changed?
    Version(VersionId),
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// Decisions that were judged again.
    pub judged: u64,
    /// Decisions that could not be: their input could not be read then, or a document is not there
    /// any more.
    pub skipped: u64,
    /// Decisions that came out otherwise.
    pub different: u64,
}

/// A decision that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub decision: DecisionId,
    /// What came of it then.
    pub was: Outcome,
    /// What would come of it now.
    pub now: Outcome,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Replay {
    /// The counts.
    #[serde(flatten)]
    pub total: Progress,
    /// The newest of the differences.
    pub differences: Vec<Difference>,
}

/// Judge past decisions again, newest first. With [`Against::Version`] those that asked its policy.
/// Lookups are answered from the log; one that was not asked then has no answer now, and denies.
/// Nothing is written. Errors: `policy.unknown_policy`, `policy.unknown_version`.
pub async fn replay(
    policy: &Policy,
    who: &Principal,
    filter: &Filter,
    against: Against,
    mut progress: impl FnMut(Progress),
) -> Result<Replay> {
    let mut whole = Replay::default();
    let mut page = Page {
        limit: SLICE,
        skip: 0,
        after: None,
    };
    loop {
        let (part, next) = replay_page(policy, who, filter, against, &page).await?;
        whole.add(part);
        progress(whole.total);
        match next {
            Some(next) => page.after = Some(next),
            None => return Ok(whole),
        }
    }
}

/// One page of a replay, and where the next begins, if there is one: for who asks from outside, and
/// wants to see how far it is. Errors: as [`replay`], and `policy.cursor`.
pub async fn replay_page(
    policy: &Policy,
    who: &Principal,
    filter: &Filter,
    against: Against,
    page: &Page,
) -> Result<(Replay, Option<String>)> {
    let other = other(policy, who, against).await?;
    let filter = narrowed(filter, other.as_ref());
    let found = decisions(policy, who, &filter, page).await?;
    let mut replay = Replay::default();
    for judged in again(policy, found.items, other).await? {
        replay.count(judged);
    }
    Ok((replay, found.next))
}

/// The document that takes the place of a policy's own.
#[derive(Clone)]
struct Other {
    source: Source,
    document: Arc<Document>,
}

async fn other(policy: &Policy, who: &Principal, against: Against) -> Result<Option<Other>> {
    let Against::Version(id) = against else {
        return Ok(None);
    };
    let found = policy
        .db
        .read(&who.namespace, move |tx| table::version::get(tx, id))
        .await?;
    let found = found.ok_or_else(|| Error::UnknownVersion {
        version: id.to_string(),
    })?;
    let (shelf, text) = (policy.shelf.clone(), found.document);
    let document = policy
        .threads
        .each(vec![text], move |text| shelf.put(&text))
        .await?
        .pop();
    let document = document.ok_or_else(|| Error::Stopped {
        why: "a document was lost".to_owned(),
    })?;
    let (label, hash) = (found.label, found.hash);
    let source = Source::Version {
        policy: found.policy,
        name: String::new(),
        version: id,
        label,
        hash,
    };
    Ok(Some(Other { source, document }))
}

fn narrowed(filter: &Filter, other: Option<&Other>) -> Filter {
    match other.map(|other| &other.source) {
        Some(Source::Version { policy, .. }) => Filter {
            policy: Some(policy.to_string()),
            ..filter.clone()
        },
        _ => filter.clone(),
    }
}

type Judged = (Decision, Option<Outcome>);

async fn again(
    policy: &Policy,
    decisions: Vec<Decision>,
    other: Option<Other>,
) -> Result<Vec<Judged>> {
    let versions: HashMap<VersionId, Digest> = decisions
        .iter()
        .flat_map(|decision| &decision.documents)
        .filter_map(of_version)
        .collect();
    let documents = match decisions.first() {
        Some(first) => Arc::new(find::load(policy, &first.namespace, versions).await?),
        None => return Ok(Vec::new()),
    };
    let (limits, shelf) = (policy.config.limits.clone(), policy.shelf.clone());
    let cancel = move || {
        shelf
            .get(&Digest::of(SHIPPED_CANCEL.as_bytes()))
            .unwrap_or_else(|| shelf.put(SHIPPED_CANCEL))
    };
    policy
        .threads
        .each(decisions, move |decision| {
            let asked = asked(&decision, &documents, &cancel, other.as_ref());
            let outcome = asked.map(|asked| once_more(&decision, asked, &limits));
            (decision, outcome)
        })
        .await
}

fn of_version(source: &Source) -> Option<(VersionId, Digest)> {
    match source {
        Source::Version { version, hash, .. } => Some((*version, *hash)),
        Source::Shipped { .. } => None,
    }
}

/// The documents of a decision, one of them perhaps replaced; none if one is not there any more.
fn asked(
    decision: &Decision,
    documents: &HashMap<VersionId, Arc<Document>>,
    cancel: &impl Fn() -> Arc<Document>,
    other: Option<&Other>,
) -> Option<Vec<Asked>> {
    if decision.input.to_value().get("unreadable").is_some() {
        return None;
    }
    let document = |source: &Source| match source {
        Source::Version {
            policy, version, ..
        } => match other.map(|other| (&other.source, other)) {
            Some((
                Source::Version {
                    policy: replaced, ..
                },
                other,
            )) if replaced == policy => Some(other.document.clone()),
            _ => documents.get(version).cloned(),
        },
        Source::Shipped { hash, .. } => Some(cancel()).filter(|document| document.hash == *hash),
    };
    let one = |source: &Source| {
        Some(Asked {
            source: source.clone(),
            document: document(source)?,
            asks: Ok(Vec::new()),
        })
    };
    decision.documents.iter().map(one).collect()
}

fn once_more(decision: &Decision, mut asked: Vec<Asked>, limits: &Limits) -> Outcome {
    let answers = Answers::from_log(&decision.namespace, &decision.lookups.to_value());
    let input = evaluate::input(decision.input.as_str());
    for one in &mut asked {
        if let (Ok(document), Ok(input)) = (&one.document.compiled, &input) {
            one.asks = evaluate::asks(document, input, limits, &decision.namespace);
        }
    }
    judge(
        decision.input.as_str(),
        &asked,
        &decision.standing_problems(),
        &answers,
        limits,
    )
}

impl Replay {
    fn add(&mut self, part: Replay) {
        self.total.judged += part.total.judged;
        self.total.skipped += part.total.skipped;
        self.total.different += part.total.different;
        let room = MOST_LISTED.saturating_sub(self.differences.len());
        self.differences
            .extend(part.differences.into_iter().take(room));
    }

    fn count(&mut self, (decision, outcome): Judged) {
        let Some(now) = outcome else {
            self.total.skipped += 1;
            return;
        };
        self.total.judged += 1;
        if now != decision.outcome {
            self.total.different += 1;
            if self.differences.len() < MOST_LISTED {
                self.differences.push(Difference {
                    decision: decision.id,
                    was: decision.outcome,
                    now,
                });
            }
        }
    }
}
