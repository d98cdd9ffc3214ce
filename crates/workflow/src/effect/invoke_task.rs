//! `invoke_task`: starts a run of another task in the step's own transaction, without waiting for
//! it.

use super::options::{get_option, required_text, text};
use super::{Fault, Options, to_json};
use crate::Error;
use crate::run::start::{INVOKE_SCOPE, RunRequest, validate};
use crate::run::{NewRun, Origin};
use crate::work::load::RunContext;
use serde_json::Value;
use types::{Digest, Json, RunId};

/// Longest chain of runs that start each other. Ends the recursion of a task that starts itself.
const MAX_DEPTH: u32 = 64;

/// Builds the request for the new run.
pub(super) fn plan(run: &RunContext, options: &Options) -> Result<RunRequest, Fault> {
    let task = required_text(options, "taskName")?;
    let input = get_option(options, "input").map_or_else(|| Ok(empty()), to_json)?;
    let key = text(options, "idempotencyKey")?.filter(|key| !key.is_empty());
    let new = NewRun {
        task: task.clone(),
        version: text(options, "taskVersion")?,
        input,
        idempotency_key: key.clone(),
        activity: text(options, "activity")?,
    };
    // Displayed values contain no secrets; the key is stored as its hash.
    let masked = |text: String| run.secrets.mask_text(&text);
    let new = validate(&run.workflow, new).map_err(|error| Fault::from_error(&error))?;
    let (id, depth) = (
        RunId::new(run.now(), run.workflow.db().entropy()),
        child_depth(&run.run.origin)?,
    );
    let (input, encrypted_input) = run
        .child_input(id, &new.input)
        .map_err(|error| Fault::from_error(&error))?;
    Ok(RunRequest {
        id,
        new: NewRun {
            input,
            idempotency_key: new.idempotency_key.map(masked),
            activity: new.activity.map(masked),
            ..new
        },
        encrypted_input,
        principal: run.run.initiator.clone(),
        origin: Origin::Run {
            run: run.run.id,
            step: run.step().name.clone(),
            depth,
        },
        lane: None,
        released: true,
        key: key.map(|key| {
            (
                INVOKE_SCOPE,
                Digest::of(format!("{task}/{key}").as_bytes()).to_string(),
            )
        }),
        command: None,
    })
}

/// The depth of a run started by a run with this origin.
fn child_depth(origin: &Origin) -> Result<u32, Fault> {
    let depth = if let Origin::Run { depth, .. } = origin {
        depth + 1
    } else {
        1
    };
    if depth > MAX_DEPTH {
        let (field, limit) = ("runs that start each other".to_owned(), MAX_DEPTH as usize);
        return Err(Fault::from_error(&Error::LimitExceeded {
            field,
            unit: "in a chain",
            limit,
        }));
    }
    Ok(depth)
}

fn empty() -> Json {
    Json::of(&Value::Object(Options::new())).expect("an empty object always serializes")
}
