//! The example input of a version, which must work.

use super::{DryRun, RequestedLookup, evaluate_document};
use crate::document_cache::Document;
use crate::outcome::ReasonCode;
use crate::{Error, Limits, Outcome, Policy, Result, own_lookups};
use serde_json::Value;
use types::Namespace;

/// Reject a document that does not compile, and an example that does not match the schema, requests
/// an unknown lookup, or on which the document cannot be evaluated. A denial is a valid result.
pub(crate) async fn check(
    policy: &Policy,
    namespace: &Namespace,
    document: &str,
    example: Option<&str>,
) -> Result<()> {
    let (limits, namespace) = (policy.settings.limits.clone(), *namespace);
    let (document, example) = (document.to_owned(), example.map(str::to_owned));
    let run = move || run(&document, example.as_deref(), &limits, &namespace);
    let Some(run) = policy.pool.run(run).await?? else {
        return Ok(());
    };
    let is_unknown = |lookup: &&RequestedLookup| !own_lookups::is_known(policy, &lookup.from);
    match run.lookups.iter().find(is_unknown) {
        Some(lookup) => Err(Error::InvalidExampleInput {
            why: format!("there is no lookup {:?}", lookup.from),
        }),
        None => Ok(()),
    }
}

fn run(
    source: &str,
    example: Option<&str>,
    limits: &Limits,
    namespace: &Namespace,
) -> Result<Option<DryRun>> {
    let document = Document::new(source);
    document.valid()?;
    let Some(text) = example.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let rejected = |why: String| Error::InvalidExampleInput { why };
    let input: Value = serde_json::from_str(text).map_err(|error| rejected(error.to_string()))?;
    if let Some(why) = crate::input::schema_violation(&input) {
        return Err(rejected(why));
    }
    let run = evaluate_document(&document, &input, limits, namespace)?;
    match &run.outcome {
        Outcome::Denied { reasons } => {
            match reasons.iter().find(|reason| is_failure(reason.code)) {
                Some(reason) => Err(rejected(reason.text.clone())),
                None => Ok(Some(run)),
            }
        }
        _ => Ok(Some(run)),
    }
}

fn is_failure(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::NoAnswer
            | ReasonCode::Lookup
            | ReasonCode::NotCompiled
            | ReasonCode::Unreadable
    )
}
