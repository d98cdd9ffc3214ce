//! Dry runs: what a document says of an input, without a question, a log or a permit.

pub(crate) mod example;

use crate::evaluate::{self, Ask};
use crate::outcome::{Reason, Why, combine};
use crate::shelf::Document;
use crate::{Error, Limits, Outcome, Policy, Result, table};
use serde::Serialize;
use serde_json::Value;
use types::{Digest, Namespace, Principal, VersionId};

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// A text.
    Document(String),
    /// A version.
    Version(VersionId),
}

/// What came of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// What a decision would come to if this document alone were asked.
    pub outcome: Outcome,
    /// The lookups that the document asks for with this input.
    pub lookups: Vec<Wanted>,
    /// SHA-256 of the document.
    pub hash: Digest,
}

/// A lookup that a document asks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wanted {
    /// The name under which it wants the answer in `input.lookups`.
    pub name: String,
    /// Which lookup.
    pub from: String,
    /// Its arguments.
    pub args: Value,
    /// Whether the given input holds an answer.
    pub answered: bool,
}

/// Try a document on an input (JSON text that fits the schema; answers of lookups stand in its
/// `lookups`). Nothing is asked, written or signed. Errors: `policy.input`, `policy.document`,
/// `policy.unknown_version`, `policy.limit`.
pub async fn dry_run(
    policy: &Policy,
    who: &Principal,
    trial: Trial,
    input: &str,
) -> Result<DryRun> {
    let input = parsed(policy, input)?;
    let text = text(policy, who, trial).await?;
    let (limits, namespace) = (policy.config.limits.clone(), who.namespace.clone());
    let run = move |text: String| {
        let document = Document::new(&text);
        document
            .compiled
            .as_ref()
            .map_err(|refusal| Error::Document(refusal.clone()))?;
        tried(&document, &input, &limits, &namespace)
    };
    let mut runs = policy.threads.each(vec![text], run).await?;
    runs.pop().unwrap_or_else(|| {
        Err(Error::Stopped {
            why: "the dry run was lost".to_owned(),
        })
    })
}

fn parsed(policy: &Policy, input: &str) -> Result<Value> {
    let limit = policy.config.limits.input_bytes;
    if input.len() > limit {
        return Err(Error::Limit {
            what: "bytes in an input",
            limit,
            field: Some("input"),
        });
    }
    let input: Value = serde_json::from_str(input).map_err(|error| Error::Input {
        why: error.to_string(),
    })?;
    match crate::input::misfit(&input) {
        Some(why) => Err(Error::Input { why }),
        None => Ok(input),
    }
}

async fn text(policy: &Policy, who: &Principal, trial: Trial) -> Result<String> {
    match trial {
        Trial::Document(text) if text.len() > policy.config.limits.document_bytes => {
            Err(Error::Limit {
                what: "bytes in a document",
                limit: policy.config.limits.document_bytes,
                field: Some("document"),
            })
        }
        Trial::Document(text) => Ok(text),
        Trial::Version(id) => {
            let found = policy
                .db
                .read(&who.namespace, move |tx| table::version::get(tx, id))
                .await?;
            found
                .map(|found| found.document)
                .ok_or_else(|| Error::UnknownVersion {
                    version: id.to_string(),
                })
        }
    }
}

/// What a compiled document says of an input that fits the schema.
pub(crate) fn tried(
    document: &Document,
    input: &Value,
    limits: &Limits,
    namespace: &Namespace,
) -> Result<DryRun> {
    let stopped = |why: String| Error::Stopped { why };
    let compiled = document
        .compiled
        .as_ref()
        .map_err(|refusal| Error::Document(refusal.clone()))?;
    let fee = serde_json::from_value(input["fee"].clone()).map_err(|error| Error::Input {
        why: error.to_string(),
    })?;
    let given = input
        .get("lookups")
        .cloned()
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let mut base = input.clone();
    if let Some(fields) = base.as_object_mut() {
        fields.shift_remove("lookups");
    }
    let base = evaluate::input(&base.to_string()).map_err(stopped)?;
    let asks = evaluate::asks(compiled, &base, limits, namespace);
    let wanted: Vec<Wanted> = asks
        .iter()
        .flatten()
        .map(|ask| wanted(ask, &given))
        .collect();
    let whole = evaluate::with_lookups(base, &given).map_err(stopped)?;
    let mut opinion = evaluate::opinion(compiled, &whole, limits, "document");
    opinion.reasons.extend(lookup_problems(&asks, &wanted));
    Ok(DryRun {
        outcome: combine(vec![opinion], &fee),
        lookups: wanted,
        hash: document.hash,
    })
}

fn wanted(ask: &Ask, given: &Value) -> Wanted {
    let lookup = &ask.lookup;
    let answered = given.get(&ask.key).is_some();
    Wanted {
        name: ask.key.clone(),
        from: lookup.name.clone(),
        args: lookup.args.clone(),
        answered,
    }
}

/// As in a decision, a lookup without an answer denies.
fn lookup_problems(asks: &std::result::Result<Vec<Ask>, String>, wanted: &[Wanted]) -> Vec<Reason> {
    let said = |code, why: String| Reason::new(code, Some("document"), why);
    match asks {
        Err(why) => vec![said(Why::NoAnswer, why.clone())],
        Ok(_) => wanted
            .iter()
            .filter(|one| !one.answered)
            .map(|one| {
                said(
                    Why::Lookup,
                    format!(
                        "the input holds no answer lookups[{:?}] of {}",
                        one.name, one.from
                    ),
                )
            })
            .collect(),
    }
}
