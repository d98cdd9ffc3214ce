//! Dry runs: evaluate a document on an input, without a decision request, log entry or permit.

pub(crate) mod example;

use crate::document_cache::Document;
use crate::evaluate::{self, LookupRequest};
use crate::outcome::{Reason, ReasonCode, combine};
use crate::policies::version_by_id;
use crate::{Error, Limits, Outcome, Policy, Result};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use types::{Digest, Namespace, Principal, VersionId};
use utoipa::ToSchema;

/// The document of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRunTarget {
    /// A Rego text.
    Document(String),
    Version(VersionId),
}

/// The result of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = DryRunResult)]
pub struct DryRun {
    /// The outcome if this were the only policy that applies.
    #[schema(value_type = serde_json::Value)]
    pub outcome: Outcome,
    /// The lookups that the document requires for this input.
    #[schema(value_type = serde_json::Value)]
    pub lookups: Vec<RequestedLookup>,
    /// The SHA-256 hash of the document.
    pub hash: Digest,
}

/// A lookup that a document requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestedLookup {
    /// The name of the answer in `input.lookups`.
    pub name: String,
    pub from: String,
    pub args: Value,
    /// Whether the input contains an answer.
    pub answered: bool,
}

/// Evaluate a document on an input: JSON text that matches the schema, with the answers of lookups
/// in `lookups`. No lookup is answered, and nothing is written or signed. Errors:
/// `policy.invalid_input`, `policy.invalid_document`, `policy.unknown_version`,
/// `policy.limit_exceeded`.
pub async fn dry_run(
    policy: &Policy,
    principal: &Principal,
    target: DryRunTarget,
    input: &str,
) -> Result<DryRun> {
    let input = parsed(policy, input)?;
    let text = text(policy, principal, target).await?;
    let (limits, namespace) = (policy.settings.limits.clone(), principal.namespace);
    let cache = policy.cache.clone();
    let run = move || {
        let cached = cache.get(&Digest::of(text.as_bytes()));
        let document = cached.unwrap_or_else(|| Arc::new(Document::new(&text)));
        evaluate_document(&document, &input, &limits, &namespace)
    };
    policy.pool.run(run).await?
}

fn parsed(policy: &Policy, input: &str) -> Result<Value> {
    let limit = policy.settings.limits.input_bytes;
    if input.len() > limit {
        return Err(Error::too_long("input", "bytes in an input", limit));
    }
    let input: Value = serde_json::from_str(input).map_err(|error| Error::InvalidInput {
        why: error.to_string(),
    })?;
    match crate::input::schema_violation(&input) {
        Some(why) => Err(Error::InvalidInput { why }),
        None => Ok(input),
    }
}

async fn text(policy: &Policy, principal: &Principal, target: DryRunTarget) -> Result<String> {
    match target {
        DryRunTarget::Document(text) if text.len() > policy.settings.limits.document_bytes => {
            let limit = policy.settings.limits.document_bytes;
            Err(Error::too_long("document", "bytes in a document", limit))
        }
        DryRunTarget::Document(text) => Ok(text),
        DryRunTarget::Version(id) => {
            let version = version_by_id(policy, principal, id).await?;
            Ok(version.document)
        }
    }
}

/// Evaluate a compiled document on an input that matches the schema.
pub(crate) fn evaluate_document(
    document: &Document,
    input: &Value,
    limits: &Limits,
    namespace: &Namespace,
) -> Result<DryRun> {
    let internal = |why: String| Error::Internal { why };
    let compiled = document.valid()?;
    let fee =
        serde_json::from_value(input["fee"].clone()).map_err(|error| Error::InvalidInput {
            why: error.to_string(),
        })?;
    let answers = input
        .get("lookups")
        .cloned()
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let mut base = input.clone();
    if let Some(fields) = base.as_object_mut() {
        fields.shift_remove("lookups");
    }
    let base = evaluate::input(&base.to_string()).map_err(internal)?;
    let lookup_requests = evaluate::lookup_requests(compiled, &base, limits, namespace);
    let requested_lookups: Vec<RequestedLookup> = lookup_requests
        .iter()
        .flatten()
        .map(|request| requested_lookup(request, &answers))
        .collect();
    let full_input = evaluate::with_lookups(base, &answers).map_err(internal)?;
    let mut opinion = evaluate::opinion(compiled, &full_input, limits, "document");
    opinion
        .reasons
        .extend(lookup_problems(&lookup_requests, &requested_lookups));
    Ok(DryRun {
        outcome: combine(vec![opinion], &fee),
        lookups: requested_lookups,
        hash: document.hash,
    })
}

fn requested_lookup(request: &LookupRequest, answers: &Value) -> RequestedLookup {
    let lookup = &request.lookup;
    let answered = answers.get(&request.key).is_some();
    RequestedLookup {
        name: request.key.clone(),
        from: lookup.name.clone(),
        args: lookup.args.clone(),
        answered,
    }
}

/// As in a decision, a lookup without an answer denies.
fn lookup_problems(
    lookup_requests: &std::result::Result<Vec<LookupRequest>, String>,
    requested_lookups: &[RequestedLookup],
) -> Vec<Reason> {
    let reason = |code, why: String| Reason::new(code, Some("document"), why);
    match lookup_requests {
        Err(why) => vec![reason(ReasonCode::NoAnswer, why.clone())],
        Ok(_) => requested_lookups
            .iter()
            .filter(|lookup| !lookup.answered)
            .map(|lookup| {
                reason(
                    ReasonCode::Lookup,
                    format!(
                        "the input has no answer lookups[{:?}] of {}",
                        lookup.name, lookup.from
                    ),
                )
            })
            .collect(),
    }
}
