//! The example input of a version, which must work.

use super::{DryRun, evaluate_document};
use crate::document_cache::Document;
use crate::evaluate;
use crate::outcome::ReasonCode;
use crate::policies::NewVersion;
use crate::{Error, Limits, Outcome, Policy, Result};
use serde_json::Value;
use types::Namespace;

/// Reject a document that does not compile, and an example that does not match the schema, requests
/// an unknown lookup, or on which the document cannot be evaluated. A denial is a valid result.
pub(crate) async fn check(policy: &Policy, namespace: &Namespace, new: &NewVersion) -> Result<()> {
    let (limits, namespace) = (policy.settings.limits.clone(), *namespace);
    let runs = policy
        .pool
        .map(vec![new.clone()], move |new| run(&new, &limits, &namespace))
        .await?;
    for run in runs {
        let Some(run) = run? else { continue };
        let unknown = run
            .lookups
            .iter()
            .find(|lookup| !policy.lookups().knows(&lookup.from));
        if let Some(lookup) = unknown {
            return Err(Error::ExampleInput {
                why: format!("there is no lookup {:?}", lookup.from),
            });
        }
    }
    Ok(())
}

fn run(new: &NewVersion, limits: &Limits, namespace: &Namespace) -> Result<Option<DryRun>> {
    let document = Document::new(&new.document);
    document
        .compiled
        .as_ref()
        .map_err(|error| Error::Document(error.clone()))?;
    let Some(text) = new
        .example_input
        .as_ref()
        .filter(|text| !text.trim().is_empty())
    else {
        return Ok(None);
    };
    let rejected = |why: String| Error::ExampleInput { why };
    let input: Value = serde_json::from_str(text).map_err(|error| rejected(error.to_string()))?;
    if let Some(why) = crate::input::schema_violation(&input) {
        return Err(rejected(why));
    }
    let run = evaluate_document(&document, &input, limits, namespace)?;
    if let Ok(compiled) = &document.compiled {
        let example = evaluate::input(text).map_err(rejected)?;
        evaluate::crosscheck(compiled, &new.document, &example, limits).map_err(rejected)?;
    }
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
