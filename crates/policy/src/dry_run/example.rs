//! The example that comes with a version: it has to work.

use super::{DryRun, tried};
use crate::evaluate;
use crate::outcome::Why;
use crate::policies::NewVersion;
use crate::shelf::Document;
use crate::{Error, Limits, Outcome, Policy, Result};
use serde_json::Value;
use types::Namespace;

/// Refuse a document that does not compile, and an example that does not fit the schema, names a
/// lookup that does not exist, or to which the document has no answer. A denial is an answer.
pub(crate) async fn check(policy: &Policy, namespace: &Namespace, new: &NewVersion) -> Result<()> {
    let (limits, namespace) = (policy.config.limits.clone(), namespace.clone());
    let runs = policy
        .threads
        .each(vec![new.clone()], move |new| run(&new, &limits, &namespace))
        .await?;
    for run in runs {
        let Some(run) = run? else { continue };
        let unknown = run
            .lookups
            .iter()
            .find(|wanted| !policy.lookups.knows(&wanted.from));
        if let Some(wanted) = unknown {
            return Err(Error::ExampleInput {
                why: format!("there is no lookup {:?}", wanted.from),
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
        .map_err(|refusal| Error::Document(refusal.clone()))?;
    let Some(text) = new
        .example_input
        .as_ref()
        .filter(|text| !text.trim().is_empty())
    else {
        return Ok(None);
    };
    let refused = |why: String| Error::ExampleInput { why };
    let input: Value = serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    if let Some(why) = crate::input::misfit(&input) {
        return Err(refused(why));
    }
    let run = tried(&document, &input, limits, namespace)?;
    if let Ok(compiled) = &document.compiled {
        let given = evaluate::input(text).map_err(refused)?;
        evaluate::compare(compiled, &new.document, &given, limits).map_err(refused)?;
    }
    match &run.outcome {
        Outcome::Denied { reasons } => match reasons.iter().find(|reason| broken(reason.code)) {
            Some(reason) => Err(refused(reason.text.clone())),
            None => Ok(Some(run)),
        },
        _ => Ok(Some(run)),
    }
}

fn broken(code: Why) -> bool {
    matches!(
        code,
        Why::NoAnswer | Why::Lookup | Why::NotCompiled | Why::Unreadable
    )
}
